"""A run's id follows from the request, and is never taken for another's."""

import pytest

from include.events.run_ids import is_reserved, is_run_for, run_id_for


def test_the_id_names_request_attempt_and_choice() -> None:
    assert run_id_for("jazz", 2) == "request__jazz__2"
    assert run_id_for("jazz", 2, choice=3) == "request__jazz__2__r3"


@pytest.mark.parametrize("run_id", [run_id_for("a", 1), run_id_for("a__1", 1, choice=2)])
def test_such_ids_are_reserved(run_id: str) -> None:
    assert is_reserved(run_id)
    assert not is_reserved(f"manual__{run_id}")


@pytest.mark.parametrize("request_id", ["jazz", "jazz__1", "jazz__1__r2", "a.b+c"])
@pytest.mark.parametrize("choice", [1, 2, 10])
def test_a_run_stands_for_one_attempt_of_one_request(request_id: str, choice: int) -> None:
    run_id = run_id_for(request_id, 1, choice=choice)
    assert is_run_for(run_id, request_id, 1)
    assert not is_run_for(run_id, request_id, 2)
    assert not is_run_for(run_id, f"{request_id}__1", 1)
    assert not is_run_for(run_id, request_id.replace("j", "k").replace("b", "x"), 1)


def test_what_comes_after_an_id_is_no_other_choice() -> None:
    assert not is_run_for("request__jazz__1__rx", "jazz", 1)
    assert not is_run_for("request__jazz__12", "jazz", 1)
