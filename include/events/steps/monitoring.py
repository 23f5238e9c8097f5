"""The event's Prometheus target and alerts: two files that Prometheus watches, checked before and seen afterwards."""

from __future__ import annotations

import json
import logging
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import yaml

from include.clients.errors import ServerFault
from include.clients.prometheus import SERVICE, Prometheus, Target
from include.events.errors import InvalidRules, NotOwned
from include.events.files import move_into_place, temporary_beside, unfinished_beside
from include.events.names import EventKey
from include.events.plan import EventPlan
from include.events.waiting import wait_for

log = logging.getLogger(__name__)

PROMTOOL_TIMEOUT_SECONDS = 30
# Prometheus hands new targets to its scrapers every 5 s (its discovery manager's update interval).
SEEN_WITHIN_SECONDS = 30.0
NO_TARGETS = "[]\n"
_HEADER = "# Written by platform-ops for event request: "
# A label that begins with two underscores is dropped before anything is scraped, so this mark stays in the file.
_OWNER_LABEL = "__platform_ops_request"


@dataclass(frozen=True, kw_only=True)
class EventFiles:
    """Where Prometheus finds an event."""

    target: Path
    rules: Path

    @classmethod
    def of(cls, key: EventKey, events_dir: Path) -> EventFiles:
        """Return the files of an event below the folder that Prometheus watches."""
        return cls(
            target=events_dir / "targets" / f"{key.rule_group}.json",
            rules=events_dir / "rules" / f"{key.rule_group}.yml",
        )


def apply(
    plan: EventPlan, events_dir: Path, prometheus: Prometheus, *, promtool: str, check: Callable[[], None]
) -> None:
    """Write both files, make Prometheus read them and wait until it has the alerts.

    Raises InvalidRules when promtool refuses the rules (nothing is in place then), NotOwned, or a ClientError; when the
    reload fails, both files are taken away again, so that a broken one cannot stop Prometheus' next start.
    """
    key = EventKey.of(plan)
    files = EventFiles.of(key, events_dir)
    _refuse_foreign(key, files)
    check()
    _put_rules(files.rules, rules_text(plan), promtool=promtool)
    _put(files.target, target_text(plan))
    try:
        check()
        prometheus.reload()
    except BaseException:
        log.warning("Prometheus did not take the files of %s: removed again", plan.slug)
        _remove(files)
        raise
    if not wait_for(lambda: not _rule_findings(plan, prometheus), seconds=SEEN_WITHIN_SECONDS):
        raise ServerFault(SERVICE, f"has not loaded the alerts of {plan.slug} in {SEEN_WITHIN_SECONDS:g} s")


def verify(plan: EventPlan, prometheus: Prometheus) -> list[str]:
    """Return what Prometheus does not know, or could not scrape, after waiting for it to list the target.

    A target that is listed but was not scraped yet is right: the first scrape comes within one interval (15 s here),
    and that the metrics can be read is seen by `endpoint.verify`. One that is down may have been scraped before the
    endpoint was there: the next scrape tells.
    """
    wait_for(lambda: not _target_findings(plan, prometheus), seconds=SEEN_WITHIN_SECONDS)
    return [*_rule_findings(plan, prometheus), *_target_findings(plan, prometheus)]


def undo(key: EventKey, events_dir: Path, prometheus: Prometheus) -> None:
    """Remove both files and wait until Prometheus has forgotten the event. Raises NotOwned for another request's.

    The target's file is emptied first and removed last: Prometheus keeps the targets of a file that is gone when it is
    told to reload, because its new discovery has nothing to say about it (seen with 2.42).
    """
    files = EventFiles.of(key, events_dir)
    _refuse_foreign(key, files)
    if files.target.exists() or _target(key.slug, prometheus) is not None:
        _put(files.target, NO_TARGETS)
    files.rules.unlink(missing_ok=True)
    if _known(key, prometheus):
        prometheus.reload()
        if not wait_for(lambda: not _known(key, prometheus), seconds=SEEN_WITHIN_SECONDS):
            raise ServerFault(SERVICE, f"still lists {', '.join(_known(key, prometheus))}")
    _remove(files)


def leftovers(key: EventKey, events_dir: Path, prometheus: Prometheus) -> list[str]:
    """Return the event's files, and what Prometheus still lists of it."""
    files = EventFiles.of(key, events_dir)
    both = (files.target, files.rules)
    present = [path for path in both if path.exists() and _owner(path) in (None, key.request_id)]
    present += [unfinished for path in both for unfinished in unfinished_beside(path)]
    return [*(f"file {path.parent.name}/{path.name}" for path in present), *_known(key, prometheus)]


