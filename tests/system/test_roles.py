"""What Airflow's roles may read and do, asked of the running api-server: customers' data is not everybody's."""

from __future__ import annotations

import os
import subprocess

import httpx
import pytest

from stack.environment import airflow_environment, user_passwords
from tests.support.waiting import wait_until
from tests.system.house import DAG_ID, House

OK, FORBIDDEN = httpx.codes.OK, httpx.codes.FORBIDDEN
RUN = f"/dags/{DAG_ID}/dagRuns/{{run_id}}"
TASK = f"{RUN}/taskInstances/validate_request"
# Each of them shows what customers wrote, or what was made for them.
HOLDS_CUSTOMERS_DATA = (
    f"/dags/{DAG_ID}/dagRuns",
    "/dags/~/dagRuns",
    RUN,
    f"{RUN}/taskInstances",
    "/dags/~/dagRuns/~/taskInstances",
    TASK,
    f"{TASK}/xcomEntries",
    "/dags/~/dagRuns/~/taskInstances/~/xcomEntries",
    f"{TASK}/logs/1",
    "/dags/~/dagRuns/~/hitlDetails",
)
NOBODYS_BUT_ADMINS = ("/variables", "/connections", "/eventLogs")
# What the role held before it was narrowed.
FORMER_PERMISSION = """
INSERT INTO ab_permission_view_role (id, permission_view_id, role_id)
SELECT nextval('ab_permission_view_role_id_seq'), pair.id, role.id FROM ab_permission_view AS pair
  JOIN ab_permission AS action ON action.id = pair.permission_id AND action.name = 'can_read'
  JOIN ab_view_menu AS resource ON resource.id = pair.view_menu_id AND resource.name = 'DAG Runs'
 CROSS JOIN ab_role AS role WHERE role.name = ANY (%s)
"""
FORMER_ROLE = """
UPDATE ab_user_role SET role_id = (SELECT id FROM ab_role WHERE name = 'operator')
 WHERE user_id = (SELECT id FROM ab_user WHERE username = 'engine')
"""
ROLES_THAT_READ_RUNS = """
SELECT role.name FROM ab_permission_view_role AS given
  JOIN ab_role AS role ON role.id = given.role_id JOIN ab_permission_view AS pair ON pair.id = given.permission_view_id
  JOIN ab_permission AS action ON action.id = pair.permission_id AND action.name = 'can_read'
  JOIN ab_view_menu AS resource ON resource.id = pair.view_menu_id AND resource.name = 'DAG Runs'
"""
ROLES_OF_THE_ENGINE = """
SELECT role.name FROM ab_user_role AS held JOIN ab_role AS role ON role.id = held.role_id
  JOIN ab_user AS account ON account.id = held.user_id WHERE account.username = 'engine'
"""


@pytest.fixture(scope="module")
def run_id(house: House) -> str:
    """A run that the requester started; its first task is done."""
    body = house.request(label="roles")
    conf = {"logical_date": None, "conf": body}
    answer = house.person("requester1").post(f"/dags/{DAG_ID}/dagRuns", json=conf)
    assert answer.status_code == OK, answer.text
    run_id = str(answer.json()["dag_run_id"])
    operator = house.person("operator1")
    wait_until(
        lambda: operator.task_state(dag_id=DAG_ID, run_id=run_id, task_id="validate_request") == "success",
        seconds=60,
        every=0.5,
        what=f"the first task of {run_id}",
    )
    return run_id


def test_a_requester_starts_runs_of_one_dag_only(house: House, run_id: str) -> None:
    assert run_id
    requester = house.person("requester1")
    assert requester.get(f"/dags/{DAG_ID}/details").status_code == OK  # the trigger form is made of it
    listed = requester.get("/dags").json()["dags"]
    assert [dag["dag_id"] for dag in listed] == [DAG_ID]
    conf = {"request_id": "r", "reason": "x"}
    answer = requester.post("/dags/event_decommission/dagRuns", json={"logical_date": None, "conf": conf})
    assert answer.status_code == FORBIDDEN


@pytest.mark.parametrize("path", [*HOLDS_CUSTOMERS_DATA, *NOBODYS_BUT_ADMINS])
def test_a_requester_reads_nothing_of_runs(house: House, run_id: str, path: str) -> None:
    assert house.person("requester1").get(path.format(run_id=run_id)).status_code == FORBIDDEN


@pytest.mark.parametrize("path", HOLDS_CUSTOMERS_DATA)
def test_an_operator_reads_them(house: House, run_id: str, path: str) -> None:
    assert house.person("operator1").get(path.format(run_id=run_id)).status_code == OK


def test_a_requester_uses_the_console(house: House) -> None:
    requester = house.person("requester1")
    body = house.request(label="console")
    assert requester.request_event(body).status_code == httpx.codes.ACCEPTED
    own = [event["request_id"] for event in requester.console("/api/events").json()["events"]]
    assert body["request_id"] in own
    for page in ("/", "/request", f"/api/events/{body['request_id']}"):
        assert requester.console(page).status_code == OK, page
    other = house.submit(house.request(label="others"))
    assert requester.console(f"/api/events/{other}").status_code == httpx.codes.NOT_FOUND
    plugins = requester.get("/plugins").json()["plugins"]  # from which Airflow makes its menu
    assert "ops_console" in [plugin["name"] for plugin in plugins]


def test_the_engine_reads_runs_of_its_dag_and_nothing_in_them(house: House, run_id: str) -> None:
    engine = house.person("engine")
    assert engine.get(RUN.format(run_id=run_id)).status_code == OK
    for path in set(HOLDS_CUSTOMERS_DATA) - {RUN, f"/dags/{DAG_ID}/dagRuns"} | set(NOBODYS_BUT_ADMINS):
        assert engine.get(path.format(run_id=run_id)).status_code == FORBIDDEN, path
    conf = {"request_id": "r", "reason": "x"}
    answer = engine.post("/dags/event_decommission/dagRuns", json={"logical_date": None, "conf": conf})
    assert answer.status_code == FORBIDDEN


def test_roles_of_an_older_version_are_narrowed(house: House) -> None:
    with house.database("airflow") as airflow:
        airflow.execute(FORMER_PERMISSION, (["requester", "engine"],))
        airflow.execute(FORMER_ROLE)
    environment = airflow_environment(house.config, house.secrets, ops_login="ops_tasks")
    environment |= user_passwords(house.secrets)
    command = [house.config.python, "-m", "stack.airflow_setup"]
    done = subprocess.run(command, env=environment, cwd=house.config.root, check=False, capture_output=True, text=True)
    assert done.returncode == os.EX_OK, done.stderr
    with house.database("airflow") as airflow:
        readers = {row["name"] for row in airflow.execute(ROLES_THAT_READ_RUNS)}
        held = [row["name"] for row in airflow.execute(ROLES_OF_THE_ENGINE)]
    assert not readers & {"requester", "engine"}
    assert "operator" in readers
    assert held == ["engine"]
