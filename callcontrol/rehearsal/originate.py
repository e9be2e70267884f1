"""The API command `originate`: legs that ring together, the first to answer, and the cause when nobody does.

Sources: mod_commands.c:5080 ``originate_function``, switch_ivr_originate.c:2064 ``switch_ivr_originate``. As there:

- Variables of {} win over those of [] on the channel, though [] win where FreeSWITCH itself reads them (2995, 3141).
- The time limit counts whole seconds of the clock: ``originate_timeout=2`` ends after 1 to 2 seconds (3371).
- When all legs have failed, the cause is that of the first leg in the dial string for which a channel was created
  (3940), else that of the last one refused; after the time limit it is NO_ANSWER whatever one leg said before (4048).
- A leg that `uuid_kill` ends while it rings gives the cause the command names: ``-ERR NORMAL_CLEARING`` without one.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence

from gevent.event import Event as Wake

from callcontrol.rehearsal.arguments import number, split
from callcontrol.rehearsal.channel import micros
from callcontrol.rehearsal.dialstring import BadDialString, Leg, parse
from callcontrol.rehearsal.encoding import Header, Value, flat
from callcontrol.rehearsal.exchange import Exchange, Route
from callcontrol.rehearsal.hub import Hub, new_uuid
from callcontrol.rehearsal.life import launch
from callcontrol.rehearsal.line import true
from callcontrol.rehearsal.outgoing import course, into_application, into_extension
from callcontrol.rehearsal.placed import ANONYMOUS, Placed
from callcontrol.rehearsal.session import Session
from callcontrol.rehearsal.transcript import Transcript

USAGE = (
    "-USAGE: <call url> <exten>|&<application_name>(<app_args>) [<dialplan>] [<context>] [<cid_name>] [<cid_num>]"
    " [<timeout_sec>]\n"
)
SECONDS = 60
FAILED = "DESTINATION_OUT_OF_ORDER"


class Originate:
    """The command; it returns when somebody has answered or nobody will."""

    def __init__(self, hub: Hub, exchange: Exchange) -> None:
        self._hub = hub
        self._exchange = exchange

    def __call__(self, text: str) -> str:
        words = split(text, 10)
        if not 2 <= len(words) <= 7:
            return USAGE
        dial, exten, plan, context, name, caller, limit = (*words, *[""] * (7 - len(words)))
        try:
            winner = self._dial(dial, name, caller, number(limit) or SECONDS)
        except BadDialString:
            winner = FAILED
        if isinstance(winner, str):
            return f"-ERR {winner}\n"
        if exten.startswith("&") and len(exten) > 1:
            winner.begin(into_application(winner, exten[1:]))
        else:
            winner.begin(into_extension(winner, exten, plan or "XML", context or "default"))
        return f"+OK {winner.channel.uuid}\n"

    def _dial(self, text: str, name: str, caller: str, limit: int) -> Session | str:
        """Ring one group of legs after the other; the call that was answered, or why there is none."""
        dialled = parse(text)
        words = {"origination_caller_id_name": name, "origination_caller_id_number": caller}
        known = dict(dialled.variables)
        given = (*dialled.variables, *((key, value) for key, value in words.items() if value and key not in known))
        shared = {"origination_caller_id_name": "", "origination_caller_id_number": ANONYMOUS, **dict(given)}
        result: Session | str = FAILED
        for group in dialled.groups:
            race = Race(number(flat(shared.get("originate_timeout", ""))) or limit, _early_counts(shared))
            for leg in group:
                self._add(race, leg, given, shared)
            result = race.run()
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
        race.legs.append(session)
        session.watcher = race.news
        launch(session, course(found))


class Race:
    """Legs that ring together for at most ``limit`` seconds of the clock."""

    def __init__(self, limit: int, early_counts: bool) -> None:
        self.legs: list[Session] = []
        self.reason = FAILED  # why the last leg without a channel has none
        self.timed_out = False
        self.early_counts = early_counts
        self.news = Wake()
        self._until = int(time.time()) + limit

    def run(self) -> Session | str:
        """The call that was answered first, or the cause; the other legs are over then."""
        while True:
            self.news.clear()
            winner = next(filter(self._won, self.legs), None)
            live = [leg for leg in self.legs if not leg.channel.down]
            left = self._until - time.time()
            self.timed_out = bool(live) and (left <= 0 or (not winner and all(map(_hopeless, live))))
            if winner is not None or self.timed_out or not live:
                break
            self.news.wait(left)
        for leg in live:
            if leg is not winner:
                self._end(leg, "LOSE_RACE" if winner else "NO_ANSWER")
        if winner is not None:
            winner.watcher = None
            return winner
        return "NO_ANSWER" if self.timed_out else self._cause()

    def _won(self, leg: Session) -> bool:
        channel = leg.channel
        return not channel.down and (channel.answered or (self.early_counts and channel.early))

    def _end(self, leg: Session, cause: str) -> None:
        if cause == "LOSE_RACE":
            leg.channel.variables.set("group_dial_status", "loser")
        leg.hangup(cause)

    def _cause(self) -> str:
        return self.legs[0].channel.hangup_cause if self.legs else self.reason


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
