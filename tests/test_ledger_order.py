"""Whatever order the news of a meeting arrives in, however often, its rows end the same."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from dataclasses import replace
from functools import partial

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from callcontrol.state import Database, Leg, Legs, sqlite_url
from callcontrol.state.leg import (
    ADMISSION,
    MODERATOR,
    NOTHING,
    UNKNOWN,
    Closed,
    Entered,
    Explained,
    News,
    Opened,
    Settled,
)

T = 1_795_000_000.0


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def legs(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Legs]:
    if request.param == "sqlite":
        database = Database(sqlite_url(tmp_path_factory.mktemp("ledger")))
    else:
        database = Database(request.getfixturevalue("postgresql"))
    database.open()
    yield Legs(database)
    database.close()


def guest(tenant: str, meeting: str, name: str, waits_for: str) -> tuple[list[News], Settled]:
    """What the daemons tell of one call, and what its record says."""
    moderates, call = name == "boss", f"{tenant}-{name}"
    joined = T + {"boss": 30, "ann": 0, "ben": 10, "cleo": 60}[name]
    left = T + {"boss": 90, "ann": 100, "ben": 25, "cleo": 95}[name]
    leg = Leg(
        call=call,
        tenant=tenant,
        room="board",
        role="moderator" if moderates else "participant",
        direction="inbound",
        payer="caller",
        began_at=joined - 9,
        answered_at=joined - 8,
        joined_at=joined + 0.02,
        number=name,
        tries=2,
        name="Ann",
        waits_for=waits_for,
    )
    lobby = waits_for == ADMISSION
    news: list[News] = [Opened(leg), Entered(call, "near", "" if lobby else meeting, joined + 0.01)]
    if lobby and name != "ben":
        news += [Closed(call, joined + 20), Entered(call, "near", meeting, joined + 20.01)]
    news += [Closed(call, left), Explained(call, "room-ended")]
    cdr = replace(
        leg,
        joined_at=joined,
        left_at=left,
        ended_at=left + 3,
        admitted_at=joined + 20 if lobby and name != "ben" else None,
        meeting="" if lobby and name == "ben" else meeting,
        end_reason="room-ended",
        tries=1,
        name="",
    )
    return news, Settled(cdr)


def rows(legs: Legs, tenant: str) -> list[Leg]:
    return [replace(leg, call=leg.number, tenant="", meeting=leg.meeting[:1]) for leg in legs.rows(tenant, 0.0, 1e11)]


def told(legs: Legs, batches: list[list[News]]) -> None:
    for batch in batches:
        legs.write(batch)


WAITS = {"boss": NOTHING, "ann": MODERATOR, "ben": MODERATOR, "cleo": MODERATOR}
LOBBY = {"boss": NOTHING, "ann": ADMISSION, "ben": ADMISSION, "cleo": ADMISSION}
OPEN = dict.fromkeys(WAITS, NOTHING)


@settings(
    deadline=None, max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
@given(data=st.data(), room=st.sampled_from([WAITS, LOBBY, OPEN]))
def test_in_any_order_with_records(legs: Legs, data: st.DataObject, room: dict[str, str]) -> None:
    """Every record comes in the end; of the rest anything may be lost, doubled, or late, as when daemons are killed."""
    wanted, tried = (partial(f"{uuid.uuid4()}-{{}}".format) for _ in range(2))
    plain = [guest(wanted(""), f"m{wanted('')}", name, waits) for name, waits in room.items()]
    told(legs, [[settled for _, settled in plain], [one for news, _ in plain for one in news]])
    mixed: list[News] = []
    for name, waits in room.items():
        news, settled = guest(tried(""), f"m{tried('')}", name, waits)
        opened = news[0]
        # The row's name and number of tries are in no record: they come from the flow, sooner or later.
        mixed += [opened, settled, *data.draw(st.lists(st.sampled_from([*news, settled]), max_size=9))]
        mixed.append(Closed(opened.call, T + 40, UNKNOWN))
    order = data.draw(st.permutations(mixed))
    size = data.draw(st.integers(1, len(order)))
    told(legs, [list(order[first : first + size]) for first in range(0, len(order), size)])
    strip = partial(replace, switch="")  # known only when an event was heard
    assert [strip(leg) for leg in rows(legs, tried(""))] == [strip(leg) for leg in rows(legs, wanted(""))]
    assert all(leg.closed_by == "switch" for leg in rows(legs, tried("")))


@settings(
    deadline=None, max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
@given(data=st.data(), room=st.sampled_from([WAITS, LOBBY, OPEN]))
def test_of_two_daemons_it_does_not_matter_which_was_quicker(
    legs: Legs, data: st.DataObject, room: dict[str, str]
) -> None:
    """Without records: both hear all events in the switch's order, and each writes when it gets to it."""
    wanted, tried = f"{uuid.uuid4()}", f"{uuid.uuid4()}"
    stories = [guest(wanted, f"m{wanted}", name, waits)[0] for name, waits in room.items()]
    told(legs, [[one] for news in stories for one in news])
    rest = [list(guest(tried, f"m{tried}", name, waits)[0]) for name, waits in room.items()]
    legs.write([news.pop(0) for news in rest])  # the rows are there; the flow that wrote them tells its own events too
    queues = [list(news) for news in rest for _ in range(2)]
    while any(queues):
        queue = data.draw(st.sampled_from([queue for queue in queues if queue]))
        legs.write([queue.pop(0) for _ in range(data.draw(st.integers(1, len(queue))))])
    assert rows(legs, tried) == rows(legs, wanted)
