"""What can go wrong with the local stack; every message is one line that names the thing to change."""


class StackError(Exception):
    """Base of all errors of the local stack."""


class InvalidSetting(StackError):
    """A value in .env or the environment cannot be used."""


class PackagesMissing(StackError):
    """Debian packages are missing and cannot be installed from here."""


class PortTaken(StackError):
    """Somebody else listens on a port of the stack."""


class DiskFull(StackError):
    """There is too little room for the stack's state."""


class NoUnprivilegedIdentity(StackError):
    """PostgreSQL refuses to run as root and no way to another identity works here."""


class ClusterError(StackError):
    """A PostgreSQL cluster could not be created or did not answer in time."""


class PreparationFailed(StackError):
    """Creating or migrating a database ended with an error."""


class ComponentFailed(StackError):
    """A component ended, or did not answer in time."""


class StackBusy(StackError):
    """Another `up` or `down` of the same stack is running."""


class ProcessesLeft(StackError):
    """Processes of the stack are still there after they were killed."""
