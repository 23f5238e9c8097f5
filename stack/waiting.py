"""Wait until components answer, and say why one does not."""

import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from stack.components import Component
from stack.config import StackConfig
from stack.environment import HOST
from stack.errors import ComponentFailed
from stack.health import HEALTHY, health
from stack.progress import Progress
from stack.supervisor import ProcessInfo, Supervisor

ANSWER_SECONDS = 120
_STARTS = 4  # who ended as often while it was awaited will go on doing so
_POLL_SECONDS = 0.2


def await_answers(
    supervisor: Supervisor, awaited: Sequence[Component], config: StackConfig, progress: Progress
) -> None:
    """Wait until all answer; each is announced when it does.

    Raises:
        ComponentFailed: one cannot be started or does not answer in time; the message has its last log line.
    """
    pending = {component.name: component for component in awaited}
    starts: dict[str, set[float]] = {name: set() for name in pending}
    began_at = time.monotonic()
    with ThreadPoolExecutor(max_workers=len(pending) or 1) as pool:
        while pending:
            known = supervisor.processes()
            asked = pool.map(_finding, pending.values(), [known[name] for name in pending])
            findings = dict(zip(pending, asked, strict=True))
            for name, finding in findings.items():
                if finding == HEALTHY:
                    progress.line(f"{name:<28} {_address(pending.pop(name))}")
            progress.awaiting(f"{name} ({findings[name]})" for name in pending)
            for name in pending:
                starts[name].add(known[name].started_at)
                is_late = time.monotonic() - began_at > ANSWER_SECONDS
                if is_late or known[name].state == "FATAL" or len(starts[name]) > _STARTS:
                    raise ComponentFailed(_why_failed(name, findings[name], config))
            time.sleep(_POLL_SECONDS if pending else 0)


def _finding(component: Component, info: ProcessInfo) -> str:
    if info.state != "RUNNING":
        return info.state.lower()
    return health(component.check, started_at=info.started_at)


def _why_failed(name: str, finding: str, config: StackConfig) -> str:
    log = config.log_dir / f"{name}.log"
    return f"{name} does not come up ({finding}): {_last_words(log)} (log: {log})"


def _last_words(log: Path) -> str:
    """Return the end of a log in one line; libraries put hints behind what matters, so three lines of it."""
    if not log.exists():
        return "it said nothing"
    lines = [line.strip() for line in log.read_text(errors="replace").splitlines() if line.strip()]
    return " | ".join(lines[-3:])[-400:] or "it said nothing"


def _address(component: Component) -> str:
    return ", ".join(f"{HOST}:{port}" for port in component.ports.values())
