"""What each of Airflow's answers means for the engine."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import httpx
import pytest
from pydantic import SecretStr

from include.clients import errors
from include.engine.airflow_api import AirflowApi, AirflowHealth, StartedRun
from include.engine.errors import RunFailed, RunRefused

Answer = Callable[[httpx.Request], httpx.Response]


def call_start_run(answer: Answer) -> StartedRun:
    """Start a run against a transport that logs everybody in and then answers as told."""

    def transport(request: httpx.Request) -> httpx.Response:
        if request.url.path == "/auth/token":
            return httpx.Response(201, json={"access_token": "token"})
        return answer(request)

    async def start() -> StartedRun:
        async with _api(transport) as api:
            return await api.start_run(dag_id="event_provisioning", run_id="request__a__1", conf={})

    return asyncio.run(start())


@asynccontextmanager
async def _api(transport: Answer) -> AsyncIterator[AirflowApi]:
    async with httpx.AsyncClient(base_url="http://airflow", transport=httpx.MockTransport(transport)) as http:
        yield AirflowApi(http, username="engine", password=SecretStr("secret"))


@pytest.mark.parametrize("status", [200, 201])
def test_a_run_is_started(status: int) -> None:
    assert call_start_run(lambda _: httpx.Response(status, json={})) is StartedRun.NEW


def taken_by(status: int, run: dict[str, object]) -> Answer:
    """Return answers of an Airflow in which the id is taken, and which says of the run what is given."""
    return lambda request: (
        httpx.Response(409, json={}) if request.method == "POST" else httpx.Response(status, json=run)
    )


@pytest.mark.parametrize(
    ("run", "whose"),
    [
        ({"triggering_user_name": "engine", "conf": {}}, StartedRun.OURS),
        ({"triggering_user_name": "requester1", "conf": {}}, StartedRun.FOREIGN),
        ({"triggering_user_name": None, "conf": {}}, StartedRun.FOREIGN),
        ({"triggering_user_name": "engine", "conf": {"other": "body"}}, StartedRun.FOREIGN),
        ({"triggering_user_name": "engine", "conf": None}, StartedRun.FOREIGN),
    ],
)
def test_a_run_that_is_there_is_looked_at(run: dict[str, object], whose: StartedRun) -> None:
    assert call_start_run(taken_by(200, run)) is whose


def test_a_run_that_may_not_be_looked_at_is_not_taken_for_ours() -> None:
    with pytest.raises(errors.Unauthorized):
        call_start_run(taken_by(403, {"detail": "Forbidden"}))


def test_a_run_that_is_gone_meanwhile_is_left_for_the_next_sweep() -> None:
    with pytest.raises(RunFailed, match="gone"):
        call_start_run(taken_by(404, {"detail": "not found"}))


@pytest.mark.parametrize(
    ("status", "detail", "error"),
    [
        (400, "Invalid input for param event: {} is not of type 'object'", RunRefused),
        (422, [{"loc": ["body", "conf"], "msg": "Value rejected by database"}], RunRefused),
        (400, "Dag with dag_id: 'x' has import errors and cannot be triggered", errors.Refused),
        (400, "Dag with dag_id: 'x' does not allow manual runs", errors.Refused),
        (401, "Invalid JWT token", errors.Unauthorized),
        (403, "Forbidden", errors.Unauthorized),
        (404, "Dag with dag_id: 'x' not found", errors.NotFound),
        (429, "Slow down", errors.RateLimited),
        (500, "Internal Server Error", RunFailed),
        (502, "Bad Gateway", errors.ServerFault),
        (503, "Unavailable", errors.ServerFault),
    ],
)
def test_no_run_is_there(status: int, detail: object, error: type[Exception]) -> None:
    with pytest.raises(error) as caught:
        call_start_run(lambda _: httpx.Response(status, json={"detail": detail}))
    assert type(caught.value) is error


def test_an_answer_that_is_no_json_is_quoted() -> None:
    with pytest.raises(errors.ServerFault, match="upstream timed out"):
        call_start_run(lambda _: httpx.Response(504, text="<html>upstream timed out</html>"))


def test_the_wait_that_was_asked_for_is_kept() -> None:
    with pytest.raises(errors.RateLimited) as caught:
        call_start_run(lambda _: httpx.Response(429, json={}, headers={"Retry-After": "7"}))
    assert caught.value.retry_after == 7


def test_no_answer_is_unreachable() -> None:
    def drop(request: httpx.Request) -> httpx.Response:
        raise httpx.ConnectError("refused", request=request)

    with pytest.raises(errors.Unreachable):
        call_start_run(drop)


def test_a_log_in_that_is_refused_is_no_fault_of_the_request() -> None:
    async def start() -> None:
        async with _api(
            lambda _: httpx.Response(400, json={"detail": "Username and password must be provided"})
        ) as api:
            await api.start_run(dag_id="event_provisioning", run_id="request__a__1", conf={})

    with pytest.raises(errors.Unauthorized, match="PLATFORM_OPS_AIRFLOW_USERNAME"):
        asyncio.run(start())


def health_of(answer: httpx.Response) -> AirflowHealth:
    async def ask() -> AirflowHealth:
        async with _api(lambda _: answer) as api:
            return await api.health()

    return asyncio.run(ask())


def test_each_component_is_reported() -> None:
    report = {
        "metadatabase": {"status": "healthy"},
        "scheduler": {"status": "unhealthy"},
        "triggerer": {"status": None},
    }
    assert health_of(httpx.Response(200, json=report)).up == {
        "api_server": True,
        "metadatabase": True,
        "scheduler": False,
        "triggerer": False,
        "dag_processor": False,
    }


@pytest.mark.parametrize("answer", [httpx.Response(503, json={}), httpx.Response(200, text="<html>")])
def test_an_api_server_that_talks_nonsense_is_down(answer: httpx.Response) -> None:
    assert health_of(answer).up == {"api_server": False}
