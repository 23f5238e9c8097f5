"""Reading untrusted JSON field by field, noting every fault instead of stopping at the first.

Nothing here echoes what was sent: a fault is stored, mailed and shown, and the value may be hostile or megabytes long.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import email_validator
import phonenumbers

from include.events.errors import Fault

MAX_NAMED_UNKNOWN_KEYS = 20
LONGEST_NAMED_KEY = 40
# Overrides of the writing direction make a text read differently from what it is: an approver would be shown a lie.
DIRECTION_OVERRIDES = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
LINE_BREAKS = frozenset("\n\t")
EARLIEST_YEAR, LATEST_YEAR = 2000, 2200  # far inside what datetime and timestamptz can hold, whatever the offset

_DATE_TIME = re.compile(
    r"\d{4}-\d{2}-\d{2}[Tt ]\d{2}:\d{2}(:\d{2}(\.\d{1,6})?)?(?P<offset>[Zz]|[+-]\d{2}:?\d{2})?", re.ASCII
)
_E164 = re.compile(r"\+[1-9][0-9]{6,14}", re.ASCII)


@dataclass(frozen=True)
class FieldReader:
    """Reads the fields of one object; all readers of a request share one list of faults."""

    values: Mapping[str, Any]
    path: str = ""
    faults: list[Fault] = field(default_factory=list)

    def fault(self, name: str, message: str) -> None:
        """Note that a field is wrong."""
        self.faults.append(Fault(self._path_of(name), message))

    def refuse_unknown(self, known: Collection[str]) -> None:
        """Note every key that is not known."""
        unknown = [key for key in self.values if not (isinstance(key, str) and key in known)]
        for key in unknown[:MAX_NAMED_UNKNOWN_KEYS]:
            self.fault(_printable(key), f"unknown field; known here: {', '.join(known)}")
        if len(unknown) > MAX_NAMED_UNKNOWN_KEYS:
            self.fault("", f"{len(unknown) - MAX_NAMED_UNKNOWN_KEYS} more unknown fields")

    def child(self, name: str) -> FieldReader:
        """Read a required object; when it is missing or no object, say so and go on with an empty one."""
        value = self.values.get(name)
        path = self._path_of(name)
        if isinstance(value, dict):
            return FieldReader(value, path, self.faults)
        self.fault(name, "missing" if name not in self.values else f"must be an object, not {_kind(value)}")
        # A list of its own: fields of an object that is not there are not missing one by one.
        return FieldReader({}, path)

    def text(self, name: str, *, longest: int, shortest: int = 1, multiline: bool = False) -> str:
        """Read a required text, trimmed and in Unicode's composed form; "" when it has a fault."""
        if name not in self.values:
            self.fault(name, "missing")
            return ""
        value = self.values[name]
        if not isinstance(value, str):
            self.fault(name, f"must be a text, not {_kind(value)}")
            return ""
        # The limit comes first: the other checks look at every character.
        problem = "" if len(value) <= longest else f"must have at most {longest} characters, has {len(value)}"
        problem = problem or _character_problem(value, multiline=multiline)
        trimmed = "" if problem else unicodedata.normalize("NFC", value.replace("\r\n", "\n")).strip()
        if not problem and shortest and not _visible(trimmed):
            problem = "must not be empty"
        if not problem and len(trimmed) < shortest:
            problem = f"must have at least {shortest} characters"
        if problem:
            self.fault(name, problem)
            return ""
        return trimmed

    def optional_text(self, name: str, *, longest: int, multiline: bool = False) -> str | None:
        """Read a text that may be missing, null or blank: all three mean None."""
        if self.values.get(name) is None:
            return None
        return self.text(name, shortest=0, longest=longest, multiline=multiline) or None

    def matching(self, name: str, pattern: re.Pattern[str], *, longest: int, rule: str) -> str:
        """Read a required text that must match the whole pattern; `rule` says the pattern in words."""
        text = self.text(name, longest=longest)
        if text and not pattern.fullmatch(text):
            self.fault(name, f"must be {rule}")
            return ""
        return text

    def choice(self, name: str, allowed: Collection[str]) -> str:
        """Read one of some words."""
        text = self.text(name, longest=100)
        if text and text not in allowed:
            self.fault(name, f"must be one of {', '.join(allowed)}")
            return ""
        return text

    def whole_number(self, name: str, *, least: int, most: int) -> int:
        """Read an integer within bounds (both included); `least` when it has a fault."""
        if name not in self.values:
            self.fault(name, "missing")
            return least
        value = self.values[name]
        # bool is a subclass of int in Python, but true is no number of people.
        if isinstance(value, bool) or not isinstance(value, int):
            self.fault(name, f"must be a whole number, not {_kind(value)}")
        elif not least <= value <= most:
            self.fault(name, f"must be from {least} to {most}")
        else:
            return value
        return least

    def email(self, name: str) -> str:
        """Read an e-mail address (syntax only, no DNS) and return it normalised, in ASCII."""
        text = self.text(name, longest=254)
        if not text:
            return ""
        try:
            checked = email_validator.validate_email(
                text, check_deliverability=False, allow_smtputf8=False, test_environment=True
            )
        except (email_validator.EmailNotValidError, UnicodeError):
            self.fault(name, "must be an e-mail address such as name@example.com")
            return ""
        return checked.ascii_email or ""

    def phone(self, name: str) -> str:
        """Read a telephone number in E.164 form."""
        text = self.text(name, longest=40)
        if not text:
            return ""
        # "possible" and not "valid": number plans change more often than the library that knows them.
        if _E164.fullmatch(text) and (number := _parse_phone(text)) and phonenumbers.is_possible_number(number):
            return text
        self.fault(name, "must be a telephone number in E.164 form, for example +821012345678")
        return ""

    def instant(self, name: str) -> datetime | None:
        """Read an ISO 8601 date and time with offset and return it as it was written; None when it has a fault."""
        text = self.text(name, longest=40)
        if not text:
            return None
        match = _DATE_TIME.fullmatch(text)
        if match is None:
            self.fault(name, "must be an ISO 8601 date and time with offset, for example 2030-05-01T18:00:00+09:00")
            return None
        if match["offset"] is None:
            self.fault(name, "has no offset: add for example +09:00")
            return None
        if not EARLIEST_YEAR <= int(text[:4]) <= LATEST_YEAR:
            self.fault(name, f"its year must be from {EARLIEST_YEAR} to {LATEST_YEAR}")
            return None
        try:
            # Adding nothing in UTC turns an impossible offset into an error here and not in the database.
            instant = datetime.fromisoformat(text.upper())
            instant.astimezone(UTC)
        except (ValueError, OverflowError):
            self.fault(name, "is no date and time that exists")
            return None
        return instant

    def _path_of(self, name: str) -> str:
        return ".".join(part for part in (self.path, name) if part)


