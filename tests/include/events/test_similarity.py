"""Trigrams by hand; `tests/integration/events/test_similarity.py` compares with pg_trgm."""

import pytest

from include.events.similarity import similarity, trigrams


def test_words_are_padded() -> None:
    assert trigrams("Ab") == {"  a", " ab", "ab "}


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [
        ("Spring Summit", "spring  SUMMIT!", 1.0),
        ("Summit Spring", "Spring Summit", 1.0),
        ("봄 축제", "봄 축제", 1.0),
        ("봄 축제", "가을 콘서트", 0.0),
        ("", "", 0.0),
        ("!!!", "!!!", 0.0),
    ],
)
def test_same_and_different_names(one: str, other: str, expected: float) -> None:
    assert similarity(one, other) == expected


def test_a_numbered_day_is_similar() -> None:
    assert similarity("Seoul Spring Summit day 1", "Seoul Spring Summit day 2") >= 0.6
