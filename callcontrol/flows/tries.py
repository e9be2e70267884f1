"""Tries of a PIN: each is counted, guessing is slowed down, and who guesses too often is refused (guessing.py)."""

from __future__ import annotations

from callcontrol.flows.visit import Arrival


class Tries:
    """What one caller tries at ``target`` (guessing.target_key). ``blocked``: no further try is of any use.

    ``caller``: under which name they are counted; ``right_clears``: whether that begins anew after a right one.
    """

    def __init__(self, arrival: Arrival, target: str, caller: str, *, right_clears: bool = True) -> None:
        self._arrival = arrival
        self._target = target
        self._caller = caller
        self._right_clears = right_clears
        self.blocked = False

    def accept(self, right: bool) -> bool:
        """Count one try, and let the caller wait where it is being guessed; whether it counts as right."""
        delay = self._right() if right else self._wrong()
        if delay:  # the same for right and wrong, so that its length tells nothing
            self._arrival.call.pause(delay)
        return right and not self.blocked

    def _right(self) -> float:
        """Take the PIN for right; the seconds this try waits."""
        arrival = self._arrival
        now = arrival.house.now()
        right = arrival.house.state.right_pin(self._caller, self._target, now, clears=self._right_clears)
        if right.blocked:
            arrival.log.warning("right PIN of a blocked caller")
            self.blocked = True
        return right.delay

    def _wrong(self) -> float:
        """Count a wrong PIN; the seconds this try waits."""
        arrival, metrics = self._arrival, self._arrival.house.metrics
        tenant = arrival.tenant.id
        wrong = arrival.house.state.wrong_pin(self._caller, self._target, arrival.house.now())
        metrics.pins_wrong.labels(tenant).inc()
        arrival.log.info("wrong PIN", blocked_s=round(wrong.blocked), delay_s=wrong.delay)
        self.blocked = wrong.blocked > 0
        if wrong.newly_blocked:
            metrics.guessing_blocked.labels(tenant).inc()
        if wrong.alarm:
            metrics.guessing_alarms.labels(tenant, self._target).inc()
            arrival.log.warning("PINs are being guessed", target=self._target)
        return wrong.delay
