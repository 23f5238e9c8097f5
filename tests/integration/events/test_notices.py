"""Who is told of a bad end, whatever the mailboxes and phones of the others do."""

import httpx
import pytest

from include.clients.errors import ClientError, Refused, RetryableError
from include.events import rollback
from include.events.decision_notice import tell_not_approved
from include.events.world import World
from tests.support.events import Approved, Outside, approve, request_body

CUSTOMER, OPERATORS = "haneul@example.com", "operators@platform-ops.example"
PHONE = "+821012345678"


def rolled_back(world: World, approved: Approved) -> str:
    rollback.undo_event(world, request_id=approved.request_id, attempt=1, reason="test")
    return approved.request_id


def subjects(outside: Outside, to: str) -> list[str]:
    return [mail["subject"] for mail in outside.sandbox.mails(to)]


def texts(outside: Outside) -> list[str]:
    """Return the SMS that went out."""
    account = outside.sandbox.credentials
    answer = httpx.get(
        f"{outside.sandbox.url}/twilio/2010-04-01/Accounts/{account.twilio_account_sid}/Messages.json",
        auth=(account.twilio_account_sid, account.twilio_auth_token),
    )
    return [message["body"] for message in answer.json()["messages"]]


def test_a_mailbox_that_refuses_for_good_is_reported_and_fails_nothing(world: World, outside: Outside) -> None:
    request_id = rolled_back(world, approve(world, request_body()))
    outside.sandbox.faults("smtp", method="RCPT", path_regex="haneul", status=550)
    for _ in range(2):
        rollback.tell(world, request_id=request_id)
    assert subjects(outside, CUSTOMER) == []
    told = sorted(subjects(outside, OPERATORS))
    assert [subject.partition(":")[0] for subject in told] == ["Not delivered", "Rolled back"]


def test_operators_are_told_although_the_customers_mail_has_to_wait(world: World, outside: Outside) -> None:
    request_id = rolled_back(world, approve(world, request_body()))
    outside.sandbox.faults("smtp", method="RCPT", path_regex="haneul", status=450)
    with pytest.raises(RetryableError):
        rollback.tell(world, request_id=request_id)
    assert len(subjects(outside, OPERATORS)) == 1
    outside.sandbox.clear_faults()
    rollback.tell(world, request_id=request_id)
    assert len(subjects(outside, CUSTOMER)) == len(subjects(outside, OPERATORS)) == 1


def test_the_customer_is_told_although_the_operators_mailbox_refuses(world: World, outside: Outside) -> None:
    request_id = rolled_back(world, approve(world, request_body()))
    outside.sandbox.faults("smtp", method="RCPT", path_regex="operators", status=550)
    with pytest.raises(Refused):
        rollback.tell(world, request_id=request_id)
    assert len(subjects(outside, CUSTOMER)) == 1


def test_an_orderly_rejection_stays_one_when_the_mailbox_refuses(world: World, outside: Outside) -> None:
    approved = approve(world, request_body())
    world.ops.execute("UPDATE ops.event_requests SET status = 'rejected' WHERE request_id = %s", (approved.request_id,))
    outside.sandbox.faults("smtp", method="RCPT", path_regex="haneul", status=550)
    tell_not_approved(world, request_id=approved.request_id)
    (subject,) = subjects(outside, OPERATORS)
    assert subject.startswith("Not delivered")


def test_without_the_mail_there_is_no_sms(world: World, outside: Outside) -> None:
    approved = approve(world, request_body())
    approved.apply_quickly(world)
    outside.sandbox.faults("smtp", method="DATA", path_regex="haneul", status=451)
    with pytest.raises(RetryableError):
        approved.apply("confirmation", world)
    assert texts(outside) == []


@pytest.mark.parametrize("language", ["ko", "en"])
def test_a_confirmation_that_went_out_is_taken_back_by_sms_too(world: World, outside: Outside, language: str) -> None:
    approved = approve(world, request_body(language=language))
    approved.apply_quickly(world)
    outside.sandbox.faults("twilio", method="POST", status=503, times=1)
    with pytest.raises(ClientError):
        approved.apply("confirmation", world)
    outside.sandbox.clear_faults()
    request_id = rolled_back(world, approved)
    for _ in range(2):
        rollback.tell(world, request_id=request_id)
    (text,) = texts(outside)
    assert request_id in text
    assert len(subjects(outside, CUSTOMER)) == 2  # that it is ready, and that it is not


def test_nobody_gets_a_correction_of_what_was_never_said(world: World, outside: Outside) -> None:
    rollback.tell(world, request_id=rolled_back(world, approve(world, request_body())))
    assert texts(outside) == []


def test_a_phone_that_refuses_the_correction_is_reported(world: World, outside: Outside) -> None:
    approved = approve(world, request_body())
    approved.apply_quickly(world)
    refusal = {"code": 21614, "message": "no mobile", "status": 400}
    outside.sandbox.faults("twilio", method="POST", status=400, body=refusal)
    with pytest.raises(Refused):
        approved.apply("confirmation", world)
    rollback.tell(world, request_id=rolled_back(world, approved))
    (report,) = [mail for mail in outside.sandbox.mails(OPERATORS) if mail["subject"].startswith("Not delivered")]
    assert PHONE in report["text"]


@pytest.mark.parametrize("to", ["haneul", "operators"])
def test_a_notice_that_was_lost_is_made_up_for(world: World, outside: Outside, to: str) -> None:
    request_id = rolled_back(world, approve(world, request_body()))
    outside.sandbox.faults("smtp", method="RCPT", path_regex=to, status=450)
    with pytest.raises(RetryableError):
        rollback.end_failed(world, request_id=request_id, attempt=1, reason="its tries are used up")
    outside.sandbox.clear_faults()
    assert rollback.rolled_back_untold(world.ops, idle_seconds=3600) == []
    (untold,) = rollback.rolled_back_untold(world.ops, idle_seconds=0)
    rollback.end_failed(world, request_id=untold["request_id"], attempt=untold["attempt"], reason="reconcile")
    assert rollback.rolled_back_untold(world.ops, idle_seconds=0) == []
    assert len(subjects(outside, CUSTOMER)) == len(subjects(outside, OPERATORS)) == 1
