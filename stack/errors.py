"""What can go wrong with the local stack; every message is one line that names the thing to change."""


class StackError(Exception):
    """Base of all errors of the local stack."""


class NoUnprivilegedIdentity(StackError):
    """PostgreSQL refuses to run as root and no way to another identity works here."""


class ClusterError(StackError):
    """A PostgreSQL cluster could not be created or did not answer in time."""
