"""What can go wrong in the sandbox itself; the errors of the services that it plays live beside each service."""


class SandboxError(Exception):
    """Base of the sandbox's own errors."""


class InvalidSetting(SandboxError):
    """An environment variable has a value that cannot be used."""


class PortTaken(SandboxError):
    """Somebody else listens on the port that was asked for."""


class InvalidFault(SandboxError):
    """A fault that was asked for makes no sense."""


class SandboxNotReady(SandboxError):
    """The sandbox did not answer within its time limit."""
