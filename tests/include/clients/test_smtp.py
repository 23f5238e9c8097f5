"""What a mail server's failures mean: worth another try, or not."""

import smtplib
import socket
import ssl

import pytest

from include.clients.errors import ClientError, PermanentError, Refused, RetryableError, Unauthorized, Unreachable
from include.clients.smtp import smtp_errors


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (smtplib.SMTPServerDisconnected("Connection unexpectedly closed"), Unreachable),
        (smtplib.SMTPConnectError(421, b"4.3.2 shutting down"), RetryableError),
        (smtplib.SMTPDataError(451, b"4.3.0 try again"), RetryableError),
        (smtplib.SMTPRecipientsRefused({"a@example.com": (450, b"4.2.1 busy")}), RetryableError),
        (smtplib.SMTPRecipientsRefused({"a@x.com": (550, b"no"), "b@x.com": (450, b"busy")}), RetryableError),
        (smtplib.SMTPAuthenticationError(454, b"4.7.0 temporary"), RetryableError),
        (socket.gaierror(socket.EAI_AGAIN, "Temporary failure in name resolution"), Unreachable),
        (TimeoutError("timed out"), Unreachable),
        (smtplib.SMTPRecipientsRefused({"a@example.com": (550, b"5.1.1 unknown")}), Refused),
        (smtplib.SMTPSenderRefused(553, b"5.1.8 sender", "ops@example.com"), Refused),
        (smtplib.SMTPDataError(554, b"5.6.0 spam"), Refused),
        (smtplib.SMTPAuthenticationError(535, b"5.7.8 wrong"), Unauthorized),
        (smtplib.SMTPNotSupportedError("no SMTPUTF8"), PermanentError),
        (ssl.SSLCertVerificationError("certificate verify failed"), PermanentError),
    ],
)
def test_each_failure_has_its_place_in_the_error_tree(error: Exception, kind: type[ClientError]) -> None:
    with pytest.raises(ClientError) as caught, smtp_errors():
        raise error
    assert type(caught.value) is kind
    assert caught.value.__cause__ is error


def test_what_is_no_failure_of_the_server_passes() -> None:
    with pytest.raises(ValueError, match="a bug"), smtp_errors():
        raise ValueError("a bug")