def check_period(
    reader: FieldReader,
    starts_at: datetime | None,
    ends_at: datetime | None,
    *,
    now: datetime | None,
    longest: timedelta,
    furthest: timedelta,
) -> None:
    """Note when an event starts before `now`, too far after it, ends before it starts or lasts too long."""
    if starts_at is not None and now is not None and starts_at <= now:
        reader.fault("starts_at", "is in the past")
    if starts_at is not None and now is not None and starts_at - now > furthest:
        reader.fault("starts_at", f"is more than {furthest.days} days away")
    if starts_at is None or ends_at is None:
        return
    if ends_at <= starts_at:
        reader.fault("ends_at", "must be after starts_at")
    elif ends_at - starts_at > longest:
        reader.fault("ends_at", f"must be at most {longest.days} days after starts_at")


def _parse_phone(text: str) -> phonenumbers.PhoneNumber | None:
    try:
        return phonenumbers.parse(text)
    except phonenumbers.NumberParseException:
        return None


def _visible(text: str) -> bool:
    """Tell whether anything of the text can be seen: a letter, number, sign or symbol."""
    return any(unicodedata.category(character)[0] in "LNPS" for character in text)


def _character_problem(text: str, *, multiline: bool) -> str:
    """Say which character PostgreSQL, a mail header or a reader would stumble over; "" when there is none."""
    for character in text:
        category = unicodedata.category(character)
        if category == "Cs":
            return "holds half a surrogate pair, which is no character"
        if category in {"Cc", "Zl", "Zp"} and not (multiline and character in LINE_BREAKS | {"\r"}):
            return f"holds the control character U+{ord(character):04X}"
        if character in DIRECTION_OVERRIDES:
            return f"holds the direction override U+{ord(character):04X}"
    return ""


def _kind(value: object) -> str:
    """Name a JSON type as its sender would."""
    names: dict[type, str] = {
        bool: "true or false",
        int: "a number",
        float: "a number with a fraction",
        str: "a text",
        list: "a list",
        dict: "an object",
        type(None): "null",
    }
    return names.get(type(value), "something else")


def _printable(key: object) -> str:
    """Return a key that can be stored and shown wherever it came from."""
    text = ascii(key[:LONGEST_NAMED_KEY])[1:-1] if isinstance(key, str) else f"<{type(key).__name__}>"
    return text or "<empty>"
