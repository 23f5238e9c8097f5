"""One whole stack for all system tests, on free ports and in a folder of its own."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from stack.config import Ports, StackConfig
from stack.lifecycle import down, up
from tests.support.ports import free_ports
from tests.system.house import House

ROSTER = Path(__file__).parents[2] / "config" / "approvers.yaml"
# Small, because these tests are about provisioning; short deadlines, because one test waits for all of them.
SETTINGS = {
    "SEED_ROWS": "3000",
    "PLATFORM_OPS_APPROVAL_REMINDER_SECONDS": "15",
    "PLATFORM_OPS_APPROVAL_DEPUTY_SECONDS": "25",
    "PLATFORM_OPS_APPROVAL_EXPIRY_SECONDS": "45",
    # How often Airflow looks whether a wait is over; with its 15 s a late look would skip the reminder.
    "AIRFLOW__SCHEDULER__TRIGGER_TIMEOUT_CHECK_INTERVAL": "2",
    "AIRFLOW__SCHEDULER__TASK_INSTANCE_HEARTBEAT_TIMEOUT": "20",
    "AIRFLOW__SCHEDULER__TASK_INSTANCE_HEARTBEAT_TIMEOUT_DETECTION_INTERVAL": "5",
    "PLATFORM_OPS_PROMTOOL": str(Path(__file__).with_name("promtool.sh")),
    # Six tries with the production waits would make every fault test minutes long.
    "PLATFORM_OPS_RETRY_DELAY_SECONDS": "1",
}


@pytest.fixture(scope="session")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """A running stack and everybody who takes part; its logs are kept when `KEEP_SYSTEM_STACK` names a folder."""
    folder = os.environ.get("KEEP_SYSTEM_STACK") or str(tmp_path_factory.mktemp("stack"))
    names = [Ports.variable(name) for name in Ports.__dataclass_fields__]
    ports = dict(zip(names, map(str, free_ports(len(names))), strict=True))
    roster = shutil.copy(ROSTER, tmp_path_factory.mktemp("config"))  # tests break it
    settings = SETTINGS | ports | {"LOCAL_DIR": folder, "PLATFORM_OPS_APPROVERS_FILE": str(roster)}
    config = StackConfig.load(settings)
    try:
        up(config)
        yield House(config)
    finally:
        down(config)
