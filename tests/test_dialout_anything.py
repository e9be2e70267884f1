"""Whatever telephones, daemons and links do in whatever order, what people and carriers are promised holds."""

from __future__ import annotations

import tempfile
from collections import Counter
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from callcontrol.dialout.dialer import Dialer
from callcontrol.dialout.exchange import Exchange
from callcontrol.dialout.invited import whom
from callcontrol.dialout.plan import Patience, Result
from callcontrol.dialout.reports import Reports
from callcontrol.rooms.calls import Refused
from callcontrol.state import Database, sqlite_url
from callcontrol.state.rounds import Round, RoundStore, Ticket
from tests.dialout_ground import Clock, Ringing, Switch, exchange
from tests.tenant_files import tenant

TENANT = tenant("""
trunk: carrier
rooms:
  board:
    access: open
    dial_out:
      - {name: P0, number: "+49 171 5550000"}
      - {name: P1, number: "+49 171 5550001"}
      - {name: P2, number: "+49 171 5550002"}
      - {name: P3, number: "+49 171 5550003"}
      - {name: P4, number: "+49 171 5550004"}
      - {name: P5, number: "+49 171 5550005"}
      - {name: P6, number: "+49 171 5550006"}
""")
CAUSES = ["USER_BUSY", "NO_ANSWER", "CALL_REJECTED", "UNALLOCATED_NUMBER", "GATEWAY_DOWN"]
ANSWERS = [Result.JOINED, Result.DECLINED, Result.NO_KEY]
USUAL = Patience()
LONGEST = 12 * 3600.0


