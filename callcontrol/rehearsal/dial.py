"""Legs that ring together, the first to answer, and the cause when nobody does: for `originate` and `bridge`.

Source: switch_ivr_originate.c:2064 ``switch_ivr_originate``. As there:

- Variables of {} win over those of [] on the channel, though [] win where FreeSWITCH itself reads them (2995, 3141).
- The time limit counts whole seconds of the clock: ``originate_timeout=2`` ends after 1 to 2 seconds (3371).
- When all legs have failed, the cause is that of the first leg in the dial string for which a channel was created
  (3940), else that of the last one refused; after the time limit it is NO_ANSWER whatever one leg said before (4048).
- ``leg_timeout`` ends one leg with ALLOTTED_TIMEOUT (370). A leg with ``group_confirm_key`` has answered only when that
  key was pressed, or with ``exec`` when an application has left it; ``group_confirm_timeout`` is its time (784-845).
- A leg that `uuid_kill` ends while it rings gives the cause the command names: ``-ERR NORMAL_CLEARING`` without one.
- ``originate_causes`` of the caller grows with each group and each `bridge` (4130), unless ``preserve_originated_vars``
  is false; that it is absent clears nothing (2134).
- The caller of a `bridge` who hangs up, or whose application is broken, ends all legs: ORIGINATOR_CANCEL.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence

from gevent.event import Event as Wake

from callcontrol.rehearsal.arguments import number
from callcontrol.rehearsal.bus import new_uuid
from callcontrol.rehearsal.channel import micros
from callcontrol.rehearsal.dialstring import BadDialString, Leg, parse
from callcontrol.rehearsal.encoding import Header, Value, flat
from callcontrol.rehearsal.exchange import Exchange, Route
from callcontrol.rehearsal.life import launch
from callcontrol.rehearsal.line import false, true
from callcontrol.rehearsal.outgoing import course
from callcontrol.rehearsal.placed import ANONYMOUS, Placed
from callcontrol.rehearsal.session import Hub, Session
from callcontrol.rehearsal.transcript import Transcript

FAILED = "DESTINATION_OUT_OF_ORDER"


class Dial:
    """Rings what a dial string names."""

    def __init__(self, hub: Hub, exchange: Exchange) -> None:
        self._hub = hub
        self._exchange = exchange

    def __call__(self, text: str, shown: Mapping[str, str], limit: int, caller: Session | None = None) -> Session | str:
        """Ring one group of legs after the other; the call that was answered, or the cause why there is none.

        ``shown``: origination_caller_id_name and _number unless the dial string says otherwise. ``caller``: for whom
        it rings.
        """
        try:
            dialled = parse(text)
        except BadDialString:
            return FAILED
        known = dict(dialled.variables)
        given = (*dialled.variables, *((key, value) for key, value in shown.items() if value and key not in known))
        if caller is not None:  # A bridge shows the caller by the profile of the leg, not by variables.
            given = tuple(dialled.variables)
        shared = {"origination_caller_id_name": "", "origination_caller_id_number": ANONYMOUS, **shown, **dict(given)}
        if caller is not None and false(caller.variable("preserve_originated_vars")):
            caller.channel.variables.set("originate_causes", None)
        result: Session | str = FAILED
        for group in dialled.groups:
            timeout = number(flat(shared.get("originate_timeout", "")))
            race = Race(timeout or limit, _early_counts(shared), caller)
            for leg in group:
                self._add(race, leg, given, shared)
            result = race.run()
            if caller is not None:
                _note(caller, race.legs)
            if isinstance(result, Session) or race.timed_out:
                break
        return result

    def _add(self, race: Race, leg: Leg, given: Sequence[Header], shared: Mapping[str, Value]) -> None:
        own = dict(leg.variables)
        found = self._exchange.route(leg.endpoint)
        uuid = str(own.get("origination_uuid") or shared.get("origination_uuid") or new_uuid())
        if isinstance(found, Route) and uuid in self._hub.calls:
            found = FAILED  # "Error Creating Session", mod_sofia.c sofia_outgoing_channel
        if isinstance(found, str):
            race.reason = found
            return
        seen = {**shared, **own}
        self._hub.sessions += 1
        call = Placed(
            dialled=found.dialled,
            uuid=uuid,
            session_id=self._hub.sessions,
            created=micros(),
            number=str(seen["origination_caller_id_number"]),
            name=str(seen["origination_caller_id_name"]),
            door=found.door,
            gateway=found.gateway,
            host=found.host,
            given=_on_channel((*leg.variables, *given), race.early_counts),
        )
        session = Session(self._hub, call, Transcript())  # that of the telephone when it is called
        session.confirms = str(seen.get("group_confirm_key", ""))
        race.add(session, seen)
        launch(session, course(found))


class Race:
    """Legs that ring together for at most ``limit`` seconds of the clock."""

    def __init__(self, limit: int, early_counts: bool, caller: Session | None = None) -> None:
        self.legs: list[Session] = []
        self.reason = FAILED  # why the last leg without a channel has none
        self.timed_out = False
        self.early_counts = early_counts
        self.news = Wake()
        self._caller = caller
        self._until = int(time.time()) + limit
        self._own: dict[Session, int] = {}  # when a leg's own time is over
        self._asked: dict[Session, int] = {}  # seconds a leg has for the key

    def add(self, session: Session, seen: Mapping[str, Value]) -> None:
        """One more leg, with the variables it was given."""
        self.legs.append(session)
        session.watcher = self.news
        if seconds := number(flat(seen.get("leg_timeout", ""))):
            self._own[session] = int(time.time()) + seconds
        if session.confirms and (seconds := number(flat(seen.get("group_confirm_timeout", "")))):
            self._asked[session] = seconds

    def run(self) -> Session | str:
        """The call that was answered first, or the cause; the other legs are over then."""
        if self._caller is not None:
            self._caller.watcher = self.news
        try:
            return self._run()
        finally:
            if self._caller is not None:
                self._caller.watcher = None

    def _run(self) -> Session | str:
        while True:
            self.news.clear()
            if self._cancelled():
                return self._end_all("ORIGINATOR_CANCEL")
            winner = next(filter(self._won, self.legs), None)
            if winner is None:
                self._end_overdue()
            live = [leg for leg in self.legs if not leg.channel.down]
            left = self._until - time.time()
            self.timed_out = bool(live) and winner is None and (left <= 0 or all(map(_hopeless, live)))
            if winner is not None or self.timed_out or not live:
                break
            self._ring_back(live)
            self.news.wait(min([left, *(self._own[leg] - time.time() for leg in live if leg in self._own)]))
        for leg in live:
            if leg is not winner:
                self._end(leg, "LOSE_RACE" if winner else "NO_ANSWER")
        if winner is not None:
            winner.watcher = None
            return winner
        return "NO_ANSWER" if self.timed_out else self._cause()

    def _cancelled(self) -> bool:
        if self._caller is None:
            return False
        self._caller.run_queued()
        return not self._caller.ready()

    def _end_all(self, cause: str) -> str:
        for leg in self.legs:
            leg.hangup(cause)
        return cause

    def _end_overdue(self) -> None:
        """End each leg whose own time is over; whoever answered has more time, for the key."""
        now = time.time()
        for leg in self.legs:
            if leg.channel.answered and (seconds := self._asked.pop(leg, 0)):
                self._own[leg] = int(now) + seconds
            due = self._own.get(leg)
            if due is not None and not leg.channel.down and (now >= due or _hopeless(leg)):
                self._end(leg, "ALLOTTED_TIMEOUT")

    def _ring_back(self, live: Sequence[Session]) -> None:
        """The tone the caller hears while it rings (switch_ivr_originate.c ``setup_ringback``)."""
        caller = self._caller
        if caller is not None and any(leg.channel.times["progress"] for leg in live):
            tone = "transfer_ringback" if caller.channel.answered else "ringback"
            if caller.variable(tone):
                caller.pre_answer()

    def _won(self, leg: Session) -> bool:
        channel = leg.channel
        if leg.confirms:
            return False
        return not channel.down and (channel.answered or (self.early_counts and channel.early))

    def _end(self, leg: Session, cause: str) -> None:
        if cause == "LOSE_RACE":
            leg.channel.variables.set("group_dial_status", "loser")
        leg.hangup(cause)

    def _cause(self) -> str:
        return self.legs[0].channel.hangup_cause if self.legs else self.reason


def _note(caller: Session, legs: Sequence[Session]) -> None:
    """What became of each leg, behind what the caller's channel says of those before."""
    before = caller.variable("originate_causes").removeprefix("ARRAY::")
    causes = [*before.split("|:"), *(f"{leg.channel.uuid};{leg.channel.hangup_cause or 'NONE'}" for leg in legs)]
    known = tuple(filter(None, causes))
    caller.channel.variables.set("originate_causes", known if len(known) > 1 else "".join(known))


def _hopeless(leg: Session) -> bool:
    return leg.hopeless and not leg.hub.pace


def _early_counts(shared: Mapping[str, Value]) -> bool:
    """Whether a voice before the answer is an answer to `originate`."""
    text = str(shared.get("ignore_early_media", ""))
    return not (true(text) or text in ("consume", "ring_ready"))


def _on_channel(rows: Sequence[Header], early_counts: bool) -> list[Header]:
    """Variables of a dial string as the channel has them, with what FreeSWITCH adds."""
    added: list[Header] = [("originate_early_media", "true" if early_counts else "false")]
    added.append(("originate_endpoint", "sofia"))
    kept: dict[str, Value] = {}
    for name, value in (*rows, *added):
        kept.pop(name, None)  # set again, it moves to the end
        if value and "${" not in flat(value):
            kept[name] = value
    return list(kept.items())
