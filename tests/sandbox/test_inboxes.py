"""The pages on which people see what was sent: right with nothing, with much, and with hostile content."""

import smtplib
from email import policy
from email.message import EmailMessage
from email.utils import formatdate, make_msgid

import httpx
import pytest

from sandbox.pages.mrkdwn import block_views, mrkdwn_html
from sandbox.testing import SandboxServer


def send_mail(server: SandboxServer, *, subject: str, html: str = "", recipient: str = "a@example.com") -> None:
    mail = EmailMessage(policy=policy.SMTP)
    mail["From"], mail["To"], mail["Subject"] = "ops@example.com", recipient, subject
    mail["Date"], mail["Message-ID"] = formatdate(), make_msgid(domain="example.com")
    mail.set_content("plain text")
    if html:
        mail.add_alternative(html, subtype="html")
    with smtplib.SMTP("127.0.0.1", server.smtp_port, timeout=10) as smtp:
        smtp.send_message(mail)


@pytest.mark.parametrize("path", ["/", "/mail", "/sms", "/slack"])
def test_pages_of_an_empty_sandbox(sandbox_server: SandboxServer, path: str) -> None:
    answer = httpx.get(sandbox_server.url + path)
    assert answer.status_code == 200
    assert answer.headers["content-security-policy"].startswith("default-src 'none'")


def test_mail_page_shows_the_newest_and_any_other(sandbox_server: SandboxServer) -> None:
    send_mail(sandbox_server, subject="first", html="<html><head></head><body><b>hello</b></body></html>")
    send_mail(sandbox_server, subject="second <script>", recipient="b@example.com")
    page = httpx.get(f"{sandbox_server.url}/mail").text
    assert "<h1>second &lt;script&gt;</h1>" in page
    first_id = sandbox_server.mails(to="a@example.com")[0]["id"]
    assert "<h1>first</h1>" in httpx.get(f"{sandbox_server.url}/mail/{first_id}").text
    only_b = httpx.get(f"{sandbox_server.url}/mail?to=b@").text
    assert "<strong>first</strong>" not in only_b


def test_mail_body_cannot_run_anything(sandbox_server: SandboxServer) -> None:
    send_mail(sandbox_server, subject="x", html="<html><head></head><body><script>alert(1)</script></body></html>")
    body = httpx.get(f"{sandbox_server.url}/mail/{sandbox_server.mails()[0]['id']}/html")
    policy_words = body.headers["content-security-policy"]
    assert "default-src 'none'" in policy_words
    assert "allow-scripts" not in policy_words
    assert '<base target="_blank">' in body.text


def test_raw_mail(sandbox_server: SandboxServer) -> None:
    send_mail(sandbox_server, subject="raw")
    raw = httpx.get(f"{sandbox_server.url}/mail/api/messages/{sandbox_server.mails()[0]['id']}/raw")
    assert b"Subject: raw\r\n" in raw.content


def test_mail_is_found_by_subject_and_id(sandbox_server: SandboxServer) -> None:
    send_mail(sandbox_server, subject="Plan A")
    send_mail(sandbox_server, subject="Plan B")
    newest, oldest = sandbox_server.mails()
    url = f"{sandbox_server.url}/mail/api/messages"
    assert httpx.get(url, params={"subject": "plan a"}).json() == {"messages": [oldest]}
    assert httpx.get(url, params={"after_id": oldest["id"]}).json() == {"messages": [newest]}
    assert httpx.delete(url).status_code == 204
    assert sandbox_server.mails() == []


@pytest.mark.parametrize("path", ["/mail/999999", "/mail/999999/html", "/mail/api/messages/999999"])
def test_mail_that_is_not_there(sandbox_server: SandboxServer, path: str) -> None:
    assert httpx.get(sandbox_server.url + path).status_code == 404


def test_sms_page_groups_by_number(sandbox_server: SandboxServer) -> None:
    credentials = sandbox_server.credentials
    path = f"/twilio/2010-04-01/Accounts/{credentials.twilio_account_sid}/Messages.json"
    form = {"To": "+821012345678", "From": credentials.twilio_from, "Body": "확인: https://example.com/g/1 <b>"}
    auth = (credentials.twilio_account_sid, credentials.twilio_auth_token)
    httpx.post(sandbox_server.url + path, data=form, auth=auth).raise_for_status()
    page = httpx.get(f"{sandbox_server.url}/sms").text
    assert 'href="https://example.com/g/1"' in page
    assert "&lt;b&gt;" in page
    listed = httpx.get(f"{sandbox_server.url}/sms/api/messages", params={"to": "+8210"}).json()["messages"]
    assert [message["body"] for message in listed] == [form["Body"]]


def test_slack_page_shows_a_channel(sandbox_server: SandboxServer) -> None:
    url = f"{sandbox_server.url}/slack/services/{sandbox_server.credentials.slack_webhook}"
    blocks = [
        {"type": "header", "text": {"type": "plain_text", "text": "Approve <this>?"}},
        {"type": "section", "fields": [{"type": "mrkdwn", "text": "*Tier*\nmedium"}]},
        {
            "type": "actions",
            "elements": [
                {"type": "button", "text": {"type": "plain_text", "text": "Open"}, "url": "https://example.com/approve"}
            ],
        },
        {"type": "context", "elements": [{"type": "mrkdwn", "text": "expires in 24 h"}]},
    ]
    httpx.post(url, json={"text": "fallback", "blocks": blocks}).raise_for_status()
    page = httpx.get(f"{sandbox_server.url}/slack").text
    for part in ("Approve &lt;this&gt;?", "<strong>Tier</strong><br>medium", 'href="https://example.com/approve"'):
        assert part in page


@pytest.mark.parametrize(
    ("text", "html"),
    [
        ("*bold* _it_ ~no~", "<strong>bold</strong> <em>it</em> <s>no</s>"),
        ("snake_case_name 2*3*4", "snake_case_name 2*3*4"),
        ("`a*b*` ```x\n_y_```", "<code>a*b*</code> <pre>x\n_y_</pre>"),
        ("<https://e.com/?a=1&amp;b=2|link>", '<a href="https://e.com/?a=1&amp;b=2" target="_blank">link</a>'),
        ("&lt;script&gt; <script>", "&lt;script&gt; &lt;script&gt;"),
        ("<javascript:alert(1)|x>", "&lt;javascript:alert(1)|x&gt;"),
        ("a\nb", "a<br>b"),
    ],
)
def test_mrkdwn(text: str, html: str) -> None:
    assert str(mrkdwn_html(text)) == html


def test_attachments_are_shown() -> None:
    (_text, attachment) = block_views({"text": "x", "attachments": [{"color": "danger", "title": "T", "text": "U"}]})
    assert (attachment["color"], str(attachment["views"][0]["html"])) == ("#e01e5a", "T<br>U")
