"""How many SMS segments a text takes (3GPP TS 23.038: GSM-7, else UCS-2)."""

from __future__ import annotations

import math

_GSM7 = frozenset(
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?¡"
    "ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà"
)
_GSM7_EXTENSION = frozenset("^{}\\[~]|€\f")


def count_segments(body: str) -> int:
    """Return the number of segments; a part of a longer message carries a header and holds less."""
    if all(character in _GSM7 or character in _GSM7_EXTENSION for character in body):
        units = sum(2 if character in _GSM7_EXTENSION else 1 for character in body)
        single, part = 160, 153
    else:
        units = len(body.encode("utf-16-le")) // 2
        single, part = 70, 67
    return 1 if units <= single else math.ceil(units / part)
