"""Viewer accounts: made once, handed over once, and what the viewer then sees."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any
from urllib.parse import urlparse

import httpx
import pytest

from sandbox.testing import SandboxServer
from tests.support.databases import Database

FAIR, GALA = "spring_fair", "autumn_gala"
PERSON = {"slug": FAIR, "email": "minji@example.com", "name": "김민지", "language": "ko"}


def between(text: str, start: str, end: str) -> str:
    return text.partition(start)[2].partition(end)[0]


def shown_secrets(page: str) -> dict[str, str]:
    """Return what the hand-over page shows."""
    return {
        name: between(page, f'<output id="{name}" class="mono">', "<") for name in ("username", "password", "api_token")
    }


@pytest.fixture
def account(service: httpx.Client, registered: Any) -> dict[str, str]:
    created: dict[str, str] = service.post("/v1/accounts", json=PERSON).json()
    return created


@pytest.fixture
def link(service: httpx.Client, account: dict[str, str]) -> str:
    return new_link(service, account)


def new_link(service: httpx.Client, account: dict[str, str]) -> str:
    answer = service.post(f"/v1/accounts/{account['account_id']}/handover")
    assert answer.status_code == 201
    return urlparse(answer.json()["url"]).path.removeprefix("/platform")


def log_in(stranger: httpx.Client, secrets: dict[str, str]) -> httpx.Response:
    return stranger.post("/login", data={"username": secrets["username"], "password": secrets["password"]})


def test_account_is_made_once(service: httpx.Client, registered: Any) -> None:
    first = service.post("/v1/accounts", json=PERSON)
    again = service.post("/v1/accounts", json={**PERSON, "email": "MINJI@example.com"})
    assert (first.status_code, again.status_code) == (201, 200)
    assert first.json() == again.json()
    (listed,) = service.get(f"/v1/events/{FAIR}/accounts").json()["accounts"]
    assert (listed["username"], listed["handed_over"]) == (first.json()["username"], False)


@pytest.mark.parametrize(
    "wrong",
    [{"language": "fr"}, {"email": "nobody"}, {"name": ""}, {"name": "a\nb"}, {"more": 1}],
)
def test_bad_accounts(service: httpx.Client, registered: Any, wrong: dict[str, Any]) -> None:
    assert service.post("/v1/accounts", json={**PERSON, **wrong}).status_code == 422


def test_account_needs_its_event(service: httpx.Client) -> None:
    assert service.post("/v1/accounts", json=PERSON).status_code == 404


def test_accounts_are_deleted_with_everything(
    service: httpx.Client, stranger: httpx.Client, link: str, events_database: Database
) -> None:
    secrets = shown_secrets(stranger.post(link).text)
    assert service.delete(f"/v1/events/{FAIR}/accounts").json() == {"deleted": 1}
    assert service.delete(f"/v1/events/{FAIR}/accounts").json() == {"deleted": 0}
    assert log_in(stranger, secrets).status_code == 401
    with events_database.connect() as connection:
        left = "SELECT (SELECT count(*) FROM platform_api.handovers) + (SELECT count(*) FROM platform_api.tokens) AS n"
        assert connection.execute(left).fetchone() == {"n": 0}


def test_looking_at_the_link_changes_nothing(stranger: httpx.Client, link: str) -> None:
    pages = [stranger.get(link) for _ in range(3)]
    assert [page.status_code for page in pages] == [200] * 3
    assert "계정 정보 보기" in pages[0].text
    assert pages[0].headers["cache-control"] == "no-store"
    assert stranger.post(link).status_code == 200


def test_link_works_once(stranger: httpx.Client, link: str) -> None:
    secrets = shown_secrets(stranger.post(link).text)
    assert all(secrets.values())
    assert stranger.post(link).status_code == 410
    assert stranger.get(link).status_code == 410


def test_link_works_once_when_pressed_twice_at_once(platform: SandboxServer, link: str) -> None:
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: httpx.post(f"{platform.url}/platform{link}").status_code, range(8)))
    assert sorted(answers) == [200] + [410] * 7


def test_newer_link_voids_the_older(service: httpx.Client, stranger: httpx.Client, account: Any, link: str) -> None:
    newer = new_link(service, account)
    assert stranger.post(link).status_code == 410
    assert stranger.post(newer).status_code == 200


def test_link_expires(stranger: httpx.Client, link: str, events_database: Database) -> None:
    with events_database.connect(autocommit=True) as connection:
        connection.execute("UPDATE platform_api.handovers SET expires_at = now()")
    assert stranger.post(link).status_code == 410


def test_link_is_not_spent_while_the_event_is_not_served(
    service: httpx.Client, stranger: httpx.Client, link: str
) -> None:
    service.delete(f"/v1/endpoints/{FAIR}").raise_for_status()
    assert stranger.post(link).status_code == 410
    body = {"schema": f"event_{FAIR}", "role": f"event_{FAIR}_api"}
    service.put(f"/v1/endpoints/{FAIR}", json=body).raise_for_status()
    assert stranger.post(link).status_code == 200


def test_link_for_nobody(service: httpx.Client, registered: Any) -> None:
    assert service.post("/v1/accounts/acc_nobody/handover").status_code == 404


def test_viewer_reads_and_does_not_write(stranger: httpx.Client, link: str) -> None:
    headers = {"authorization": f"Bearer {shown_secrets(stranger.post(link).text)['api_token']}"}
    assert stranger.get(f"/events/{FAIR}", headers=headers).status_code == 200
    assert stranger.get(f"/events/{GALA}", headers=headers).status_code == 403
    person = {"name": "x", "email": "x@example.com"}
    assert stranger.post(f"/events/{FAIR}/participants", json=person, headers=headers).status_code == 403


def test_dashboard_after_log_in(stranger: httpx.Client, link: str) -> None:
    secrets = shown_secrets(stranger.post(link).text)
    assert stranger.get(f"/dashboard/{FAIR}").headers["location"] == "/platform/login"
    opened = log_in(stranger, secrets)
    assert (opened.status_code, opened.headers["location"]) == (303, f"/platform/dashboard/{FAIR}")
    page = stranger.get(f"/dashboard/{FAIR}")
    assert (page.status_code, "봄 축제" in page.text, "<svg" in page.text) == (200, True, True)
    assert stranger.get(f"/dashboard/{GALA}").status_code == 403
    stranger.post("/logout")
    assert stranger.get(f"/dashboard/{FAIR}").status_code == 303


def test_new_link_ends_what_was_before(service: httpx.Client, stranger: httpx.Client, account: Any, link: str) -> None:
    old = shown_secrets(stranger.post(link).text)
    new = shown_secrets(stranger.post(new_link(service, account)).text)
    assert log_in(stranger, old).status_code == 401
    assert log_in(stranger, new).status_code == 303
    headers = {"authorization": f"Bearer {old['api_token']}"}
    assert stranger.get(f"/events/{FAIR}", headers=headers).status_code == 401


def test_guessing_is_held_off(stranger: httpx.Client, account: dict[str, str]) -> None:
    wrong = {"username": account["username"], "password": "wrong"}
    assert [log_in(stranger, wrong).status_code for _ in range(6)] == [401] * 5 + [429]


def test_log_in_page_speaks_the_browsers_language(stranger: httpx.Client) -> None:
    korean = stranger.get("/login", headers={"accept-language": "ko-KR,ko;q=0.9"})
    assert "대시보드 로그인" in korean.text
    assert "Log in to your dashboard" in stranger.get("/login", headers={"accept-language": "fr"}).text


def test_pages_load_nothing_from_elsewhere(stranger: httpx.Client, link: str) -> None:
    policy = stranger.get(link).headers["content-security-policy"]
    assert policy.startswith("default-src 'none'")