def target_text(plan: EventPlan) -> str:
    """Return the file_sd document with the event's target."""
    url = urlsplit(plan.monitoring.metrics_url)
    labels = {
        "__metrics_path__": url.path,
        "__scheme__": url.scheme,
        _OWNER_LABEL: plan.request_id,
        "event": plan.slug,
        "tier": plan.tier,
        "service": "event-api",
    }
    return json.dumps([{"targets": [plan.monitoring.target], "labels": labels}], indent=2) + "\n"


def rules_text(plan: EventPlan) -> str:
    """Return the rule file with the event's alerts."""
    rules = [
        {
            "alert": alert.name,
            "expr": alert.expression,
            "for": alert.wait,
            "labels": {"severity": alert.severity, "event": plan.slug, "service": "event-api"},
            "annotations": {"summary": alert.summary, "request_id": plan.request_id, "api_url": plan.api_url},
        }
        for alert in plan.monitoring.alerts
    ]
    document = {"groups": [{"name": plan.monitoring.group, "rules": rules}]}
    return _HEADER + plan.request_id + "\n" + yaml.safe_dump(document, sort_keys=False, allow_unicode=True, width=1000)


def _rule_findings(plan: EventPlan, prometheus: Prometheus) -> list[str]:
    found = prometheus.list_rule_groups().get(plan.monitoring.group, [])
    wanted = [alert.name for alert in plan.monitoring.alerts]
    return [] if found == wanted else [f"Prometheus has the alerts {found} for {plan.slug}, planned are {wanted}"]


def _target_findings(plan: EventPlan, prometheus: Prometheus) -> list[str]:
    target = _target(plan.slug, prometheus)
    if target is None:
        return [f"Prometheus does not list the target of {plan.slug}"]
    if target.scrape_url != plan.monitoring.metrics_url:
        return [f"Prometheus scrapes {target.scrape_url}, planned is {plan.monitoring.metrics_url}"]
    return [f"Prometheus cannot scrape {plan.slug}: {target.last_error}"] if target.health == "down" else []


def _known(key: EventKey, prometheus: Prometheus) -> list[str]:
    target = _target(key.slug, prometheus)
    known = [f"Prometheus target {target.scrape_url}"] if target else []
    if key.rule_group in prometheus.list_rule_groups():
        known.append(f"Prometheus rule group {key.rule_group}")
    return known


def _target(slug: str, prometheus: Prometheus) -> Target | None:
    return next((target for target in prometheus.list_targets() if target.labels.get("event") == slug), None)


def _put_rules(path: Path, text: str, *, promtool: str) -> None:
    """Let promtool check the rules beside their place, then move them there."""
    with temporary_beside(path, text) as candidate:
        outcome = subprocess.run(
            [promtool, "check", "rules", str(candidate)],
            capture_output=True,
            text=True,
            timeout=PROMTOOL_TIMEOUT_SECONDS,
            check=False,
        )
        if outcome.returncode != 0:
            raise InvalidRules(f"promtool refuses the rules for {path.name}: {outcome.stderr or outcome.stdout}")
        move_into_place(candidate, path)


def _put(path: Path, text: str) -> None:
    with temporary_beside(path, text) as candidate:
        move_into_place(candidate, path)


def _remove(files: EventFiles) -> None:
    for path in (files.target, files.rules):
        path.unlink(missing_ok=True)
        for unfinished in unfinished_beside(path):
            unfinished.unlink(missing_ok=True)


def _refuse_foreign(key: EventKey, files: EventFiles) -> None:
    for path in (files.target, files.rules):
        owner = _owner(path)
        if owner is not None and owner != key.request_id:
            raise NotOwned(f"{path.name} belongs to request {owner!r}, not to {key.request_id!r}: kept")


def _owner(path: Path) -> str | None:
    """Return the request that a file was written for; None for a missing file or one without the mark."""
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        return None
    if path.suffix == ".yml":
        first = text.partition("\n")[0]
        return first.removeprefix(_HEADER) if first.startswith(_HEADER) else None
    try:
        owner = json.loads(text)[0]["labels"].get(_OWNER_LABEL)
    except (ValueError, LookupError, TypeError, AttributeError):
        return None
    return str(owner) if owner is not None else None
