"""Quantities: the suffixes, and what is none."""

from decimal import Decimal

import pytest

from sandbox.kubernetes.quantities import format_quantity, parse_quantity


@pytest.mark.parametrize(
    ("text", "amount"),
    [
        ("1", "1"),
        ("500m", "0.5"),
        ("1.5Gi", str(1536 * 1024**2)),
        (".5", "0.5"),
        ("2e3", "2000"),
        ("1E", "1000000000000000000"),
        ("1Ei", str(1024**6)),
        ("100k", "100000"),
        ("-1", "-1"),
        (2, "2"),
    ],
)
def test_amounts(text: object, amount: str) -> None:
    assert parse_quantity(text) == Decimal(amount)


@pytest.mark.parametrize("text", ["", "one", "1 Gi", "1gi", "1KB", "1e", "--1", True, None])
def test_no_quantities(text: object) -> None:
    with pytest.raises(ValueError, match="no quantity"):
        parse_quantity(text)


@pytest.mark.parametrize(
    ("amount", "like", "text"),
    [
        ("0.5", "1", "500m"),
        ("2", "4", "2"),
        ("1073741824", "2Gi", "1Gi"),
        ("268435456", "1Gi", "256Mi"),
        ("0", "1Gi", "0"),
    ],
)
def test_short_forms(amount: str, like: str, text: str) -> None:
    assert format_quantity(Decimal(amount), like=like) == text
