"""What the engine tells Prometheus. Rules in `config/prometheus/rules/self.yml` build on these names."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Gauge, Info, ProcessCollector, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_LATEST

CONTENT_TYPE = CONTENT_TYPE_LATEST


class EngineMetrics:
    """All metrics of one engine, in a registry of their own."""

    def __init__(self, *, version: str) -> None:
        self._registry = CollectorRegistry()
        ProcessCollector(registry=self._registry)
        Info("engine_build", "The running version.", registry=self._registry).info({"version": version})
        self.database_up = self._gauge("engine_database_up", "1 when the ops database answered the last look.")
        self.airflow_component_up = self._gauge(
            "airflow_component_up", "1 when Airflow reports the component as healthy; absent when unknown.", "component"
        )
        self.event_requests = self._gauge("ops_event_requests", "Event requests by status.", "status")
        self.intake_waiting = self._gauge("ops_intake_waiting_requests", "Accepted requests that no run works for yet.")
        self.intake_oldest_seconds = self._gauge(
            "ops_intake_oldest_waiting_seconds", "For how long the oldest of them has waited; 0 when none waits."
        )
        self.intake_runs = Counter(
            "ops_intake_runs", "Waiting requests taken up, by outcome.", ["outcome"], registry=self._registry
        )
        self.ledger_entries = self._gauge("ops_ledger_entries", "Number of the ledger's last entry.")
        self.ledger_unanchored_seconds = self._gauge(
            "ops_ledger_unanchored_seconds", "Age of the oldest entry that no anchor outside covers; 0 when all are."
        )
        self.ledger_unverified_seconds = self._gauge(
            "ops_ledger_unverified_seconds", "Time since the whole ledger was last checked and found intact."
        )
        self.ledger_tampered = self._gauge("ops_ledger_tampered", "1 when the last check found it tampered with.")
        self.watchdog_seen_at = self._gauge(
            "alerting_watchdog_last_seen_timestamp_seconds",
            "When the alert path's heartbeat was last heard; 0 before the first.",
        )
        self.handovers_refused = Counter(
            "alerting_handovers_refused", "Alert hand-overs answered 503.", registry=self._registry
        )

    def render(self) -> bytes:
        """Return everything in Prometheus' text format."""
        return generate_latest(self._registry)

    def _gauge(self, name: str, documentation: str, *labels: str) -> Gauge:
        return Gauge(name, documentation, labels, registry=self._registry)
