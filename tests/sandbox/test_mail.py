"""The mail relay, through smtplib and Airflow's SmtpHook."""

import smtplib
import socket
from collections.abc import Iterator
from email import policy
from email.message import EmailMessage
from email.utils import formatdate, make_msgid
from typing import Any

import pytest

from sandbox.testing import SandboxServer

SENDER, RECIPIENT = "ops@example.com", "customer@example.com"


@pytest.fixture
def smtp(sandbox_server: SandboxServer) -> Iterator[smtplib.SMTP]:
    with smtplib.SMTP("127.0.0.1", sandbox_server.smtp_port, timeout=10) as client:
        yield client


def message(**replaced: str | None) -> EmailMessage:
    headers = {
        "From": f"운영팀 <{SENDER}>",
        "Date": formatdate(),
        "To": RECIPIENT,
        "Subject": "행사 준비가 끝났습니다",
        "Message-ID": make_msgid(domain="example.com"),
        **{name.replace("_", "-"): value for name, value in replaced.items()},
    }
    mail = EmailMessage()
    for name, value in headers.items():
        if value is not None:
            mail[name] = value
    mail.set_content("안녕하세요")
    mail.add_alternative("<html><head></head><body><p>안녕하세요</p></body></html>", subtype="html")
    return mail


def refusal(smtp: smtplib.SMTP, content: bytes) -> tuple[int, str]:
    with pytest.raises(smtplib.SMTPDataError) as refused:
        smtp.sendmail(SENDER, [RECIPIENT], content)
    return refused.value.smtp_code, bytes(refused.value.smtp_error).decode()


def test_mail_is_kept(smtp: smtplib.SMTP, sandbox_server: SandboxServer) -> None:
    smtp.send_message(message(), to_addrs=[RECIPIENT, "hidden@example.com"])
    (mail,) = sandbox_server.mails(to=RECIPIENT)
    assert mail["subject"] == "행사 준비가 끝났습니다"
    assert mail["envelope"] == {"from": SENDER, "to": [RECIPIENT, "hidden@example.com"]}
    assert mail["text"].strip() == "안녕하세요"
    assert "<p>안녕하세요</p>" in mail["html"]
    assert sandbox_server.mails(to="somebody.else@example.com") == []


def test_airflows_hook_sends_when_it_is_given_a_message_id(
    sandbox_server: SandboxServer, airflow_connection: Any
) -> None:
    from airflow.providers.smtp.hooks.smtp import SmtpHook

    conn_id = airflow_connection(
        "smtp_default",
        conn_type="smtp",
        host="127.0.0.1",
        port=sandbox_server.smtp_port,
        extra={"disable_ssl": True, "disable_tls": True, "from_email": SENDER},
    )
    with SmtpHook(smtp_conn_id=conn_id) as hook:
        content = {"to": RECIPIENT, "subject": "Plan", "html_content": "<p>Plan</p>"}
        with pytest.raises(smtplib.SMTPDataError, match="Message-ID"):
            hook.send_email_smtp(**content)
        hook.send_email_smtp(**content, custom_headers={"Message-ID": make_msgid(domain="example.com")})
    assert [mail["subject"] for mail in sandbox_server.mails()] == ["Plan"]


@pytest.mark.parametrize("name", ["From", "Date", "To", "Subject", "Message-ID"])
def test_each_required_header(smtp: smtplib.SMTP, sandbox_server: SandboxServer, name: str) -> None:
    code, text = refusal(smtp, message(**{name: None}).as_bytes(policy=policy.SMTP))
    assert (code, name in text) == (550, True)
    assert sandbox_server.mails() == []


@pytest.mark.parametrize(
    ("headers", "word"),
    [
        ({"Bcc": "hidden@example.com"}, "Bcc"),
        ({"Message_ID": "12345"}, "Message-ID"),
        ({"From": "nobody"}, "From"),
        ({"To": "undisclosed"}, "To"),
        ({"Subject": ""}, "Subject"),
    ],
)
def test_useless_headers(smtp: smtplib.SMTP, headers: dict[str, str], word: str) -> None:
    code, text = refusal(smtp, message(**headers).as_bytes(policy=policy.SMTP))
    assert (code, word in text) == (550, True)


def test_headers_come_once(smtp: smtplib.SMTP) -> None:
    code, text = refusal(smtp, b"Subject: a second one\r\n" + message().as_bytes(policy=policy.SMTP))
    assert (code, "2 Subject headers" in text) == (550, True)


def test_raw_characters_in_headers(smtp: smtplib.SMTP) -> None:
    raw = message().as_bytes(policy=policy.SMTP).replace(b"Subject: ", "Subject: 행사 ".encode())
    assert refusal(smtp, raw)[0] == 550


@pytest.mark.parametrize(("length", "taken"), [(998, True), (999, False), (1200, False)])
def test_longest_line(smtp: smtplib.SMTP, sandbox_server: SandboxServer, length: int, taken: bool) -> None:
    raw = message().as_bytes(policy=policy.SMTP) + b"x" * length + b"\r\n"
    if taken:
        smtp.sendmail(SENDER, [RECIPIENT], raw)
        assert len(sandbox_server.mails()) == 1
    else:
        assert refusal(smtp, raw)[0] == 500


def test_bare_line_feeds(sandbox_server: SandboxServer) -> None:
    with socket.create_connection(("127.0.0.1", sandbox_server.smtp_port), timeout=10) as line:
        reader = line.makefile("rb")
        reader.readline()
        for command in ("EHLO test", f"MAIL FROM:<{SENDER}>", f"RCPT TO:<{RECIPIENT}>", "DATA"):
            line.sendall(command.encode() + b"\r\n")
            while reader.readline()[3:4] == b"-":
                pass
        line.sendall(message().as_bytes(policy=policy.SMTP) + b"x\ny\r\n.\r\n")
        assert reader.readline().startswith(b"550 5.6.11")


@pytest.mark.parametrize("method", ["MAIL", "RCPT", "DATA"])
def test_passing_fault(smtp: smtplib.SMTP, sandbox_server: SandboxServer, method: str) -> None:
    sandbox_server.faults("smtp", method=method, status=452, times=1)
    with pytest.raises((smtplib.SMTPResponseException, smtplib.SMTPRecipientsRefused)):
        smtp.send_message(message())
    smtp.send_message(message())
    assert len(sandbox_server.mails()) == 1
    assert [entry["status"] for entry in sandbox_server.journal("mail")] == [452, 250]


def test_mail_is_taken_and_the_line_cut(smtp: smtplib.SMTP, sandbox_server: SandboxServer) -> None:
    sandbox_server.faults("smtp", disconnect=True, after=True, method="DATA", times=1)
    with pytest.raises(smtplib.SMTPServerDisconnected):
        smtp.send_message(message())
    assert len(sandbox_server.mails()) == 1
