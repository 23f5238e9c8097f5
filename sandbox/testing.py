"""A sandbox of one's own for tests: free ports, credentials and a directory that nobody else uses."""

from __future__ import annotations

import json
import os
import secrets
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.parse
import urllib.request
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from sandbox.errors import SandboxNotReady

_START_SECONDS = 30.0
_STOP_SECONDS = 10.0
_ANSWER_SECONDS = 10.0
_POLL_SECONDS = 0.05
_PROJECT_ROOT = Path(__file__).resolve().parent.parent


@dataclass(frozen=True, kw_only=True)
class Credentials:
    """What the clients of one sandbox have to show."""

    slack_token: str = field(default_factory=lambda: f"xoxb-{secrets.token_hex(16)}")
    slack_webhook: str = field(default_factory=lambda: f"T0TEST/B0TEST/{secrets.token_hex(12)}")
    twilio_account_sid: str = field(default_factory=lambda: f"AC{secrets.token_hex(16)}")
    twilio_auth_token: str = field(default_factory=lambda: secrets.token_hex(16))
    twilio_from: str = "+15005550006"
    kubernetes_token: str = field(default_factory=lambda: secrets.token_hex(16))
    platform_token: str = field(default_factory=lambda: secrets.token_hex(16))


class SandboxServer:
    """A running sandbox; use it as a context manager, or call `start` and `stop`.

    Ports, credentials and state stay the same over `stop` or `kill` and another `start`.
    """

    def __init__(self, *, state_dir: Path | None = None, platform_dsn: str = "") -> None:
        self._own_dir = tempfile.TemporaryDirectory(prefix="sandbox-") if state_dir is None else None
        self.state_dir = Path(self._own_dir.name) if self._own_dir else Path(str(state_dir))
        self.port, self.smtp_port = _free_ports()
        self.credentials = Credentials()
        self._platform_dsn = platform_dsn
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        """The base address of everything but SMTP."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def pid(self) -> int | None:
        """The process's id, None when it does not run."""
        return self._process.pid if self._process and self._process.poll() is None else None

    @property
    def kube_config(self) -> dict[str, Any]:
        """A kubeconfig for the cluster, as for the extra of an Airflow connection."""
        return {
            "apiVersion": "v1",
            "kind": "Config",
            "current-context": "sandbox",
            "clusters": [{"name": "sandbox", "cluster": {"server": f"{self.url}/k8s"}}],
            "users": [{"name": "sandbox", "user": {"token": self.credentials.kubernetes_token}}],
            "contexts": [{"name": "sandbox", "context": {"cluster": "sandbox", "user": "sandbox"}}],
        }

    def start(self) -> Self:
        """Start the process and wait until it answers.

        Raises SandboxNotReady with the end of its log when it ends or takes longer than 30 s.
        """
        self.state_dir.mkdir(parents=True, exist_ok=True)
        with self._log_file.open("ab") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "sandbox"], env=self._environment(), stdout=log, stderr=log, cwd=_PROJECT_ROOT
            )
        deadline = time.monotonic() + _START_SECONDS
        while not self._answers():
            if self._process.poll() is not None or time.monotonic() > deadline:
                self.kill()
                raise SandboxNotReady(f"the sandbox did not start: {self._log_file.read_text()[-2000:]}")
            time.sleep(_POLL_SECONDS)
        return self

    def stop(self) -> None:
        """End the process as a process manager does; no-op when it does not run."""
        self._end(signal.SIGTERM)

    def kill(self) -> None:
        """End the process as a crash does (kill -9)."""
        self._end(signal.SIGKILL)

    def faults(self, service: str, **fault: Any) -> str:
        """Put a fault in force (fields as of `sandbox.faults.FaultRequest`) and return its id."""
        answer = self.call("POST", "/_sandbox/faults", {"service": service, **fault})
        return str(answer["id"])

    def clear_faults(self) -> None:
        """Lift all faults."""
        self.call("DELETE", "/_sandbox/faults")

    def journal(self, service: str = "", **wanted: Any) -> list[dict[str, Any]]:
        """Return what was asked of a service, oldest first (``method``, ``path_regex``, ``after_id``, ``limit``)."""
        query = {**({"service": service} if service else {}), **wanted}
        entries: list[dict[str, Any]] = self.call("GET", f"/_sandbox/journal?{urllib.parse.urlencode(query)}")[
            "entries"
        ]
        return entries

    def mails(self, to: str = "") -> list[dict[str, Any]]:
        """Return the mail that was taken, newest first."""
        answer = self.call("GET", f"/mail/api/messages?{urllib.parse.urlencode({'to': to})}")
        mails: list[dict[str, Any]] = answer["messages"]
        return mails

    def reset(self) -> None:
        """Forget faults, journal, messages, mail and cluster; the platform's database is left alone."""
        self.call("POST", "/_sandbox/reset")

    def call(self, method: str, path: str, body: object = None, *, token: str = "") -> Any:
        """Send a JSON request and return the decoded answer, None for an empty one.

        Raises urllib.error.HTTPError for 4xx and 5xx.
        """
        data = None if body is None else json.dumps(body).encode()
        headers = {"content-type": "application/json", **({"authorization": f"Bearer {token}"} if token else {})}
        request = urllib.request.Request(self.url + path, data, headers, method=method)  # noqa: S310 - our own address
        with urllib.request.urlopen(request, timeout=_ANSWER_SECONDS) as answer:  # noqa: S310
            content = answer.read()
        return json.loads(content) if content else None

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()
        if self._own_dir:
            self._own_dir.cleanup()

    @property
    def _log_file(self) -> Path:
        return self.state_dir / "sandbox.log"

    def _environment(self) -> dict[str, str]:
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("SANDBOX_", "PLATFORM_API_"))}
        credentials = self.credentials
        return kept | {
            "SANDBOX_PORT": str(self.port),
            "SANDBOX_SMTP_PORT": str(self.smtp_port),
            "SANDBOX_STATE_DIR": str(self.state_dir),
            "SANDBOX_SLACK_TOKEN": credentials.slack_token,
            "SANDBOX_SLACK_WEBHOOK": credentials.slack_webhook,
            "SANDBOX_TWILIO_ACCOUNT_SID": credentials.twilio_account_sid,
            "SANDBOX_TWILIO_AUTH_TOKEN": credentials.twilio_auth_token,
            "SANDBOX_TWILIO_FROM": credentials.twilio_from,
            "SANDBOX_KUBERNETES_TOKEN": credentials.kubernetes_token,
            "SANDBOX_PLATFORM_TOKEN": credentials.platform_token,
            "PLATFORM_API_DSN": self._platform_dsn,
        }

    def _answers(self) -> bool:
        try:
            self.call("GET", "/healthz")
        except (urllib.error.URLError, ConnectionError, TimeoutError):
            return False
        return True

    def _end(self, with_signal: signal.Signals) -> None:
        if self._process is None or self._process.poll() is not None:
            return
        self._process.send_signal(with_signal)
        try:
            self._process.wait(_STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait(_STOP_SECONDS)


def _free_ports() -> tuple[int, int]:
    with socket.create_server(("127.0.0.1", 0)) as first, socket.create_server(("127.0.0.1", 0)) as second:
        return int(first.getsockname()[1]), int(second.getsockname()[1])
