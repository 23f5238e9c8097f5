"""Names that every system accepts."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from include.events.slug import namespace_of, romanize, slug_for

SLUG = re.compile(r"[a-z][a-z0-9_]{2,30}")
# RFC 1123 label: what Kubernetes takes as a namespace.
NAMESPACE = re.compile(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?")


@pytest.mark.parametrize(
    ("text", "latin"), [("봄 축제", "bom chukje"), ("한글 Expo", "hangeul Expo"), ("서울", "seoul")]
)
def test_romanizes_korean(text: str, latin: str) -> None:
    assert romanize(text) == latin


def test_a_slug_is_readable_and_ends_in_the_digest_of_the_request() -> None:
    assert slug_for("Seoul Spring Summit", "r1") == "seoul_spring_summit_82f3e9"
    assert slug_for("2030 Expo", "r1").startswith("event_2030_expo_")
    assert slug_for("🎉", "r1").startswith("event_")


def test_a_salt_gives_another_candidate() -> None:
    assert slug_for("Expo", "r1", salt=1) != slug_for("Expo", "r1")


@given(name=st.text(max_size=150), request_id=st.text(max_size=80), salt=st.integers(0, 3))
def test_any_name_gives_a_valid_slug_and_namespace(name: str, request_id: str, salt: int) -> None:
    slug = slug_for(name, request_id.encode("utf-8", "replace").decode(), salt=salt)
    assert SLUG.fullmatch(slug)
    assert NAMESPACE.fullmatch(namespace_of(slug))
