"""Quantities such as ``500m``, ``1.5Gi`` or ``2e3``: read, and written as short as the API server does.

Grammar: https://kubernetes.io/docs/reference/kubernetes-api/common-definitions/quantity/.
"""

from __future__ import annotations

import re
from decimal import Decimal

_PATTERN = re.compile(r"([+-]?(?:\d+\.?\d*|\.\d+))([eE][+-]?\d+|[numkMGTPE]|[KMGTPE]i|)")
_BINARY = {suffix: Decimal(1024) ** power for power, suffix in enumerate(("Ki", "Mi", "Gi", "Ti", "Pi", "Ei"), 1)}
_DECIMAL = {
    "n": Decimal("1e-9"),
    "u": Decimal("1e-6"),
    "m": Decimal("1e-3"),
    "": Decimal(1),
    **{suffix: Decimal(1000) ** power for power, suffix in enumerate("kMGTPE", 1)},
}


def parse_quantity(value: object) -> Decimal:
    """Return the number that a quantity stands for.

    Raises ValueError for text that is no quantity.
    """
    matched = _PATTERN.fullmatch(str(value))
    if matched is None or isinstance(value, bool):
        raise ValueError(f"{value!r} is no quantity")
    number, suffix = matched.groups()
    size = _BINARY.get(suffix) or _DECIMAL.get(suffix)
    return Decimal(number + suffix) if size is None else Decimal(number) * size


def format_quantity(amount: Decimal, *, like: object = "") -> str:
    """Write an amount in the unit family of `like`: binary for memory, decimal for the rest."""
    if str(like).endswith("i"):
        for suffix, size in reversed(_BINARY.items()):
            if amount and amount % size == 0:
                return f"{amount / size:f}{suffix}"
    if amount != amount.to_integral_value():
        return f"{(amount * 1000).to_integral_value():f}m"
    return f"{amount.to_integral_value():f}"
