"""Pages: who gets in, what is escaped, and that nothing comes from elsewhere."""

import hashlib
import json
import re
from datetime import UTC, datetime, timedelta
from html.parser import HTMLParser

import pytest
from starlette.testclient import TestClient

from ops_console.language import LANGUAGES, texts
from ops_console.progress import STATUSES
from tests.plugins.ops_console.conftest import TestLogin, request_body
from tests.support.databases import Database

HOSTILE = "<script>alert(1)</script>'\"&{{7*7}}"
KOREAN = {"Accept-Language": "ko-KR,ko;q=0.9,en;q=0.8"}


class Elements(HTMLParser):
    """Collects the elements of a page and the addresses that it loads."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.names: list[str] = []
        self.attributes: list[tuple[str, str, str | None]] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.names.append(tag)
        self.attributes += [(tag, name, value) for name, value in attrs]


@pytest.fixture
def staff(console: TestClient) -> TestClient:
    """The console in the browser of an operator."""
    console.cookies.set("_token", "operator1")
    console.headers["Sec-Fetch-Site"] = "same-origin"
    return console


@pytest.fixture
def hostile_event(staff: TestClient, ops_db: Database) -> str:
    """A request whose every text is an attack, in a state in which everything is shown."""
    body = request_body("req-1", name=HOSTILE, venue=HOSTILE, notes=HOSTILE, type="x" + HOSTILE[:40])
    body["customer"]["name"] = HOSTILE
    assert staff.post("/api/events", json=body).status_code == 202
    with ops_db.connect(autocommit=True) as conn:
        conn.execute(
            "UPDATE ops.event_requests SET status = 'rolled_back', requester = %(x)s, tier = 'small',"
            " event_type = %(h)s, dag_run_id = %(h)s, error = %(error)s, approvals = %(approvals)s,"
            " result = %(result)s",
            {
                "h": HOSTILE,
                "x": f"user:{HOSTILE}",
                "error": json.dumps({"step": HOSTILE, "type": "X", "message": HOSTILE, "leftovers": [HOSTILE]}),
                "approvals": json.dumps(
                    [{"at": "2030-01-01T00:00:00+00:00", "kind": HOSTILE, "by": HOSTILE, "reason": HOSTILE}]
                ),
                "result": json.dumps(
                    {"api_url": f"https://x/{HOSTILE}", "schema": HOSTILE, "guide_url": "javascript:1"}
                ),
            },
        )
        conn.execute(
            "INSERT INTO ops.event_steps (request_id, attempt, step, state, detail)"
            " VALUES ('req-1', 1, %s, 'failed', %s)",
            (HOSTILE, json.dumps({"message": HOSTILE})),
        )
        conn.execute("INSERT INTO ops.event_effects VALUES ('req-1', %s, 'failed', 'x', now(), NULL)", (HOSTILE,))
        conn.execute("SELECT ops.append_ledger_entry(%(h)s, %(h)s, 'event:req-1', %(h)s, NULL, NULL)", {"h": HOSTILE})
    return "req-1"


def rate_link(ops_db: Database) -> str:
    """Give the event a guide and a rating link with the same token, and return the token."""
    token = "secret"
    with ops_db.connect(autocommit=True) as conn:
        digest = hashlib.sha256(token.encode()).digest()
        conn.execute("INSERT INTO ops.event_ratings VALUES ('req-1', %s)", (digest,))
        conn.execute("INSERT INTO ops.event_guides VALUES ('req-1', %s, 'ko', '<h1>안내</h1>')", (digest,))
    return token


@pytest.mark.parametrize("path", ["/", "/?q=%3Cscript%3E%22", "/events/req-1", "/request/req-1", "/ratings/secret"])
def test_hostile_text_stays_text(staff: TestClient, hostile_event: str, ops_db: Database, path: str) -> None:
    rate_link(ops_db)

    page = staff.get(path)

    assert page.status_code == 200
    elements = Elements(page.text)
    scripts = [value for tag, name, value in elements.attributes if tag == "script" and name in ("src", "type")]
    assert "<script>alert" not in page.text
    assert all(value in ("module", "application/json") or str(value).startswith(("./", "../")) for value in scripts)
    assert not [value for _, name, value in elements.attributes if str(value).lower().startswith("javascript:")]
    assert not [name for _, name, _ in elements.attributes if name.startswith("on") or name == "style"]


@pytest.mark.parametrize("path", ["/", "/events/req-1", "/request", "/request/req-1", "/docs", "/ratings/secret"])
@pytest.mark.parametrize("language", LANGUAGES)
def test_pages_load_nothing_from_elsewhere_and_say_their_policy(
    staff: TestClient, hostile_event: str, ops_db: Database, path: str, language: str
) -> None:
    rate_link(ops_db)

    page = staff.get(path, params={"lang": language})

    assert page.status_code == 200
    loaded = [
        str(value)
        for tag, name, value in Elements(page.text).attributes
        if name == "src" or (tag, name) == ("link", "href")
    ]
    assert loaded
    assert all(address.startswith(("./", "../")) for address in loaded)
    for address in loaded:
        assert staff.get(str(page.url.join(address))).status_code == 200
    policy = page.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "unsafe-inline" not in policy
    assert page.headers["x-content-type-options"] == "nosniff"
    assert page.headers["cache-control"] == "no-store"


def test_anonymous_people_are_sent_to_the_log_in(console: TestClient) -> None:
    answer = console.get("/events/req-1?lang=ko")

    assert answer.status_code == 303
    assert answer.headers["location"] == "/auth/login/?next=/events/req-1?lang=ko"


@pytest.mark.parametrize(("name", "path"), [("visitor", "/"), ("requester1", "/events/req-1")])
def test_pages_are_closed_to_others(console: TestClient, name: str, path: str) -> None:
    console.cookies.set("_token", name)

    page = console.get(path)

    assert page.status_code == 403
    assert page.headers["content-type"].startswith("text/html")


def test_an_unknown_page_and_event_are_404(staff: TestClient) -> None:
    assert staff.get("/nowhere").status_code == 404
    assert staff.get("/events/unknown").status_code == 404
    assert staff.get("/api/nowhere").json()["detail"]["code"] == "not_found"


def test_every_status_has_its_page(staff: TestClient, ops_db: Database) -> None:
    staff.post("/api/events", json=request_body())
    for status in STATUSES:
        with ops_db.connect(autocommit=True) as conn:
            conn.execute("UPDATE ops.event_requests SET status = %s", (status,))
        for language in LANGUAGES:
            assert staff.get(f"/events/req-1?lang={language}").status_code == 200
            assert texts(language)[f"status.{status}"] in staff.get(f"/?lang={language}").text


def test_a_waiting_approval_links_to_airflows_own_page(staff: TestClient, ops_db: Database) -> None:
    staff.post("/api/events", json=request_body())
    due = {"asked_at": datetime.now(UTC).isoformat(), "expires_at": (datetime.now(UTC) + timedelta(1)).isoformat()}
    with ops_db.connect(autocommit=True) as conn:
        conn.execute(
            "UPDATE ops.event_requests SET status = 'awaiting_approval', dag_run_id = 'run-1', approval_due = %s",
            (json.dumps(due),),
        )

    link = "/dags/event_provisioning/runs/run-1/tasks/approve_plan/required_actions"
    assert link in staff.get("/").text
    assert link in staff.get("/events/req-1").text


def test_the_list_can_be_filtered_and_paged(staff: TestClient) -> None:
    staff.post("/api/events", json=request_body())

    assert "Spring Summit" in staff.get("/?q=spring&status=received&from=2020-01-01&to=2100-01-01&tier=").text
    assert "Spring Summit" not in staff.get("/?status=completed").text
    assert staff.get("/?from=nonsense&to=9999-12-31&status=nonsense&tier=nonsense").status_code == 200
    assert staff.get("/?cursor=nonsense").status_code == 422


def test_connections_are_on_off_or_hidden_from_the_engine(
    staff: TestClient, login: TestLogin, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AIRFLOW_CONN_SMTP_DEFAULT", "smtp://localhost:25")
    monkeypatch.setenv("AIRFLOW_CONN_SMS_DEFAULT", "nonsense")
    monkeypatch.delenv("AIRFLOW_CONN_SLACK_DEFAULT", raising=False)
    login.stored = frozenset({"jira_default"})

    page = staff.get("/?lang=en").text

    for conn_id, state in [
        ("smtp_default", "on"),
        ("sms_default", "unreadable"),
        ("slack_default", "off"),
        ("jira_default", "only in Airflow"),
    ]:
        assert re.search(rf"{conn_id}</span><span class=\"chip \w+\">{state}</span>", page), conn_id


@pytest.mark.parametrize(
    ("header", "query", "expected"),
    [
        ("ko-KR,ko;q=0.9,en;q=0.8", "", "ko"),
        ("en-US,en;q=0.9,ko;q=0.8", "", "en"),
        ("fr, ko;q=0.1", "", "ko"),
        ("fr", "", "en"),
        ("ko;q=x, en;q=0.1", "", "en"),
        ("", "", "en"),
        ("en", "?lang=ko", "ko"),
        ("ko", "?lang=xx", "ko"),
    ],
)
def test_the_form_speaks_the_visitors_language(console: TestClient, header: str, query: str, expected: str) -> None:
    page = console.get(f"/request{query}", headers={"Accept-Language": header})

    assert f'<html lang="{expected}">' in page.text
    assert texts(expected)["form.title"] in page.text


def test_a_chosen_language_is_remembered(console: TestClient) -> None:
    console.get("/request?lang=ko", headers={"Accept-Language": "en"})

    assert '<html lang="ko">' in console.get("/request", headers={"Accept-Language": "en"}).text


def test_the_form_needs_no_key_from_somebody_logged_in(console: TestClient) -> None:
    assert "operator1" not in console.get("/request").text
    console.cookies.set("_token", "operator1")

    assert texts("en")["form.signed_in"].format(name="operator1") in console.get("/request").text


def test_both_languages_have_the_same_texts() -> None:
    korean, english = texts("ko"), texts("en")

    assert korean.keys() == english.keys()
    for key, text in english.items():
        if isinstance(text, str):
            assert set(re.findall(r"\{\w+\}", text)) == set(re.findall(r"\{\w+\}", korean[key])), key
    assert [pattern for pattern, _ in korean["form_faults"]] == [pattern for pattern, _ in english["form_faults"]]


def test_a_guide_opens_with_its_link_only(staff: TestClient, ops_db: Database, hostile_event: str) -> None:
    token = rate_link(ops_db)
    staff.cookies.clear()

    page = staff.get(f"/guides/{token}")

    assert page.text == "<h1>안내</h1>"
    assert "default-src 'none'" in page.headers["content-security-policy"]
    assert "script-src" not in page.headers["content-security-policy"]
    assert page.headers["referrer-policy"] == "no-referrer"
    assert staff.get("/guides/other").status_code == 404


def test_only_sending_a_rating_stores_it(console: TestClient, ops_db: Database) -> None:
    console.post("/api/events", json=request_body(), headers={"Authorization": "Bearer operator1"})
    token = rate_link(ops_db)

    def stored() -> dict[str, object] | None:
        with ops_db.connect() as conn:
            return conn.execute("SELECT score, comment FROM ops.event_ratings").fetchone()

    asked = console.get(f"/ratings/{token}?score=4")
    assert re.search(r'value="4" required checked', asked.text)
    assert '<html lang="ko">' in asked.text
    assert stored() == {"score": None, "comment": None}

    assert console.post(f"/ratings/{token}", data={"score": "5", "comment": " 좋아요\0 "}).status_code == 200
    assert stored() == {"score": 5, "comment": "좋아요"}

    for wrong in ({}, {"score": "6"}, {"score": "x"}, {"score": "1", "comment": "x" * 2001}):
        assert console.post(f"/ratings/{token}", data=wrong).status_code == 422
    assert stored() == {"score": 5, "comment": "좋아요"}
    assert console.post("/ratings/unknown", data={"score": "1"}).status_code == 404
    assert console.get(f"/ratings/{token}?score=9").status_code == 422


def test_requesters_see_their_own_events_and_nothing_else(console: TestClient) -> None:
    for name, event in [("requester1", "Tea Ceremony"), ("requester2", "Robot Contest")]:
        headers = {"Authorization": f"Bearer {name}"}
        body = request_body(f"req-{name}", name=event)
        assert console.post("/api/events", json=body, headers=headers).status_code == 202
    console.cookies.set("_token", "requester1")

    page = console.get("/?lang=en").text

    assert "Tea Ceremony" in page
    assert 'href="./request/req-requester1"' in page
    assert "Robot Contest" not in page
    assert texts("en")["connections.title"] not in page
    assert console.get("/events/req-requester1").status_code == 403
