"""The application `bridge`: somebody is called for a caller, and the two talk.

Sources: mod_dptools.c:3466 ``audio_bridge_function``, switch_ivr_bridge.c:1640 ``switch_ivr_multi_threaded_bridge``.
Seen on 1.10.12: the caller's CHANNEL_ANSWER comes before CHANNEL_BRIDGE; where early media was let through, the other
way round. The socket of a daemon that goes away with `socket_resume` breaks the ringing and the talk alike, without it
neither.
"""

from __future__ import annotations

from dataclasses import dataclass

from callcontrol.rehearsal.dial import Dial
from callcontrol.rehearsal.encoding import Header
from callcontrol.rehearsal.line import true
from callcontrol.rehearsal.session import Session
from callcontrol.rehearsal.transcript import Kind

SECONDS = 60
# switch_channel.c:4875: after these the caller is not hung up even without continue_on_fail.
_STAYS = ("NO_ANSWER", "NO_USER_RESPONSE", "ORIGINATOR_CANCEL")
_DIALSTATUS = {"SUCCESS": "SUCCESS", "USER_BUSY": "BUSY", "NO_ANSWER": "NOANSWER", "ORIGINATOR_CANCEL": "CANCEL"}


@dataclass(frozen=True)
class Bridge:
    """The application."""

    dial: Dial

    def __call__(self, caller: Session, text: str) -> None:
        variables = caller.channel.variables
        for name, value in (("originate_disposition", "failure"), ("DIALSTATUS", "INVALIDARGS")):
            variables.set(name, value)
        reached = self.dial(text, _shown(caller), SECONDS, caller)
        cause = reached if isinstance(reached, str) else "SUCCESS"
        variables.set("originate_disposition", cause)
        variables.set("originate_failed_cause", None if cause == "SUCCESS" else cause)
        variables.set("DIALSTATUS", _DIALSTATUS.get(cause, cause))
        if isinstance(reached, Session):
            cause = _talk(caller, reached)
        if cause not in ("", "SUCCESS", *_STAYS) and not true(caller.variable("continue_on_fail")):
            caller.hangup(cause)


def _shown(caller: Session) -> dict[str, str]:
    """As whom FreeSWITCH calls: the caller, unless `effective_caller_id_...` says otherwise (cs:559)."""
    name, number = caller.channel.caller
    return {
        "origination_caller_id_name": caller.variable("effective_caller_id_name") or name,
        "origination_caller_id_number": caller.variable("effective_caller_id_number") or number,
    }


def _talk(caller: Session, other: Session) -> str:
    """Two are connected until one hangs up or something takes the caller away; ``""``, or why nobody answered."""
    caller.pre_answer()
    other.begin(lambda: _stay(other, caller))
    if other.channel.answered:
        _answered(caller, other)
    _bridged(caller, other, "CHANNEL_BRIDGE")
    caller.watcher = other.watcher = None
    other.partner, caller.partner = caller, other
    while caller.ready() and not other.channel.down:
        caller.run_queued()
        if other.channel.answered and not caller.talking:
            _answered(caller, other)
        if caller.ready() and not other.channel.down:
            caller.wait()
    caller.talking = False
    caller.partner = other.partner = None
    cause = other.channel.hangup_cause or "NORMAL_CLEARING"
    caller.channel.variables.set("bridge_hangup_cause", cause)
    _bridged(caller, other, "CHANNEL_UNBRIDGE")
    answered = other.channel.answered
    other.hangup(caller.channel.hangup_cause if caller.channel.down else "NORMAL_CLEARING")
    return "" if answered else cause


def _answered(caller: Session, other: Session) -> None:
    caller.answer()
    caller.talking = True
    for here, there in ((caller, other), (other, caller)):
        here.transcript.add(Kind.TALKS, there.channel.call.number if here is other else there.channel.call.dialled)


def _bridged(caller: Session, other: Session, name: str) -> None:
    pair: list[Header] = [("Bridge-A-Unique-ID", caller.channel.uuid), ("Bridge-B-Unique-ID", other.channel.uuid)]
    caller.fire(name, before=pair)


def _stay(other: Session, caller: Session) -> None:
    """The course of the leg that was called: to be there until the caller lets go."""
    while not other.channel.down and caller.partner is other:
        other.wait()
