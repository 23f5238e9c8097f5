"""Faults come as they were asked for, the journal keeps what was asked, and a restart loses nothing."""

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import httpx
import pytest

from sandbox.state import StateStore
from sandbox.testing import SandboxServer
from tests.support.waiting import wait_until

NAMESPACES = "/k8s/api/v1/namespaces"


def kubernetes(server: SandboxServer, method: str = "GET", path: str = NAMESPACES, **request: Any) -> httpx.Response:
    headers = {"authorization": f"Bearer {server.credentials.kubernetes_token}"}
    return httpx.request(method, server.url + path, headers=headers, **request)


def namespace(name: str) -> dict[str, Any]:
    return {"metadata": {"name": name}}


def test_fault_comes_as_often_as_asked(sandbox_server: SandboxServer) -> None:
    sandbox_server.faults("kubernetes", status=503, times=2, skip=1)
    assert [kubernetes(sandbox_server).status_code for _ in range(4)] == [200, 503, 503, 200]


def test_fault_stays_until_it_is_lifted(sandbox_server: SandboxServer) -> None:
    fault_id = sandbox_server.faults("k8s", status=500)
    assert [kubernetes(sandbox_server).status_code for _ in range(3)] == [500] * 3
    sandbox_server.call("DELETE", f"/_sandbox/faults/{fault_id}")
    assert kubernetes(sandbox_server).status_code == 200


def test_fault_is_chosen_by_method_and_path(sandbox_server: SandboxServer) -> None:
    sandbox_server.faults("kubernetes", method="post", path_regex="/resourcequotas$", status=500)
    assert kubernetes(sandbox_server, "POST", json=namespace("event-a")).status_code == 201
    quotas = f"{NAMESPACES}/event-a/resourcequotas"
    assert kubernetes(sandbox_server, "GET", quotas).status_code == 200
    assert kubernetes(sandbox_server, "POST", quotas, json=namespace("q")).status_code == 500


def test_answer_of_a_fault(sandbox_server: SandboxServer) -> None:
    sandbox_server.faults("kubernetes", status=429, body={"x": 1}, headers={"Retry-After": "7"}, times=1)
    answer = kubernetes(sandbox_server)
    assert (answer.status_code, answer.json(), answer.headers["retry-after"]) == (429, {"x": 1}, "7")
    sandbox_server.faults("kubernetes", status=500, times=1)
    assert kubernetes(sandbox_server).json()["kind"] == "Status"


@pytest.mark.parametrize("after", [False, True])
def test_cut_line(sandbox_server: SandboxServer, after: bool) -> None:
    sandbox_server.faults("kubernetes", method="POST", disconnect=True, after=after, times=1)
    with pytest.raises((httpx.ReadError, httpx.RemoteProtocolError)):
        kubernetes(sandbox_server, "POST", json=namespace("event-cut"))
    found = kubernetes(sandbox_server, path=f"{NAMESPACES}/event-cut").status_code
    assert found == (200 if after else 404)
    assert sandbox_server.journal("kubernetes")[0]["status"] is None


def test_work_is_done_and_the_answer_is_an_error(sandbox_server: SandboxServer) -> None:
    sandbox_server.faults("kubernetes", method="POST", status=502, after=True, times=1)
    assert kubernetes(sandbox_server, "POST", json=namespace("event-b")).status_code == 502
    assert kubernetes(sandbox_server, "POST", json=namespace("event-b")).status_code == 409


def test_slow_answer_is_right(sandbox_server: SandboxServer) -> None:
    sandbox_server.faults("kubernetes", delay_seconds=0.3, times=1)
    with pytest.raises(httpx.ReadTimeout):
        kubernetes(sandbox_server, timeout=0.1)
    assert kubernetes(sandbox_server, timeout=5).status_code == 200
    wait_until(lambda: len(sandbox_server.journal()) == 2, what="the slow answer")


@pytest.mark.parametrize(
    "fault",
    [
        {"service": "fax"},
        {"service": "slack", "status": 1000},
        {"service": "slack", "times": 0},
        {"service": "slack", "path_regex": "("},
        {"service": "slack", "delay_seconds": 1000},
        {"service": "slack", "statsu": 500},
        {},
    ],
)
def test_senseless_faults_are_refused(sandbox_server: SandboxServer, fault: dict[str, Any]) -> None:
    answer = httpx.post(f"{sandbox_server.url}/_sandbox/faults", json=fault)
    assert (answer.status_code, "error" in answer.json()) == (422, True)


def test_journal_keeps_calls_and_hides_secrets(sandbox_server: SandboxServer) -> None:
    kubernetes(sandbox_server, "POST", json=namespace("event-c"))
    kubernetes(sandbox_server)
    created, listed = sandbox_server.journal("k8s")
    assert (created["method"], created["path"], created["status"]) == ("POST", NAMESPACES, 201)
    assert "event-c" in created["body"]
    assert created["headers"]["authorization"] == "Bearer ***"
    assert sandbox_server.journal("k8s", after_id=created["id"]) == [listed]
    assert sandbox_server.journal("k8s", method="GET") == [listed]
    assert sandbox_server.journal("twilio") == []


def test_log_in_forms_are_journalled_without_password(sandbox_server: SandboxServer) -> None:
    httpx.post(f"{sandbox_server.url}/platform/login", data={"username": "u", "password": "secret-1"})
    (entry,) = sandbox_server.journal("platform")
    assert "secret-1" not in str(entry)


def test_reset_forgets_everything(sandbox_server: SandboxServer) -> None:
    kubernetes(sandbox_server, "POST", json=namespace("event-d"))
    sandbox_server.faults("kubernetes", status=500)
    sandbox_server.reset()
    assert sandbox_server.journal() == []
    assert kubernetes(sandbox_server, path=f"{NAMESPACES}/event-d").status_code == 404


def test_figures(sandbox_server: SandboxServer) -> None:
    kubernetes(sandbox_server)
    text = httpx.get(f"{sandbox_server.url}/metrics").text
    assert 'sandbox_calls_total{service="kubernetes",status="200"}' in text


@pytest.mark.parametrize("end", ["stop", "kill"])
def test_state_survives_a_restart(tmp_path: Path, end: str) -> None:
    with SandboxServer(state_dir=tmp_path) as server:
        kubernetes(server, "POST", json=namespace("event-kept"))
        httpx.post(f"{server.url}/slack/services/{server.credentials.slack_webhook}", json={"text": "kept"})
        before = kubernetes(server, path=f"{NAMESPACES}/event-kept").json()
        getattr(server, end)()
        server.start()
        assert kubernetes(server, path=f"{NAMESPACES}/event-kept").json() == before
        assert server.call("GET", "/slack/messages")["messages"][0]["text"] == "kept"
        assert len(server.journal()) == 4


def test_state_of_another_version_is_dropped(tmp_path: Path) -> None:
    file = tmp_path / "sandbox.sqlite3"
    with closing(sqlite3.connect(file)) as old:
        old.execute("CREATE TABLE mails (raw BLOB)")
    state = StateStore(file)
    assert state.query("SELECT subject FROM mails") == []
    state.close()


def test_namespace_goes_on_going_after_a_crash(tmp_path: Path) -> None:
    with SandboxServer(state_dir=tmp_path) as server:
        kubernetes(server, "POST", json=namespace("event-going"))
        kubernetes(server, "DELETE", f"{NAMESPACES}/event-going")
        server.kill()
        server.start()
        assert kubernetes(server, path=f"{NAMESPACES}/event-going").status_code == 404
