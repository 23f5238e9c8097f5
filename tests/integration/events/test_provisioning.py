"""An event from request to confirmation, and every step tried again."""

import re
from dataclasses import replace

import httpx
import pytest

from include.clients.errors import ClientError, Refused
from include.events import provision, rollback
from include.events.errors import PlanChanged, StaleAttempt, VerificationFailed
from include.events.steps import monitoring
from include.events.world import World
from include.store import console
from sandbox.testing import SandboxServer
from tests.support.events import Outside, approve, request_body, row_of


def texts(sandbox: SandboxServer) -> list[str]:
    account = sandbox.credentials
    answer = httpx.get(
        f"{sandbox.url}/twilio/2010-04-01/Accounts/{account.twilio_account_sid}/Messages.json",
        auth=(account.twilio_account_sid, account.twilio_auth_token),
    )
    return [message["body"] for message in answer.json()["messages"]]


@pytest.mark.parametrize("language", ["ko", "en"])
def test_an_event_is_made_verified_handed_over_and_confirmed(world: World, outside: Outside, language: str) -> None:
    approved = approve(world, request_body(language=language))
    approved.apply_all(world)
    row = row_of(world.ops, approved.request_id)
    assert row["status"] == "completed"
    assert row["configured_at"] is not None
    assert set(row["result"]) == {"namespace", "schema", "api_url", "prometheus_target", "account", "guide_url"}
    steps = console.steps_of(world.ops, [approved.request_id])[approved.request_id]
    assert [(step["step"], step["state"]) for step in steps] == [(name, "done") for name in provision.STEPS]

    (mail,) = outside.sandbox.mails("haneul@example.com")
    assert ("준비 완료" if language == "ko" else "is ready") in mail["subject"]
    (text,) = texts(outside.sandbox)
    assert row["result"]["guide_url"] in text
    guide = console.find_guide(world.ops, row["result"]["guide_url"].rpartition("/")[2])
    assert guide is not None
    assert guide["language"] == language
    assert row["result"]["account"] in guide["html"]


def test_the_mail_opens_guide_rating_and_credentials(world: World, outside: Outside) -> None:
    approved = approve(world, request_body())
    approved.apply_quickly(world)
    approved.apply("confirmation", world)
    (summary,) = outside.sandbox.mails("haneul@example.com")
    text = str(outside.sandbox.call("GET", f"/mail/api/messages/{summary['id']}"))
    rating = re.search(r"/console/ratings/([\w-]+)", text)
    handover = re.search(rf"{re.escape(outside.sandbox.url)}/platform/handover/[\w-]+", text)
    assert rating is not None
    assert handover is not None
    assert console.find_rating(world.ops, rating[1]) is not None
    assert httpx.get(handover[0]).status_code == 200


def test_every_step_can_be_carried_out_again(world: World, outside: Outside) -> None:
    approved = approve(world, request_body())
    for name in provision.STEPS:
        approved.apply(name, world)
        approved.apply(name, world)
    assert row_of(world.ops, approved.request_id)["status"] == "completed"
    assert len(outside.sandbox.mails("haneul@example.com")) == 1
    assert len(texts(outside.sandbox)) == 1
    assert len(world.platform_api.list_accounts(approved.key.slug)) == 1


def test_the_links_of_a_hand_over_that_is_tried_again_stay(world: World) -> None:
    approved = approve(world, request_body())
    approved.apply_quickly(world)
    links = row_of(world.ops, approved.request_id)["result"]
    approved.apply("handover", world)
    assert row_of(world.ops, approved.request_id)["result"] == links


def test_only_the_approved_plan_is_carried_out(world: World) -> None:
    approved = approve(world, request_body())
    with pytest.raises(PlanChanged):
        provision.apply_step("namespace", world, request_id=approved.request_id, attempt=1, plan_hash="0" * 64)
    world.ops.execute("""UPDATE ops.event_requests SET plan = jsonb_set(plan, '{resources,pods}', '9999')""")
    with pytest.raises(PlanChanged):
        approved.apply("namespace", world)
    assert rollback.leftovers(world, request_id=approved.request_id) == []


@pytest.mark.parametrize(
    "status", ["received", "planned", "awaiting_approval", "rejected", "expired", "rolling_back", "rolled_back"]
)
def test_no_step_without_leave(world: World, status: str) -> None:
    approved = approve(world, request_body())
    world.ops.execute("UPDATE ops.event_requests SET status = %s", (status,))
    with pytest.raises(StaleAttempt):
        approved.apply("namespace", world)
    assert rollback.leftovers(world, request_id=approved.request_id) == []


def test_an_older_attempt_does_not_act_for_a_newer(world: World) -> None:
    approved = approve(world, request_body())
    world.ops.execute("UPDATE ops.event_requests SET attempt = 2")
    with pytest.raises(StaleAttempt):
        approved.apply("namespace", world)


@pytest.mark.parametrize("step", ["namespace", "schema", "endpoint", "monitoring"])
def test_what_is_missing_is_found_by_looking(world: World, step: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(monitoring, "SEEN_WITHIN_SECONDS", 6.0)
    approved = approve(world, request_body())
    approved.apply_all(world, up_to="monitoring")
    things = {thing.name: thing for thing in rollback.things_of(approved.key, world)}
    things[step].undo()
    with pytest.raises(VerificationFailed, match=approved.key.slug.replace("_", "[-_]")):
        approved.apply("verification", world)


def test_a_failing_sms_does_not_keep_the_mail_back(world: World, outside: Outside) -> None:
    approved = approve(world, request_body())
    approved.apply_quickly(world)
    outside.sandbox.faults(
        "twilio", method="POST", status=400, body={"code": 21614, "message": "no mobile", "status": 400}
    )
    with pytest.raises(Refused):
        approved.apply("confirmation", world)
    assert len(outside.sandbox.mails("haneul@example.com")) == 1
    assert row_of(world.ops, approved.request_id)["status"] == "configuring"
    outside.sandbox.clear_faults()
    approved.apply("confirmation", world)
    assert len(outside.sandbox.mails("haneul@example.com")) == 1
    assert len(texts(outside.sandbox)) == 1


def test_an_sms_whose_answer_was_lost_is_not_sent_twice(world: World, outside: Outside) -> None:
    approved = approve(world, request_body())
    approved.apply_quickly(world)
    outside.sandbox.faults("twilio", method="POST", disconnect=True, after=True, times=1)
    with pytest.raises(ClientError):
        approved.apply("confirmation", world)
    approved.apply("confirmation", world)
    assert len(texts(outside.sandbox)) == 1
    assert len([call for call in outside.sandbox.journal("twilio") if call["method"] == "POST"]) == 1


def test_without_a_gateway_the_mail_is_enough(world: World, outside: Outside) -> None:
    approved = approve(world, request_body())
    approved.apply_quickly(world)
    approved.apply("confirmation", replace(world, sms=None))
    assert row_of(world.ops, approved.request_id)["status"] == "completed"
    assert texts(outside.sandbox) == []
