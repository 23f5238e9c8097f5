"""What can be wrong with a message before it is sent."""


class NotificationError(Exception):
    """Base of the errors in this domain."""


class BrokenTemplate(NotificationError):
    """A template is missing, cannot be read or needs a value that it was not given."""
