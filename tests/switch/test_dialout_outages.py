"""A daemon killed in the middle of calling out: nobody is called twice for the same try, and the rest are called."""

from __future__ import annotations

from itertools import pairwise

import pytest

from tests.sip_carrier import BUSY, Answers, Rings
from tests.switch.bureau import Bureau

pytestmark = [pytest.mark.freeswitch, pytest.mark.timeout(180)]


@pytest.mark.parametrize("called_by_then", [0, 1, 2, 4])
def test_a_killed_daemon_is_followed_by_one_that_calls_the_rest_and_nobody_twice(
    bureau: Bureau, called_by_then: int
) -> None:
    carrier, hall, numbers = bureau.carrier, bureau.hall(), bureau.numbers(6)
    carrier.numbers |= dict.fromkeys(numbers, Answers("1", after=2.5, once=False, stays=60.0))
    bureau.calls(hall, *numbers)
    carrier.until(lambda: len(carrier.attempts) >= called_by_then, 15, f"{called_by_then} calls")
    bureau.kill_daemon()
    bureau.until(lambda: bureau.inside(hall) == len(numbers), within=60)
    bureau.until(lambda: bureau.history(hall)[0]["outcome"] == "over", within=15)
    assert {one["number"]: (one["state"], len(one["attempts"])) for one in bureau.history(hall)[0]["invited"]} == (
        dict.fromkeys(numbers, ("joined", 1))
    )
    assert {number: len(carrier.called(number)) for number in numbers} == dict.fromkeys(numbers, 1)
    begun = [attempt.at for attempt in carrier.attempts]
    assert all(later - before > 0.9 for before, later in pairwise(begun))  # still one a second


def test_who_is_asked_while_the_daemon_dies_hears_music_and_is_asked_again(bureau: Bureau) -> None:
    hall, (number,) = bureau.hall(), bureau.numbers(1)
    one = bureau.has("One", number)
    bureau.calls(hall, number)
    one.rings().answers().hears("dialout-call")
    bureau.demo.kill_daemon()
    one.hears_music(within=3).hears("dialout-call", "dialout-accept", within=30).presses("1").joins(f"bureau.{hall}")
    assert len(bureau.carrier.called(number)) == 1


def test_who_answers_while_there_is_no_daemon_is_asked_by_the_next(bureau: Bureau) -> None:
    hall, (number,) = bureau.hall(), bureau.numbers(1)
    one = bureau.has("One", number)
    bureau.calls(hall, number)
    one.rings()
    bureau.demo.kill_daemon()
    one.answers().hears("dialout-call", "dialout-accept", within=30).presses("1").joins(f"bureau.{hall}")
    assert len(bureau.carrier.called(number)) == 1


def test_a_telephone_that_rings_while_the_daemon_dies_rings_on_and_no_second_call_comes(bureau: Bureau) -> None:
    carrier, hall, (number,) = bureau.carrier, bureau.hall(), bureau.numbers(1)
    carrier.numbers[number] = Rings()
    bureau.calls(hall, number)
    first = carrier.wait_for(number)
    bureau.kill_daemon()
    carrier.until(lambda: first.cancelled, 45, "the ringing to end")
    assert 34 < first.cancelled - first.at < 37
    bureau.until(lambda: bureau.history(hall)[0]["invited"][0]["reason"] == "no answer", within=15)
    assert len(carrier.called(number)) == 1


def test_who_hangs_up_while_there_is_no_daemon_is_called_again_later_and_not_at_once(bureau: Bureau) -> None:
    carrier, hall, (number,) = bureau.carrier, bureau.hall(), bureau.numbers(1)
    carrier.numbers[number] = Answers(after=1.0, stays=1.0)
    bureau.calls(hall, number)
    first = carrier.wait_for(number)
    bureau.kill_daemon()
    carrier.until(lambda: first.ended, 10, "the call to end")
    bureau.until(lambda: bureau.history(hall)[0]["invited"][0]["reason"] in ("interrupted", "no key"), within=30)
    assert bureau.history(hall)[0]["invited"][0]["state"] == "waiting"
    assert len(carrier.called(number)) == 1


def test_a_freeswitch_that_dies_takes_its_call_along_and_the_rest_are_called_by_the_next(bureau: Bureau) -> None:
    carrier, hall, numbers = bureau.carrier, bureau.hall(), bureau.numbers(3)
    first, *rest = numbers
    carrier.numbers |= {first: Rings()} | dict.fromkeys(rest, Answers("1", once=False))
    bureau.calls(hall, *numbers)
    carrier.wait_for(first)
    bureau.kill_switch()
    bureau.until(lambda: bureau.inside(hall) == len(rest), within=60)
    bureau.until(lambda: bureau.live(hall)[first]["reason"] == "interrupted", within=20)
    assert bureau.live(hall)[first]["state"] == "waiting"
    assert [len(carrier.called(number)) for number in numbers] == [1, 1, 1]


def test_a_busy_number_is_called_again_by_the_daemon_that_followed(bureau: Bureau) -> None:
    carrier, hall, (number,) = bureau.carrier, bureau.hall(), bureau.numbers(1)
    carrier.numbers[number] = BUSY
    bureau.calls(hall, number)
    first = carrier.wait_for(number)
    bureau.until(lambda: bureau.live(hall)[number]["reason"] == "busy")
    bureau.kill_daemon()
    carrier.numbers[number] = Answers("1", once=False)
    assert 59 < carrier.wait_for(number, 2, within=70).at - first.at < 64
    bureau.until(lambda: bureau.inside(hall) == 1, within=30)
