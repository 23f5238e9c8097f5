"""Registering events, and what a token of one event may do with another."""

from typing import Any

import httpx
import pytest

from sandbox.testing import SandboxServer
from tests.support.databases import Database

FAIR, GALA = "spring_fair", "autumn_gala"
BODY = {"schema": f"event_{FAIR}", "role": f"event_{FAIR}_api"}


def test_registered_once(service: httpx.Client, platform: SandboxServer) -> None:
    first = service.put(f"/v1/endpoints/{FAIR}", json=BODY)
    again = service.put(f"/v1/endpoints/{FAIR}", json=BODY)
    assert (first.status_code, again.status_code) == (201, 200)
    url = f"{platform.url}/platform/events/{FAIR}"
    document = first.json()
    assert (document["slug"], document["url"], document["metrics_url"]) == (FAIR, url, f"{url}/metrics")
    assert service.get(f"/v1/endpoints/{FAIR}").json() == document


def test_another_schema_is_a_conflict(service: httpx.Client, registered: Any) -> None:
    other_schema = {"schema": f"event_{GALA}", "role": f"event_{GALA}_api"}
    assert service.put(f"/v1/endpoints/{FAIR}", json=other_schema).status_code == 409
    assert service.put("/v1/endpoints/another", json=BODY).status_code == 409


@pytest.mark.parametrize(
    ("slug", "body"),
    [
        (FAIR, {"schema": "event_nowhere", "role": f"event_{FAIR}_api"}),
        (FAIR, {"schema": f"event_{FAIR}", "role": f"event_{FAIR}_owner"}),
        (FAIR, {"schema": f"event_{FAIR}", "role": "nobody"}),
        (FAIR, {"schema": f"event_{FAIR}"}),
        (FAIR, {**BODY, "extra": 1}),
        ("Bad-Slug", BODY),
    ],
)
def test_what_cannot_be_served(service: httpx.Client, slug: str, body: dict[str, Any]) -> None:
    assert service.put(f"/v1/endpoints/{slug}", json=body).status_code == 422


def test_removed_once(service: httpx.Client, registered: Any, probe: Any, stranger: httpx.Client) -> None:
    headers = probe(FAIR)
    assert [service.delete(f"/v1/endpoints/{FAIR}").status_code for _ in range(2)] == [204, 404]
    assert service.get(f"/v1/endpoints/{FAIR}").status_code == 404
    assert stranger.get(f"/events/{FAIR}", headers=headers).status_code == 401


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", f"/v1/endpoints/{FAIR}"),
        ("PUT", f"/v1/endpoints/{FAIR}"),
        ("DELETE", f"/v1/endpoints/{FAIR}"),
        ("POST", f"/v1/endpoints/{FAIR}/probe-token"),
        ("POST", "/v1/accounts"),
        ("POST", "/v1/accounts/acc_x/handover"),
        ("GET", f"/v1/events/{FAIR}/accounts"),
        ("DELETE", f"/v1/events/{FAIR}/accounts"),
        ("GET", f"/events/{FAIR}"),
    ],
)
def test_token_is_needed(stranger: httpx.Client, registered: Any, method: str, path: str) -> None:
    for headers in ({}, {"authorization": "Bearer wrong"}):
        answer = stranger.request(method, path, headers=headers)
        assert (answer.status_code, answer.json()["error"]["code"]) == (401, "unauthorized")


def test_event_answers_from_its_schema(stranger: httpx.Client, probe: Any) -> None:
    headers = probe(FAIR)
    event = stranger.get(f"/events/{FAIR}", headers=headers).json()
    assert (event["name"], event["gates"], event["participants"]) == ("봄 축제", 3, 0)
    assert len(stranger.get(f"/events/{FAIR}/gates", headers=headers).json()["gates"]) == 3


