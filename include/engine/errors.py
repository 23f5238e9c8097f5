"""Errors of the engine."""


class EngineError(Exception):
    """Base of the errors in this domain."""


class CannotStart(EngineError):
    """The engine lacks something that it needs from the beginning; the message says what."""


class RunRefused(EngineError):
    """Airflow says that the request itself is wrong: sending it again cannot help."""


class RunFailed(EngineError):
    """Airflow stumbled over this one request (500); the others may go through."""