class CallingOut(RuleBasedStateMachine):
    """Two daemons share a round of seven people. ``made``: every call the switch was ever asked for."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = tempfile.TemporaryDirectory()
        self.database = Database(sqlite_url(Path(self.folder.name)), pause=0.0)
        self.database.open()
        self.store = RoundStore(self.database)
        self.clock = Clock()
        self.switch = Switch(self.clock)
        self.jobs: list[dict[str, Callable[[str], None]]] = [{}, {}]
        self.switch.on_end = self.job_ended
        self.made: list[Ringing] = []
        self.answered: list[Ringing] = []

    @initialize()
    def begins(self) -> None:
        now = self.clock()
        self.round = Round("r", "acme", "board", "key", now, now, now + LONGEST, "one", now + 15.0)
        invited = whom(TENANT, TENANT.rooms["board"], (), now)
        assert not isinstance(invited, Refused)
        assert self.store.open_round(self.round, invited).opened
        self.dialers = [self.born(0), self.born(1)]

    def ground(self, which: int) -> Exchange:
        return exchange(self.store, lambda: TENANT, self.clock, self.switch, identity=("one", "two")[which])

    def born(self, which: int) -> Dialer:
        return Dialer(self.round, self.ground(which), self.jobs[which], Reports(self.clock))

    def job_ended(self, job: str, answer: str) -> None:
        for jobs in self.jobs:
            if job in jobs:
                jobs.pop(job)(answer)

    # -- what may happen -----------------------------------------------------------------------------------------------

    @rule(
        seconds=st.lists(st.sampled_from([0.0, 0.3, 0.9, 1.0, 1.0, 4.0, 60.0]), min_size=1, max_size=6),
        which=st.sampled_from([0, 0, 0, 1]),
        link=st.sampled_from(["up", "up", "up", "lost", "down"]),
    )
    def look(self, seconds: list[float], which: int, link: str) -> None:
        """A daemon at work for a while. ``lost``: what it sends reaches nobody."""
        self.switch.lost, self.switch.up = link == "lost", link != "down"
        for after in seconds:
            self.looks(which, after)
        self.switch.lost, self.switch.up = False, True

    def looks(self, which: int, seconds: float) -> None:
        """Time passes and one daemon does what it has to; one that left looks for rounds that nobody drives."""
        self.clock.pass_by(seconds)
        before = len(self.switch.ringing)
        now, identity = self.clock(), ("one", "two")[which]
        if self.dialers[which].over and self.store.own("r", identity, now, now + 15.0):
            self.dialers[which] = self.born(which)
        if not self.dialers[which].over:
            self.dialers[which].look()
        self.made += self.switch.ringing[before:]

    @precondition(lambda self: self.switch.ringing)
    @rule(data=st.data(), cause=st.sampled_from(CAUSES))
    def fails(self, data: st.DataObject, cause: str) -> None:
        self.switch.fails(data.draw(st.sampled_from(self.switch.ringing)), cause)

    @precondition(lambda self: self.switch.ringing)
    @rule(data=st.data())
    def picks_up(self, data: st.DataObject) -> None:
        call = data.draw(st.sampled_from(self.switch.ringing))
        self.switch.answers(call)
        self.answered.append(call)

    @precondition(lambda self: self.answered)
    @rule(data=st.data(), result=st.sampled_from(ANSWERS))
    def says(self, data: st.DataObject, result: Result) -> None:
        """The flow on some daemon hears what they want; unless they joined, the call ends."""
        call = data.draw(st.sampled_from(self.answered))
        self.answered.remove(call)
        self.ground(0).finish(ticket(call), "acme", result)
        if result is not Result.JOINED:
            self.switch.calls -= call.legs.keys()

    @precondition(lambda self: self.switch.ringing)
    @rule(data=st.data())
    def is_gone_unheard(self, data: st.DataObject) -> None:
        """A call ends while its word is lost: no event reaches anybody."""
        call = data.draw(st.sampled_from(self.switch.ringing))
        self.switch.ringing.remove(call)
        self.switch.calls -= call.legs.keys()

    @rule(which=st.integers(0, 1))
    def is_killed(self, which: int) -> None:
        """And started again: all it knew is what the store knows."""
        self.jobs[which].clear()
        self.dialers[which] = self.born(which)
        self.dialers[which]._renewed = float("-inf")

    @rule()
    def is_asked_again(self) -> None:
        """A moderator presses *1# once more."""
        invited = whom(TENANT, TENANT.rooms["board"], (), self.clock())
        assert not isinstance(invited, Refused)
        if len(self.made) < 40:
            self.store.call_again("r", invited, self.clock(), explicit=False)

    # -- what holds ----------------------------------------------------------------------------------------------------

    @invariant()
    def no_try_is_made_twice(self) -> None:
        assert not self.made or max(Counter(map(ticket, self.made)).values()) == 1

    @invariant()
    def every_call_was_claimed_before(self) -> None:
        known = {one.ticket: one for one in self.store.look("r")[1]}
        assert all(set(known[ticket(call)].calls) == call.legs.keys() for call in self.made)

    @invariant()
    def the_carrier_gets_one_call_a_second_and_five_at_a_time(self) -> None:
        times = sorted(call.at for call in self.made)
        assert all(later - earlier >= 1.0 - 1e-6 for earlier, later in pairwise(times))
        assert sum(not one.result for one in self.store.look("r")[1]) <= 5

    @invariant()
    def nobody_rings_twice_at_once_or_after_joining(self) -> None:
        open_ = [one for one in self.store.look("r")[1] if not one.result]
        assert len({one.place for one in open_}) == len(open_)
        calling = {one.place for one in self.store.invitees_of("r") if one.state == "calling"}
        assert calling == {one.place for one in open_}

    @invariant()
    def nobody_is_called_more_often_than_is_fair(self) -> None:
        for one in self.store.invitees_of("r"):
            counted = [t for t in self.store.look("r")[1] if t.place == one.place and t.number > one.counts_from]
            assert len(counted) <= USUAL.most_tries

    def teardown(self) -> None:
        """Left alone, the round comes to an end."""
        self.switch.lost, self.switch.up = False, True
        for _ in range(2000):
            for call in list(self.switch.ringing):
                self.switch.fails(call, "NO_ANSWER")
            for call in self.answered:
                self.switch.calls -= call.legs.keys()
            self.looks(0, 1.0)
            if not self.store.running():
                break
            if self.clock() % 7 < 1.0:
                self.clock.pass_by(20.0)
        assert not self.store.running()
        assert all(one.state not in ("waiting", "calling") for one in self.store.invitees_of("r"))
        self.no_try_is_made_twice()
        self.database.close()
        self.folder.cleanup()


def ticket(call: Ringing) -> Ticket:
    return Ticket("r", int(call.said["cc_place"]), int(call.said["cc_try"]))


CallingOut.TestCase.settings = settings(
    max_examples=8, stateful_step_count=25, deadline=None, suppress_health_check=list(HealthCheck)
)
TestCallingOut = CallingOut.TestCase
