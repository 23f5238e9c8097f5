"""What people see, in a real browser: the form, the approval in Airflow, the guide, the rating, the hand-over."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest

from stack.secrets import user_password_variable
from tests.system.house import House

playwright_api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed: make setup")
expect = playwright_api.expect

CHROMIUM = Path("/usr/bin/chromium")
LOCALES = Path(__file__).parents[2] / "plugins" / "ops_console" / "locales"
PATIENCE_MILLISECONDS = 30_000
PROVISIONED_MILLISECONDS = 60_000
FAULTY = {
    "event.name": "Browser faults",
    "customer.email": "nobody",
    "customer.phone": "12",
    "event.starts_at": "2020-01-01T10:00",
    "event.ends_at": "2020-01-01T12:00",
    "event.expected_attendees": "0",
    "event.gates": "201",
}
# Named by the server: what was left empty, and what is wrong.
EXPECTED_FAULTS = {
    *("customer.name", "customer.email", "customer.phone", "event.venue"),
    *("event.starts_at", "event.expected_attendees", "event.gates"),
}
# Faults in a form, and a link that was used before.
WANTED_REFUSALS = (("/console/api/events", "422"), ("/platform/handover/", "410"))


@dataclass
class Visitor:
    """A person at a browser, and what the browser had to complain about."""

    page: playwright_api.Page
    hosts: set[str] = field(default_factory=set)
    complaints: list[str] = field(default_factory=list)

    def watch(self) -> None:
        self.page.on("request", lambda request: self.hosts.add(urlsplit(request.url).hostname or ""))
        self.page.on("pageerror", lambda error: self._note(self.page.url, str(error)))
        self.page.on("console", self._hear)

    def _hear(self, message: playwright_api.ConsoleMessage) -> None:
        if message.type == "error":
            self._note(message.location.get("url", ""), message.text)

    def _note(self, source: str, text: str) -> None:
        # Airflow's own pages are not ours. The browser takes every answer above 399 for an error, asked for or not.
        ours = "/console/" in source or "/platform/" in source
        wanted = any(path in source and status in text for path, status in WANTED_REFUSALS)
        if ours and not wanted:
            self.complaints.append(f"{source}: {text}")


NewVisitor = Callable[..., Visitor]


@pytest.fixture(scope="module")
def browser() -> Iterator[playwright_api.Browser]:
    if not CHROMIUM.exists():
        pytest.skip(f"{CHROMIUM} is missing: it is a Debian package, see packages.txt")
    with playwright_api.sync_playwright() as playwright:
        running = playwright.chromium.launch(
            executable_path=str(CHROMIUM), args=["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"]
        )
        yield running
        running.close()


@pytest.fixture
def visitor(browser: playwright_api.Browser) -> Iterator[NewVisitor]:
    """Open browsers with nothing in them, and look at the end at what they asked for and complained about."""
    visitors: list[Visitor] = []

    def open_one(locale: str = "en-US") -> Visitor:
        context = browser.new_context(locale=locale, timezone_id="Asia/Seoul")
        context.set_default_timeout(PATIENCE_MILLISECONDS)
        new = Visitor(page=context.new_page())
        new.watch()
        visitors.append(new)
        return new

    yield open_one
    for one in visitors:
        one.page.context.close()
    assert [complaint for one in visitors for complaint in one.complaints] == []
    assert set().union(*(one.hosts for one in visitors)) <= {"127.0.0.1", ""}


@pytest.fixture(scope="module")
def live(house: House) -> tuple[str, str]:
    """A live event for the customer's links: its id and the text of the mail that confirms it."""
    body = house.request(label="browsed")
    request_id = house.submit(body)
    assert house.ended(request_id)["status"] == "completed"
    address = body["customer"]["email"]
    listed = httpx.get(f"{house.sandbox}/mail/api/messages", params={"to": address}, timeout=10).json()["messages"]
    mail = next(mail for mail in listed if "is ready" in mail["subject"])
    return request_id, httpx.get(f"{house.sandbox}/mail/api/messages/{mail['id']}", timeout=10).text


def wording(language: str) -> dict[str, str]:
    texts: dict[str, str] = json.loads((LOCALES / f"{language}.json").read_text(encoding="utf-8"))
    return texts


def fill(page: playwright_api.Page, values: dict[str, str]) -> None:
    for path, value in values.items():
        page.locator(f'[id="{path}"]').fill(value)


