"""The ledger of one daemon: who tells it what. Nothing here ever holds up a call.

The flow that let a call in says whose it is (`joined`); the events of the switch say when it entered and left
(`take_event`), the same to every daemon, so it does not matter which of them is alive; each look at all rooms of a
switch (`compare`) makes good what nobody saw.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping

from callcontrol import greenlets
from callcontrol.ledger.spool import Spool
from callcontrol.ledger.watch import Present, Watch
from callcontrol.ledger.writer import Writer
from callcontrol.state import Leg, Legs
from callcontrol.state.leg import Explained, Opened
from callcontrol.switch.events import Event

#: Seconds until an open row whose call is gone is closed without knowing when it left: with the switch's records, which
#: come within seconds of the end of a call, and without.
PATIENCE_WITH_RECORDS = 120.0
PATIENCE = 10.0
#: Seconds the end of the daemon waits for what is still to be written.
FAREWELL = 3.0


class Books:
    """``ask``: see Watch; ``spool``: of the switch's records; ``clock``: UTC epoch seconds."""

    def __init__(
        self,
        legs: Legs,
        ask: Callable[[str, str], Event],
        switches: Iterable[str],
        spool: Spool | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        patience = PATIENCE_WITH_RECORDS if spool is not None else PATIENCE
        self.now = clock
        self.writer = Writer(legs)
        self.watch = Watch(legs, self.writer.tell, ask, switches, clock, patience)
        self.spool = spool

    def start(self) -> None:
        """Begin to write."""
        greenlets.spawn("ledger", self.writer.run)
        greenlets.spawn("watch of the ledger", self.watch.run)
        if self.spool is not None:
            greenlets.spawn("records of the switches", self.spool.run)

    def stop(self) -> None:
        """Write what is there, FAREWELL seconds at most, and end."""
        if self.spool is not None:
            self.spool.stop()
        self.watch.stop()
        self.writer.flush(FAREWELL)
        self.writer.stop()

    def watch_with(self, watch: Callable[[str, str, Callable[[], float]], None]) -> None:
        """Let /metrics tell how the ledger does (Metrics.watch)."""
        writer, spool = self.writer, self.spool
        watch("ledger_waiting", "News of the ledger not written yet", lambda: writer.waiting)
        watch("ledger_dropped", "News of the ledger lost since the start", lambda: writer.dropped)
        if spool is not None:
            correction = "The most by which a record of the switch moved a time that a daemon had seen"
            watch("cdr_readable", "1 while the folder of the switch's records can be read", lambda: spool.readable)
            watch("cdr_settled", "Legs settled by a record of the switch since the start", lambda: spool.settled)
            watch("cdr_faulty", "Records that could not be understood since the start", lambda: spool.faulty)
            watch("cdr_largest_correction_seconds", correction, lambda: spool.largest_correction)

    def joined(self, leg: Leg) -> None:
        """A flow let this call into a room."""
        self.writer.tell(Opened(leg))
        for news in self.watch.has_row(leg.call):
            self.writer.tell(news)

    def explained(self, call: str, reason: str) -> None:
        """Why a call left its room: a flow tells the caller just now."""
        self.writer.tell(Explained(call, reason))

    def take_event(self, switch: str, event: Event) -> None:
        """One event of a switch; only who comes and goes in rooms matters."""
        if event.get("Event-Subclass") != "conference::maintenance":
            return
        match event.get("Action"):
            case "add-member":
                self.writer.tell(self.watch.entered(self._present(switch, event)))
            case "del-member":
                self.writer.tell(self.watch.left(event.get("Unique-ID"), self._time_of(event)))

    def compare(self, switch: str, present: Mapping[str, Present], asked: float) -> None:
        """All members a switch has, as it said at ``asked`` (UTC epoch seconds)."""
        self.watch.compare(switch, present, asked)

    def lost(self, switch: str) -> None:
        """The switch cannot be asked any longer."""
        self.watch.lost(switch)

    def _present(self, switch: str, event: Event) -> Present:
        return Present(
            call=event.get("Unique-ID"),
            switch=switch,
            conference=event.get("Conference-Name"),
            meeting=event.get("Conference-Unique-ID"),
            at=self._time_of(event),
        )

    def _time_of(self, event: Event) -> float:
        stamp = event.get("Event-Date-Timestamp")
        return int(stamp) / 1e6 if stamp.isdecimal() and len(stamp) < 18 else self.now()