def test_people_are_registered_and_let_in(stranger: httpx.Client, probe: Any) -> None:
    headers, person = probe(FAIR), {"name": "김민지", "email": "Minji@Example.com"}
    created = stranger.post(f"/events/{FAIR}/participants", json=person, headers=headers)
    assert (created.status_code, created.json()["email"]) == (201, "minji@example.com")
    assert stranger.post(f"/events/{FAIR}/participants", json=person, headers=headers).status_code == 409
    entry = {"gate_id": 2, "participant_id": created.json()["participant_id"]}
    assert stranger.post(f"/events/{FAIR}/entries", json=entry, headers=headers).status_code == 201
    unknown = stranger.post(f"/events/{FAIR}/entries", json={**entry, "gate_id": 99}, headers=headers)
    assert unknown.status_code == 422
    listed = stranger.get(f"/events/{FAIR}/entries", headers=headers).json()["entries"]
    assert [row["gate_id"] for row in listed] == [2]
    page = stranger.get(f"/events/{FAIR}/participants?limit=1&offset=1", headers=headers)
    assert page.json() == {"participants": []}


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("GET", "", None),
        ("GET", "/participants", None),
        ("GET", "/gates", None),
        ("GET", "/entries", None),
        ("POST", "/participants", {"name": "x", "email": "x@example.com"}),
        ("POST", "/entries", {"gate_id": 1, "participant_id": 1}),
    ],
)
def test_another_events_token_is_refused_by_postgresql(
    stranger: httpx.Client, probe: Any, method: str, path: str, body: Any
) -> None:
    answer = stranger.request(method, f"/events/{GALA}{path}", json=body, headers=probe(FAIR))
    assert answer.status_code == 403
    assert answer.json()["error"]["message"] == f"permission denied for schema event_{GALA}"


@pytest.mark.parametrize("query", ["limit=0", "limit=x", "limit=100000", "offset=-1"])
def test_pages_that_are_none(stranger: httpx.Client, probe: Any, query: str) -> None:
    assert stranger.get(f"/events/{FAIR}/participants?{query}", headers=probe(FAIR)).status_code == 422


@pytest.mark.parametrize(
    "body", [b"{", b"[]", b"{}", b'{"name": "", "email": "a@b"}', b'{"name": "x\\u0000", "email": "a@b"}']
)
def test_bad_bodies(stranger: httpx.Client, probe: Any, body: bytes) -> None:
    assert stranger.post(f"/events/{FAIR}/participants", content=body, headers=probe(FAIR)).status_code == 422


def test_expired_token(stranger: httpx.Client, probe: Any, events_database: Database) -> None:
    headers = probe(FAIR)
    with events_database.connect(autocommit=True) as connection:
        connection.execute("UPDATE platform_api.tokens SET expires_at = now()")
    assert stranger.get(f"/events/{FAIR}", headers=headers).status_code == 401


def test_unknown_event(stranger: httpx.Client, probe: Any) -> None:
    assert stranger.get("/events/nowhere", headers=probe(FAIR)).status_code == 404


def test_figures_of_an_event(stranger: httpx.Client, probe: Any) -> None:
    headers = probe(FAIR)
    stranger.post(f"/events/{FAIR}/participants", json={"name": "x", "email": "x@example.com"}, headers=headers)
    text = stranger.get(f"/events/{FAIR}/metrics").text
    for line in ("event_api_up 1.0", "event_participants 1.0", "event_gates 3.0", "event_entries_total 0.0"):
        assert line in text.splitlines()
    assert stranger.get("/events/nowhere/metrics").status_code == 404


def test_event_without_its_schema_is_down(stranger: httpx.Client, registered: Any, events_database: Database) -> None:
    with events_database.connect(autocommit=True) as connection:
        connection.execute(f"ALTER SCHEMA event_{FAIR} RENAME TO event_hidden")
        try:
            assert "event_api_up 0.0" in stranger.get(f"/events/{FAIR}/metrics").text
        finally:
            connection.execute(f"ALTER SCHEMA event_hidden RENAME TO event_{FAIR}")


def test_figures_of_the_platform(stranger: httpx.Client, platform: SandboxServer, registered: Any) -> None:
    platform.faults("platform", path_regex="/events/", status=500, times=1)
    stranger.get(f"/events/{FAIR}")
    text = stranger.get("/metrics").text
    assert 'http_requests_total{method="GET",path="/platform/events/{slug}",status="500"} 1.0' in text
    assert 'http_requests_total{method="PUT",path="/platform/v1/endpoints/{slug}",status="201"}' in text
    assert 'http_request_duration_seconds_bucket{le="0.5",method="GET",path="/platform/events/{slug}"}' in text
