"""What follows from each try: never more than allowed, never before it is due."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from callcontrol.dialout.plan import Again, Patience, Result, due, next_look, result_of_job, standing
from callcontrol.state.rounds import Invitee

NOW = 1_795_000_000.0
USUAL = Patience()
FINAL = [Result.JOINED, Result.DECLINED, Result.REJECTED, Result.IMPOSSIBLE, Result.REFUSED, Result.NO_PLACE]
FLEETING = [result for result in Result if result not in (*FINAL, Result.CANCELLED)]


@pytest.mark.parametrize(
    ("answer", "result"),
    [
        ("-ERR USER_BUSY\n", Result.BUSY),
        ("-ERR NO_ANSWER\n", Result.NO_ANSWER),
        ("-ERR ALLOTTED_TIMEOUT\n", Result.NO_ANSWER),
        ("-ERR NO_USER_RESPONSE\n", Result.NO_ANSWER),
        ("-ERR RECOVERY_ON_TIMER_EXPIRE\n", Result.NO_ANSWER),
        ("-ERR CALL_REJECTED\n", Result.REJECTED),
        ("-ERR UNALLOCATED_NUMBER\n", Result.IMPOSSIBLE),
        ("-ERR INVALID_NUMBER_FORMAT\n", Result.IMPOSSIBLE),
        ("-ERR NO_ROUTE_DESTINATION\n", Result.IMPOSSIBLE),
        ("-ERR NORMAL_TEMPORARY_FAILURE\n", Result.NO_LINE),
        ("-ERR GATEWAY_DOWN\n", Result.NO_LINE),
        ("-ERR USER_NOT_REGISTERED\n", Result.NOT_REGISTERED),
        ("-ERR SUBSCRIBER_ABSENT\n", Result.NOT_REGISTERED),
        ("-ERR ORIGINATOR_CANCEL\n", Result.NO_ANSWER),
        ("-ERR A_CAUSE_OF_THE_FUTURE\n", Result.NO_LINE),
        ("-ERR\n", Result.NO_LINE),
        ("+OK 0b9a3c52-63a1-4f0e-9d53-0d6f2a5c1e77\n", None),
    ],
)
def test_what_the_switch_says_of_a_call(answer: str, result: Result | None) -> None:
    assert result_of_job(answer) == result


@pytest.mark.parametrize(
    ("result", "further", "after"),
    [
        (Result.BUSY, 2, 60.0),
        (Result.NO_ANSWER, 2, 120.0),
        (Result.NOT_REGISTERED, 2, 120.0),
        (Result.NO_LINE, 2, 120.0),
        (Result.INTERRUPTED, 2, 120.0),
        (Result.NO_KEY, 1, 180.0),
        *((result, 0, 0.0) for result in FINAL),
    ],
)
def test_each_failure_has_its_own_number_of_further_tries(result: Result, further: int, after: float) -> None:
    results: list[str] = []
    for _ in range(further):
        results.append(result)
        assert standing(results, NOW, USUAL).state == "waiting"
        assert standing(results, NOW, USUAL).due_at == NOW + after
    assert standing([*results, result], NOW, USUAL).state != "waiting"


def test_a_mailbox_after_a_busy_line_is_tried_once_more() -> None:
    assert standing([Result.BUSY, Result.NO_KEY], NOW, USUAL).due_at == NOW + 180.0
    assert standing([Result.BUSY, Result.NO_KEY, Result.NO_KEY], NOW, USUAL).state == "failed"


def test_kinds_of_failure_with_the_same_times_are_counted_apart() -> None:
    same = Patience(busy=Again(1, 5.0), no_answer=Again(1, 5.0))
    assert standing([Result.BUSY, Result.NO_ANSWER], NOW, same).state == "waiting"


def test_the_words_of_a_standing_are_those_of_reports() -> None:
    states = {result: standing([result], NOW, USUAL).state for result in FINAL}
    assert states[Result.JOINED] == "joined"
    assert states[Result.DECLINED] == states[Result.REJECTED] == "declined"
    assert states[Result.IMPOSSIBLE] == states[Result.NO_PLACE] == "failed"


AGAIN = st.builds(Again, st.integers(0, 10), st.floats(1, 86400))
PATIENCE = st.builds(Patience, busy=AGAIN, no_answer=AGAIN, no_key=AGAIN, most_tries=st.integers(1, 30))


@given(st.lists(st.sampled_from(FLEETING), min_size=1, max_size=40), PATIENCE)
def test_nobody_is_called_more_often_than_allowed(story: list[Result], patience: Patience) -> None:
    """Whatever happens at each try, and however the operator set the times."""
    made: list[str] = []
    for result in story:
        made.append(result)
        found = standing(made, NOW, patience)
        if found.state != "waiting":
            break
        assert found.due_at >= NOW + 1.0
    else:
        assert len(made) < patience.most_tries
    assert len(made) <= patience.most_tries
    for kind, again in (("busy", patience.busy), ("no key", patience.no_key)):
        assert made.count(kind) <= again.times + 1


@given(st.lists(st.sampled_from(FLEETING), max_size=4), st.sampled_from(FINAL), PATIENCE)
def test_a_last_word_is_the_last_word(story: list[Result], last: Result, patience: Patience) -> None:
    assert standing([*story, last], NOW, patience).state != "waiting"


STATES = st.sampled_from(["waiting", "calling", "joined", "declined", "failed", "cancelled"])
PEOPLE = st.lists(st.tuples(STATES, st.floats(-500, 500)), max_size=12).map(
    lambda found: [
        Invitee(n, f"P{n}", f"+4930{n}", state=state, due_at=NOW + at) for n, (state, at) in enumerate(found)
    ]
)


@given(PEOPLE)
def test_only_those_who_wait_and_whose_time_has_come_are_due(people: list[Invitee]) -> None:
    found = due(people, NOW)
    assert all(one.state == "waiting" and one.due_at <= NOW for one in found)
    assert len(found) == sum(one.state == "waiting" and one.due_at <= NOW for one in people)
    assert [one.due_at for one in found] == sorted(one.due_at for one in found)


@given(PEOPLE)
def test_the_next_look_is_never_after_somebody_is_due_nor_later_than_a_second(people: list[Invitee]) -> None:
    wait = next_look(people, NOW, 1.0)
    assert 0.0 < wait <= 1.0
    assert all(NOW + wait <= one.due_at + 1e-6 for one in people if one.state == "waiting" and one.due_at > NOW)
