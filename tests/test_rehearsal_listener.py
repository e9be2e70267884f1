"""Who gets which event: the subscription rules of FreeSWITCH's event socket."""

from __future__ import annotations

import pytest

from callcontrol.rehearsal.events import MAINTENANCE, Block, Event
from callcontrol.rehearsal.listener import Subscription

MINE, OTHER = "11111111", "22222222"


def event(name: str = "CHANNEL_ANSWER", uuid: str = MINE) -> Event:
    return Event(name, [Block([("Event-Name", name), ("Unique-ID", uuid)])], uuid)


def gets(one: Subscription, what: Event, subclass: str = "") -> bool:
    return one.wants(what.name, subclass) and one.passes(what)


def test_nothing_is_sent_before_somebody_asks() -> None:
    assert not gets(Subscription(), event())


def test_myevents_is_limited_to_ones_own_call() -> None:
    one = Subscription()
    assert one.myevents(MINE, "myevents") == "+OK Events Enabled"
    assert gets(one, event())
    assert not gets(one, event(uuid=OTHER))
    assert one.myevents(MINE, "myevents") == "-ERR aready enabled."


def test_myevents_holds_no_custom_events_nor_jobs_until_they_are_added() -> None:
    one = Subscription()
    one.myevents(MINE, "myevents json")
    assert one.style == "json"
    assert not one.wants("CUSTOM", MAINTENANCE)
    assert not one.wants("BACKGROUND_JOB", "")
    one.add(["json", "BACKGROUND_JOB", "CUSTOM", MAINTENANCE])
    assert gets(one, event("CUSTOM"), MAINTENANCE)
    assert not gets(one, event("CUSTOM", uuid=OTHER), MAINTENANCE)
    assert gets(one, event("BACKGROUND_JOB"))  # a job of this connection's own
    assert not gets(one, event("BACKGROUND_JOB", uuid=OTHER))


def test_nixevent_takes_types_away() -> None:
    one = Subscription()
    one.myevents(MINE, "myevents")
    assert one.remove(["DTMF", "CHANNEL_STATE"]) == "+OK events nixed"
    assert not gets(one, event("DTMF"))
    assert gets(one, event("CHANNEL_HANGUP"))


def test_everything_after_custom_is_a_subclass() -> None:
    one = Subscription()
    assert one.add(["plain", "CUSTOM", MAINTENANCE, "CHANNEL_ANSWER"]) == "+OK event listener enabled plain"
    assert one.wants("CUSTOM", MAINTENANCE)
    assert not one.wants("CUSTOM", "sofia::register")
    assert not one.wants("CHANNEL_ANSWER", "")


def test_all_means_all_and_nixing_one_leaves_the_rest() -> None:
    one = Subscription()
    one.add(["ALL"])
    assert one.wants("CUSTOM", "what::ever")
    one.remove(["DTMF"])
    assert not one.wants("DTMF", "")
    assert one.wants("CHANNEL_ANSWER", "")


@pytest.mark.parametrize("words", [[], ["plain"], ["FOO", "BAR"]])
def test_without_a_known_type_nothing_is_subscribed(words: list[str]) -> None:
    one = Subscription()
    assert one.add(list(words)) == "-ERR no keywords supplied"
    assert one.remove(list(words)) == "-ERR no keywords supplied"
    assert not one.on


def test_noevents_keeps_the_limit_to_ones_own_call() -> None:
    one = Subscription()
    assert one.clear() == "-ERR not listening for events"
    one.myevents(MINE, "myevents")
    assert one.clear() == "+OK no longer listening for events"
    one.add(["CHANNEL_ANSWER"])
    assert not gets(one, event(uuid=OTHER))


def all_with(*filters: str) -> Subscription:
    one = Subscription()
    one.add(["ALL"])
    for text in filters:
        one.filter(text)
    return one


@pytest.mark.parametrize(
    ("filters", "passes"),
    [
        ([], True),
        ([f"Unique-ID {MINE}"], True),
        ([f"Unique-ID {OTHER}"], False),
        ([f"Unique-ID {OTHER}", "Event-Name CHANNEL_ANSWER"], True),
        ([f"unique-id {MINE}", "Event-Name -CHANNEL_ANSWER"], False),
        (["Event-Name -DTMF"], False),  # vetoes alone drop everything
        (["Event-Name channel_answer"], True),
        (["Event-Name /^CHANNEL_/"], True),
        (["Event-Name +/^CHANNEL_/"], False),  # with a sign it is no expression any more
    ],
)
def test_filters(filters: list[str], passes: bool) -> None:
    assert all_with(*filters).passes(event()) is passes


def test_filters_are_answered_and_deleted() -> None:
    one = Subscription()
    assert one.filter("Unique-ID abc") == "+OK filter added. [Unique-ID]=[abc]"
    assert one.filter("add Event-Name DTMF") == "+OK filter added. [Event-Name]=[DTMF]"
    assert one.filter("delete Unique-ID abc") == "+OK filter deleted. [Unique-ID][abc]"
    assert one.filters == [("Event-Name", "DTMF")]
    assert one.filter("delete all") == "+OK filter deleted. [all][]"
    assert one.filter("nothing") == "-ERR invalid syntax"
