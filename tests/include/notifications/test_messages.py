"""Mails, texts and the guide: in both languages, complete, and with everything escaped."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from unittest.mock import Mock

import pytest

from include.approvals import messages
from include.approvals.roster import Approver, Rank
from include.events.plan import EventPlan
from include.events.presentation import plan_context
from include.events.steps.guide import render_guide
from include.events.world import World
from include.notifications.errors import BrokenTemplate
from include.notifications.mail import build_email, message_id, render_message
from include.notifications.templates import LANGUAGES, TEMPLATES_DIR, format_instant, render
from tests.support.plans import plan_of, request

HOSTILE = "<img src=x onerror=alert(1)> & 'q' \"d\" {{ 7*7 }}"
APPROVER = Approver(
    username="manager1",
    name="박지훈",
    email="m@example.com",
    phone="+821012345678",
    slack_id="U1",
    ranks=(Rank.MANAGER,),
)
LINKS = {
    "handover_url": "https://platform.example/handover/abc",
    "guide_url": "https://ops.example/console/guides/def",
    "rating_url": "https://ops.example/console/ratings/ghi",
    "dashboard_url": "https://platform.example/dashboard/x",
    "operators_email": "ops@example.com",
}


class Elements(HTMLParser):
    """Collects the elements and checks that they are closed."""

    VOID = frozenset({"meta", "hr", "br", "img", "link"})

    def __init__(self, html: str) -> None:
        super().__init__()
        self.seen: list[str] = []
        self.open: list[str] = []
        self.attributes: set[str] = set()
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.append(tag)
        self.attributes |= {name for name, _ in attrs}
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def plan_in(language: str, text: str = "Seoul Spring Summit") -> EventPlan:
    plan = plan_of(request(notes="note"))
    return replace(
        plan,
        customer=replace(plan.customer, language=language, name=text),
        event=replace(plan.event, name=text, venue=text),
    )


def world() -> World:
    outside = Mock(spec=World)
    outside.operators_email = "ops@example.com"
    outside.dashboard_url.return_value = "https://platform.example/dashboard/x"
    return outside


def guide(language: str, text: str = "Seoul Spring Summit") -> str:
    return render_guide(plan_in(language, text), world(), username="x.1a2b", now=datetime(2030, 4, 1, tzinfo=UTC))


@pytest.mark.parametrize("language", LANGUAGES)
def test_confirmation_has_every_link_in_text_and_html(language: str) -> None:
    message = render_message(
        "confirmation", language=language, context=plan_context(plan_in(language), language=language) | LINKS
    )
    assert "Seoul Spring Summit" in message.subject
    assert "\n" not in message.subject
    for link in LINKS.values():
        assert link in message.text
        assert link in message.html
    for score in range(1, 6):
        assert f'{LINKS["rating_url"]}?score={score}"' in message.html


@pytest.mark.parametrize("language", LANGUAGES)
def test_an_sms_is_short_enough_and_says_where_to_go(language: str) -> None:
    plan = plan_in(language, "N" * 120)
    text = render("confirmation.sms", language=language, context=plan_context(plan, language=language) | LINKS)
    assert LINKS["guide_url"] in text
    assert len(text) < 500


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("kind", ["asked", "again", "reminder", "deputy"])
def test_approvers_are_told_in_their_language(language: str, kind: str) -> None:
    person = Approver(**{name: getattr(APPROVER, name) for name in APPROVER.__struct_fields__} | {"language": language})
    message = messages.approval_message(kind, plan_in("ko"), person, "https://airflow.example/review?a=1&b=2")
    assert "박지훈" in message.text
    assert "https://airflow.example/review?a=1&b=2" in message.text
    assert "https://airflow.example/review?a=1&amp;b=2" in message.html


def test_the_channel_names_people_and_obeys_nobody_else() -> None:
    text = messages.channel_message("asked", plan_in("ko", "<!channel> *x* <https://evil.example|ok>"), [APPROVER], "u")
    assert "<@U1>" in text
    assert "<!channel>" not in text
    assert "&lt;!channel&gt;" in text
    assert "<https://evil" not in text


@pytest.mark.parametrize("language", LANGUAGES)
def test_html_mail_escapes_every_value(language: str) -> None:
    plan = plan_in(language, HOSTILE)
    plain = plan_in(language)
    for name, more in (("confirmation", LINKS), ("approval", {"kind": "asked", "person": HOSTILE, "review_url": "u"})):
        hostile_html = message_html(name, plan, language, more)
        plain_html = message_html(name, plain, language, {**more, "person": "P"})
        assert Elements(hostile_html).seen == Elements(plain_html).seen
        assert "onerror" not in Elements(hostile_html).attributes


def message_html(name: str, plan: EventPlan, language: str, more: Mapping[str, Any]) -> str:
    return render_message(name, language=language, context=plan_context(plan, language=language) | more).html


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_guide_is_one_self_contained_page(language: str) -> None:
    html = guide(language)
    elements = Elements(html)
    assert f'<html lang="{language}">' in html
    assert elements.open == []
    assert not {"script", "link", "img", "iframe", "form"} & set(elements.seen)
    assert "url(" not in html
    for part in ("x.1a2b", "https://platform.example/dashboard/x", "ops@example.com", "curl -H", "spring-2030"):
        assert part in html
    assert "@media print" in html


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_guide_escapes_every_value(language: str) -> None:
    elements = Elements(guide(language, HOSTILE))
    assert elements.seen == Elements(guide(language)).seen
    assert "49" not in guide(language, "{{ 7*7 }}")


def test_both_languages_have_the_same_templates() -> None:
    # What operators read is in English only.
    internal = {"rolled_back_operators.txt", "customer_not_reached.txt"}
    found = {language: {path.name for path in (TEMPLATES_DIR / language).iterdir()} for language in LANGUAGES}
    assert found["en"] - internal == found["ko"] - internal


def test_a_mail_has_both_parts_and_a_stable_id() -> None:
    context = plan_context(plan_in("ko"), language="ko") | LINKS
    identifier = message_id("r1", 1, "confirmation", domain="ops.example")
    mail = build_email(
        render_message("confirmation", language="ko", context=context),
        sender="events@ops.example",
        recipient="h@example.com",
        recipient_name='Kim, "Haneul" <x@y>',
        identifier=identifier,
    )
    assert [part.get_content_type() for part in mail.iter_parts()] == ["text/plain", "text/html"]
    assert mail["Message-ID"] == identifier == message_id("r1", 1, "confirmation", domain="ops.example")
    assert identifier != message_id("r1", 2, "confirmation", domain="ops.example")
    assert mail["To"].addresses[0].addr_spec == "h@example.com"
    assert len(mail["To"].addresses) == 1
    assert mail["Auto-Submitted"] == "auto-generated"


def test_a_missing_value_or_template_is_an_error() -> None:
    with pytest.raises(BrokenTemplate, match="undefined"):
        render("confirmation.sms", language="ko", context={})
    with pytest.raises(BrokenTemplate, match=r"absent\.txt"):
        render("absent.txt", language="ko", context={})
    with pytest.raises(BrokenTemplate, match="no templates in 'de'"):
        render("confirmation.sms", language="de", context={})


def test_times_are_written_with_their_offset() -> None:
    instant = datetime.fromisoformat("2030-05-01T09:00:00+09:00")
    assert format_instant(instant, "ko") == "2030년 5월 1일(수) 09:00 UTC+09:00"
    assert format_instant(instant, "en") == "Wed 2030-05-01 09:00 UTC+09:00"


def test_templates_are_in_the_project() -> None:
    assert Path(__file__).parents[3] / "config" / "templates" == TEMPLATES_DIR
