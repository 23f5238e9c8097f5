"""What the demo talks to: the console with an API key, Airflow with a person's log-in, the sandbox's pages."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import httpx

TIMEOUT_SECONDS = 30


class UnexpectedAnswer(RuntimeError):
    """A service answered otherwise than its documentation says."""


def checked(response: httpx.Response, *expected: int) -> httpx.Response:
    """Return the response. Raises UnexpectedAnswer, with what was said, when its status is none of `expected`."""
    if response.status_code not in expected:
        raise UnexpectedAnswer(
            f"{response.request.method} {response.request.url} answered {response.status_code},"
            f" expected {' or '.join(map(str, expected))}: {response.text[:300]}"
        )
    return response


@dataclass(frozen=True)
class Console:
    """The customer's side: requests and their status."""

    base_url: str
    key: str = field(repr=False)

    def submit(self, body: dict[str, Any]) -> httpx.Response:
        """Send a request and return the answer as it is."""
        return httpx.post(f"{self.base_url}/console/api/events", json=body, headers=self._auth, timeout=TIMEOUT_SECONDS)

    def status(self, request_id: str) -> dict[str, Any]:
        """Return what the status address says."""
        url = f"{self.base_url}/console/api/events/{request_id}"
        return dict(checked(httpx.get(url, headers=self._auth, timeout=TIMEOUT_SECONDS), 200).json())

    def resume(self, request_id: str) -> httpx.Response:
        """Take an expired or rolled-back request up again."""
        url = f"{self.base_url}/console/api/events/{request_id}/resume"
        return httpx.post(url, headers=self._auth, timeout=TIMEOUT_SECONDS)

    @property
    def _auth(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.key}"}


class AirflowUser:
    """A person at Airflow's REST API."""

    def __init__(self, *, base_url: str, username: str, password: str) -> None:
        self.username = username
        self._base_url = base_url
        answer = httpx.post(
            f"{base_url}/auth/token", json={"username": username, "password": password}, timeout=TIMEOUT_SECONDS
        )
        token = checked(answer, 200, 201).json()["access_token"]
        self._http = httpx.Client(
            base_url=f"{base_url}/api/v2", headers={"Authorization": f"Bearer {token}"}, timeout=TIMEOUT_SECONDS
        )

    def get(self, path: str) -> httpx.Response:
        """Read below `/api/v2`."""
        return self._http.get(path)

    def console(self, path: str) -> httpx.Response:
        """Read below `/console` with the same token."""
        return self._http.get(f"{self._base_url}/console{path}")

    def request_event(self, body: dict[str, Any]) -> httpx.Response:
        """Ask for an event at the console with the same token and return the answer as it is."""
        return self._http.post(f"{self._base_url}/console/api/events", json=body)

    def post(self, path: str, *, json: object) -> httpx.Response:
        """Send JSON below `/api/v2`."""
        return self._http.post(path, json=json)

    def task_state(self, *, dag_id: str, run_id: str, task_id: str) -> str | None:
        """Return the state of a task instance."""
        answer = checked(self._http.get(f"/dags/{dag_id}/dagRuns/{run_id}/taskInstances/{task_id}"), 200)
        state = answer.json()["state"]
        return None if state is None else str(state)

    def answer(self, *, dag_id: str, run_id: str, task_id: str, option: str) -> httpx.Response:
        """Answer a waiting approval and return what Airflow says to it."""
        return self._http.patch(
            f"/dags/{dag_id}/dagRuns/{run_id}/taskInstances/{task_id}/-1/hitlDetails",
            json={"chosen_options": [option], "params_input": {}},
        )
