"""The running stack as the tests see it: customers, approvers, the services' insides, and what is left of an event."""

from __future__ import annotations

import itertools
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from functools import cached_property
from typing import Any

import httpx
import psycopg
from psycopg.rows import dict_row

from demo.clients import AirflowUser, Console
from include.store import api_keys
from stack.config import StackConfig
from stack.environment import HOST, postgres_uri
from stack.secrets import load_secrets, user_password_variable
from tests.support.waiting import wait_until

DAG_ID = "event_provisioning"
# In an event's name: `promtool.sh`, which the stack of these tests uses, refuses its rules.
REFUSED_BY_PROMTOOL = "rulesrefused"
# Airflow fails a task whose answer comes in the same scheduler loop as its pause.
SETTLED_SECONDS = 2.0
FINAL = frozenset({"completed", "rejected", "expired", "invalid", "rolled_back"})


class House:
    """A stack with everybody who takes part in a test."""

    def __init__(self, config: StackConfig) -> None:
        self.config = config
        self.secrets = load_secrets(config)
        self.airflow = f"http://{HOST}:{config.ports.airflow_api}"
        self.sandbox = f"http://{HOST}:{config.ports.sandbox}"
        self.prometheus = f"http://{HOST}:{config.ports.prometheus}"
        self._days = itertools.count(40)
        self._people: dict[str, AirflowUser] = {}

    @cached_property
    def customer(self) -> Console:
        """A customer with an API key."""
        return self.new_customer("acme")

    def new_customer(self, customer_id: str) -> Console:
        """Issue a key, as the command does."""
        with self.database("ops") as ops:
            issued = api_keys.issue(
                ops, customer_id=customer_id, name=customer_id, email=f"{customer_id}@x.example", note="", actor="test"
            )
        return Console(base_url=self.airflow, key=issued.key)

    def person(self, username: str) -> AirflowUser:
        """Return a logged-in user of Airflow."""
        if username not in self._people:
            password = self.secrets[user_password_variable(username)]
            self._people[username] = AirflowUser(base_url=self.airflow, username=username, password=password)
        return self._people[username]

    @contextmanager
    def database(self, name: str) -> Iterator[psycopg.Connection[dict[str, Any]]]:
        """Yield a superuser's session in "ops", "airflow" or "platform": tests look, whatever the grants."""
        cluster = "platform" if name == "platform" else "state"
        dsn = postgres_uri(self.config, self.secrets, cluster=cluster, user="postgres", database=name)
        with psycopg.connect(dsn, autocommit=True, row_factory=dict_row) as connection:
            yield connection

    def request(self, *, attendees: int = 60, label: str = "event", **event: Any) -> dict[str, Any]:
        """Return a valid request of its own: another day, another name, another customer's address each time."""
        opening = datetime.now(UTC).replace(hour=5, minute=0, second=0, microsecond=0)
        opening += timedelta(days=next(self._days))
        tag = uuid.uuid4().hex[:8]
        return {
            "request_id": f"{label}-{tag}",
            "customer": {
                "name": "Acme Shows",
                "email": f"{tag}@acme.example",
                "phone": "+821012345678",
                "language": "en",
            },
            "event": {
                "name": f"{label} {tag}",
                "venue": "Hall 1",
                "starts_at": opening.isoformat(),
                "ends_at": (opening + timedelta(hours=4)).isoformat(),
                "expected_attendees": attendees,
                "gates": 2,
            }
            | event,
        }

    def submit(self, body: dict[str, Any]) -> str:
        """Send a request that must be taken; return its id."""
        answer = self.customer.submit(body)
        assert answer.status_code == httpx.codes.ACCEPTED, answer.text
        return str(body["request_id"])

    def ended(self, request_id: str, *, seconds: float = 240) -> dict[str, Any]:
        """Wait until the request has come to its end; return the status."""

        def final() -> dict[str, Any] | None:
            status = self.customer.status(request_id)
            return status if status["status"] in FINAL else None

        return wait_until(final, seconds=seconds, every=0.5, what=f"the end of {request_id}") or {}

    def find_run(self, request_id: str) -> str | None:
        """Return the run that works for a request, None while there is none."""
        with self.database("ops") as ops:
            row = ops.execute(
                "SELECT dag_run_id FROM ops.event_requests WHERE request_id = %s", (request_id,)
            ).fetchone()
        return None if row is None else row["dag_run_id"]

    def await_question(self, request_id: str, *, task_id: str = "approve_plan", dag_id: str = DAG_ID) -> dict[str, str]:
        """Wait until the approval has been waiting for two seconds; return where it is."""

        def waiting() -> bool:
            with self.database("airflow") as airflow:
                row = airflow.execute(
                    "SELECT 1 FROM task_instance WHERE dag_id = %s AND run_id = %s AND task_id = %s"
                    " AND state = 'awaiting_input' AND updated_at < now() - make_interval(secs => %s)",
                    (dag_id, self.find_run(request_id), task_id, SETTLED_SECONDS),
                ).fetchone()
            return row is not None

        wait_until(waiting, seconds=120, every=0.5, what=f"the question about {request_id}")
        return {"dag_id": dag_id, "run_id": str(self.find_run(request_id)), "task_id": task_id}

    def fault(self, **fault: Any) -> None:
        """Make a service of the sandbox fail as described."""
        httpx.post(f"{self.sandbox}/_sandbox/faults", json=fault, timeout=10).raise_for_status()

    def lift_faults(self) -> None:
        """End all faults."""
        httpx.delete(f"{self.sandbox}/_sandbox/faults", timeout=10).raise_for_status()

    def fault_hits(self) -> int:
        """Return how many calls ran into a fault that delays."""
        listed = httpx.get(f"{self.sandbox}/_sandbox/faults", timeout=10).json()["faults"]
        return sum(fault["hits"] for fault in listed if fault["delay_seconds"])

    def sandbox_journal(self, service: str) -> str:
        """Return what a played service was asked, as text to search in."""
        answer = httpx.get(f"{self.sandbox}/_sandbox/journal", params={"service": service, "limit": 1000}, timeout=10)
        return answer.raise_for_status().text

    def slug(self, request_id: str) -> str:
        """Return the slug under which everything of the event is named."""
        with self.database("ops") as ops:
            row = ops.execute("SELECT slug FROM ops.event_requests WHERE request_id = %s", (request_id,)).fetchone()
        assert row is not None
        return str(row["slug"])

    def leftovers(self, slug: str) -> list[str]:
        """Return everything of an event that is still there, looked for in the systems themselves."""
        return [*self._in_postgres(slug), *self._in_kubernetes(slug), *self._in_prometheus(slug), *self._in_files(slug)]

    def _in_postgres(self, slug: str) -> list[str]:
        with self.database("platform") as platform:
            rows = platform.execute(
                "SELECT 'schema ' || nspname AS what FROM pg_namespace WHERE nspname = %(schema)s"
                " UNION ALL SELECT 'role ' || rolname FROM pg_roles WHERE starts_with(rolname, %(schema)s)"
                " UNION ALL SELECT 'endpoint ' || slug FROM platform_api.endpoints WHERE slug = %(slug)s"
                " UNION ALL SELECT 'account ' || username FROM platform_api.accounts WHERE slug = %(slug)s",
                {"schema": f"event_{slug}", "slug": slug},
            ).fetchall()
        with self.database("ops") as ops:
            guides = ops.execute(
                "SELECT 'guide of ' || request_id AS what FROM ops.event_guides JOIN ops.event_requests"
                " USING (request_id) WHERE slug = %s",
                (slug,),
            ).fetchall()
        return [str(row["what"]) for row in [*rows, *guides]]

    def _in_kubernetes(self, slug: str) -> list[str]:
        name = f"event-{slug.replace('_', '-')}"
        token = self.secrets["SANDBOX_KUBERNETES_TOKEN"]
        answer = httpx.get(
            f"{self.sandbox}/k8s/api/v1/namespaces/{name}", headers={"Authorization": f"Bearer {token}"}, timeout=10
        )
        return [] if answer.status_code == httpx.codes.NOT_FOUND else [f"namespace {name} ({answer.status_code})"]

    def _in_prometheus(self, slug: str) -> list[str]:
        targets = httpx.get(f"{self.prometheus}/api/v1/targets", timeout=10).json()["data"]["activeTargets"]
        groups = httpx.get(f"{self.prometheus}/api/v1/rules", timeout=10).json()["data"]["groups"]
        found = [f"target {target['scrapeUrl']}" for target in targets if slug in target["scrapeUrl"]]
        # By name: other groups' alerts may still carry the label of a target that was there a moment ago.
        return found + [f"rules {group['name']}" for group in groups if slug in group["name"]]

    def _in_files(self, slug: str) -> list[str]:
        folder = self.config.local_dir / "prometheus" / "events"
        return [str(path) for path in folder.rglob(f"*{slug}*")]
