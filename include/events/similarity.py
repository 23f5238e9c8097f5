"""How alike two names are, counted as pg_trgm does.

In Python, because `pg_trgm` ignores every letter that the database's locale does not know: under `C`, any two Korean
names would have nothing in common. A test compares the two under a UTF-8 locale.
"""

from __future__ import annotations

import re
import unicodedata

SIMILAR_FROM = 0.6
_WORD = re.compile(r"[^\W_]+")


def trigrams(text: str) -> frozenset[str]:
    """Return the three-letter pieces of each word, padded with two spaces in front and one behind."""
    words = _WORD.findall(unicodedata.normalize("NFC", text).lower())
    padded = (f"  {word} " for word in words)
    return frozenset(word[start : start + 3] for word in padded for start in range(len(word) - 2))


def similarity(one: str, other: str) -> float:
    """Return the share of common trigrams: 0.0 (nothing alike) to 1.0 (the same words)."""
    first, second = trigrams(one), trigrams(other)
    if not first or not second:
        return 0.0
    return len(first & second) / len(first | second)
