"""What can be wrong with approving."""


class ApprovalError(Exception):
    """Base of the errors in this domain."""


class InvalidRoster(ApprovalError):
    """`config/approvers.yaml` cannot be used; the message names the place."""


class NoApprover(ApprovalError):
    """Nobody is there who may decide: all are absent or the requester himself."""


class ApprovalRequired(ApprovalError):
    """The event is too big to be approved automatically."""
