"""A short name that databases, Kubernetes and addresses all accept, readable in Korean too."""

from __future__ import annotations

import hashlib
import re
import unicodedata

LONGEST_SLUG = 31  # [a-z][a-z0-9_]{2,30}: what the platform's functions accept
DIGEST_LENGTH = 6
_LONGEST_NAME_PART = LONGEST_SLUG - DIGEST_LENGTH - 1

# Revised Romanization of Korean (2000), letter by letter; good enough to recognise an event by.
_INITIALS = "g kk n d tt r m b pp s ss . j jj ch k t p h".replace(".", "").split(" ")
_VOWELS = "a ae ya yae eo e yeo ye o wa wae oe yo u wo we wi yu eu ui i".split()  # noqa: SIM905  # else 21 lines
_FINALS = ["", *"k k k n n n t l k m l l l p l m p p t t ng t t k t p t".split()]  # noqa: SIM905  # else 28 lines
_FIRST_SYLLABLE, _LAST_SYLLABLE = 0xAC00, 0xD7A3


def slug_for(name: str, request_id: str, *, salt: int = 0) -> str:
    """Return a name part and six hex digits of the request id's SHA-256, such as `bom_chukje_3fa2b1`.

    `salt` gives the next candidate when the slug is taken.
    """
    seed = request_id if salt == 0 else f"{request_id}#{salt}"
    digest = hashlib.sha256(seed.encode()).hexdigest()[:DIGEST_LENGTH]
    latin = unicodedata.normalize("NFKD", romanize(name)).encode("ascii", "ignore").decode().lower()
    part = re.sub(r"[^a-z0-9]+", "_", latin).strip("_")
    if not part[:1].isalpha():
        part = f"event_{part}"
    return f"{part[:_LONGEST_NAME_PART].strip('_')}_{digest}"


def romanize(text: str) -> str:
    """Write Hangul syllables in Latin letters; everything else stays."""
    return "".join(_romanize_syllable(character) for character in unicodedata.normalize("NFC", text))


def namespace_of(slug: str) -> str:
    """Return the Kubernetes namespace of an event."""
    return f"event-{slug.replace('_', '-')}"


def schema_of(slug: str) -> str:
    """Return the database schema of an event."""
    return f"event_{slug}"


def _romanize_syllable(character: str) -> str:
    code = ord(character)
    if not _FIRST_SYLLABLE <= code <= _LAST_SYLLABLE:
        return character
    initial, rest = divmod(code - _FIRST_SYLLABLE, len(_VOWELS) * len(_FINALS))
    vowel, final = divmod(rest, len(_FINALS))
    return _INITIALS[initial] + _VOWELS[vowel] + _FINALS[final]
