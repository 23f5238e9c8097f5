"""Errors of the `ops` database."""

from collections.abc import Sequence


class StoreError(Exception):
    """Base of the errors in `include.store`."""


class PasswordsMissing(StoreError):
    """Roles cannot be created without their passwords."""

    def __init__(self, variables: Sequence[str]) -> None:
        super().__init__(f"set the passwords of the database roles first: {', '.join(variables)} not set")
        self.variables = tuple(variables)


class NotBootstrapped(StoreError):
    """The database lacks the roles or the schema that a migration builds on."""

    def __init__(self, missing: Sequence[str]) -> None:
        super().__init__(f"{', '.join(missing)} missing: run `python -m include.store bootstrap` as superuser first")
        self.missing = tuple(missing)


class DatabaseNotGiven(StoreError):
    """A command was told no database to work on."""


class AnchorError(StoreError):
    """The ledger's anchors outside cannot be read or written."""


class AnchorConflict(AnchorError):
    """An anchor of this name exists with other content. Anchors are written once: somebody changed one of the two."""


class LedgerNotTrusted(StoreError):
    """The last check found the ledger tampered with: its head is not published before a check finds it intact."""
