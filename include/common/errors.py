"""Errors of the things that every domain shares."""


class CommonError(Exception):
    """Base of the errors in `include.common`."""


class ConnectionNotConfigured(CommonError):
    """The environment has no such connection: what depends on it is off."""

    def __init__(self, conn_id: str, variable: str) -> None:
        super().__init__(f"connection {conn_id!r} is not configured: the environment variable {variable} is not set")
        self.conn_id = conn_id
        self.variable = variable


class InvalidConnection(CommonError):
    """The environment has the connection, but it cannot be read. The value, maybe a secret, is never repeated."""


class NaiveDatetime(CommonError, ValueError):
    """An instant came without an offset, so nobody can tell when it is."""
