"""Instants always carry an offset."""

from datetime import UTC, datetime

import pytest

from include.common.clock import aware, parse_instant, utc_now
from include.common.errors import NaiveDatetime


def test_an_offset_is_turned_into_utc() -> None:
    assert parse_instant("2026-05-01T09:00:00+09:00") == datetime(2026, 5, 1, tzinfo=UTC)
    assert parse_instant("2026-05-01T00:00:00Z").utcoffset() == utc_now().utcoffset()


@pytest.mark.parametrize("text", ["2026-05-01T09:00:00", "2026-99-99T00:00:00Z", "tomorrow"])
def test_what_is_no_instant_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r".+"):
        parse_instant(text)


def test_a_naive_datetime_has_a_named_error() -> None:
    with pytest.raises(NaiveDatetime, match=r"\+09:00"):
        aware(datetime(2026, 5, 1))  # noqa: DTZ001 - the missing zone is the point
