"""What a mail server's failures mean, in the one error tree: worth another try, or not."""

from __future__ import annotations

import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from smtplib import (
    SMTPAuthenticationError,
    SMTPException,
    SMTPRecipientsRefused,
    SMTPResponseException,
    SMTPServerDisconnected,
)

from include.clients.errors import ClientError, PermanentError, Refused, RetryableError, Unauthorized, Unreachable

SERVICE = "mail server"
# RFC 5321, 4.2.1: 4yz says "come again", 5yz says "never in this form".
FIRST_PERMANENT, LAST_PERMANENT = 500, 599


@contextmanager
def smtp_errors() -> Iterator[None]:
    """Turn what `smtplib` and the connection raise into a ClientError.

    Raises Unreachable for no or a lost connection, RetryableError for a 4yz reply, Unauthorized for a refused log-in,
    Refused for any other 5yz reply (an unknown mailbox among them), PermanentError for what no repetition can mend.
    """
    try:
        yield
    except SMTPException as error:
        raise _translated(error) from error
    except ssl.SSLCertVerificationError as error:
        raise PermanentError(SERVICE, str(error)) from error
    except OSError as error:
        raise Unreachable(SERVICE, str(error) or type(error).__name__) from error


def _translated(error: SMTPException) -> ClientError:
    if isinstance(error, SMTPServerDisconnected):
        return Unreachable(SERVICE, str(error))
    if isinstance(error, SMTPRecipientsRefused):
        # One of several that may come again is reason enough: smtplib raises this only when nobody was accepted.
        code, reply = min(error.recipients.values(), default=(FIRST_PERMANENT, b"no recipients"))
        return _for_reply(code, reply)
    if isinstance(error, SMTPAuthenticationError) and _is_permanent(error.smtp_code):
        return Unauthorized(SERVICE, _words(error.smtp_code, error.smtp_error))
    if isinstance(error, SMTPResponseException):
        return _for_reply(error.smtp_code, error.smtp_error)
    return PermanentError(SERVICE, str(error) or type(error).__name__)


def _for_reply(code: int, reply: bytes | str) -> ClientError:
    kind = Refused if _is_permanent(code) else RetryableError
    return kind(SERVICE, _words(code, reply))


def _is_permanent(code: int) -> bool:
    return FIRST_PERMANENT <= code <= LAST_PERMANENT


def _words(code: int, reply: bytes | str) -> str:
    text = reply.decode(errors="replace") if isinstance(reply, bytes) else reply
    return f"{code} {' '.join(text.split())}"