@pytest.mark.parametrize(("language", "locale"), [("ko", "ko-KR"), ("en", "en-US")])
def test_a_request_is_corrected_and_followed_until_it_is_live(
    house: House, visitor: NewVisitor, language: str, locale: str
) -> None:
    page, words = visitor(locale).page, wording(language)
    page.goto(f"{house.airflow}/console/request")
    assert page.locator("html").get_attribute("lang") == language
    expect(page.get_by_role("heading", level=1)).to_have_text(words["form.title"])
    page.locator("#api-key").fill(house.customer.key)
    fill(page, FAULTY)
    page.locator("#send").click()

    expect(page.locator("#summary li")).to_have_count(len(EXPECTED_FAULTS))
    shown = {
        place.get_attribute("id"): place.inner_text() for place in page.locator(".fault").all() if place.inner_text()
    }
    assert set(shown) == {f"fault-{path}" for path in EXPECTED_FAULTS}
    assert all(bool(re.search("[가-힣]", text)) == (language == "ko") for text in shown.values()), shown
    invalid = {element.get_attribute("id") for element in page.locator("[aria-invalid=true]").all()}
    assert invalid == EXPECTED_FAULTS

    day = datetime.now(UTC) + timedelta(days=200 if language == "ko" else 210)
    correct = {
        "customer.name": "김하늘",
        "customer.email": f"{language}@browser.example",
        "customer.phone": "010-1234-5678",
        "event.name": f"Browser {language}",
        "event.venue": "COEX",
        "event.starts_at": f"{day:%Y-%m-%d}T10:00",
        "event.ends_at": f"{day:%Y-%m-%d}T12:00",
        "event.expected_attendees": "50",
        "event.gates": "2",
    }
    fill(page, correct)
    page.locator("#send").click()

    page.wait_for_url("**/console/request/form-*")
    expect(page.locator("#chip")).to_have_text(words["status.completed"], timeout=PROVISIONED_MILLISECONDS)
    expect(page.locator("#heading")).to_have_text(f"Browser {language}")
    expect(page.locator("#links a").first).to_have_attribute("href", re.compile("/console/guides/"))


def test_a_manager_reads_the_plan_and_approves_it_in_airflow(house: House, visitor: NewVisitor) -> None:
    body = house.request(attendees=250, label="approving")
    request_id = house.submit(body)
    where = house.await_question(request_id)
    page = visitor().page
    page.goto(
        f"{house.airflow}/dags/{where['dag_id']}/runs/{where['run_id']}/tasks/{where['task_id']}/required_actions"
    )
    page.locator("#username").fill("manager1")
    page.locator("#password").fill(house.secrets[user_password_variable("manager1")])
    page.locator("input[type=submit], button[type=submit]").first.click()

    expect(page.get_by_text(body["event"]["name"]).first).to_be_visible()
    page.get_by_role("button", name="Approve", exact=True).click()

    assert house.ended(request_id)["status"] == "completed"
    seen = house.person("operator1").console(f"/api/events/{request_id}").json()["approvals"]
    assert seen[-1]["by"] == "manager1"


def test_the_guide_opens_and_a_rating_is_kept(house: House, visitor: NewVisitor, live: tuple[str, str]) -> None:
    request_id, mail = live
    page = visitor().page
    page.goto(house.customer.status(request_id)["guide_url"])
    expect(page.get_by_role("heading", level=1)).to_contain_text("browsed")

    page.goto(_link(mail, "/console/ratings/"))
    page.locator(".scores label").nth(3).click()
    page.locator("#comment").fill("good & quick")
    page.get_by_role("button", name=wording("en")["rating.send"]).click()
    expect(page.get_by_role("heading", level=1)).to_have_text(wording("en")["rating.thanks"])
    with house.database("ops") as ops:
        row = ops.execute("SELECT score, comment FROM ops.event_ratings WHERE request_id = %s", (request_id,))
        assert row.fetchone() == {"score": 4, "comment": "good & quick"}


def test_the_link_to_the_account_works_once(house: House, visitor: NewVisitor, live: tuple[str, str]) -> None:
    first, link = visitor().page, _link(live[1], "/platform/handover/")
    first.goto(link)
    first.locator("form button").click()
    expect(first.locator("output#password")).not_to_be_empty()
    username = first.locator("output#username").inner_text()
    password = first.locator("output#password").inner_text()

    second = visitor().page
    second.goto(link)
    expect(second.locator("form button")).to_have_count(0)
    assert password not in second.content()

    first.get_by_role("link").filter(has_not_text="Sandbox").last.click()
    expect(first.locator("[name=username]")).to_have_value(username)


def _link(mail: str, path: str) -> str:
    """Return the first link below a path in a mail as the sandbox shows it."""
    found = re.search(rf"http://127\.0\.0\.1:\d+{path}[\w-]+", mail)
    assert found, f"no link to {path} in the mail"
    return found[0]
