"""A call from its first event to its last: what FreeSWITCH tells about the beginning and the end of a channel."""

from __future__ import annotations

from collections.abc import Callable

from callcontrol import greenlets
from callcontrol.rehearsal import cdr, dialplan
from callcontrol.rehearsal.channel import Channel
from callcontrol.rehearsal.ending import last_words
from callcontrol.rehearsal.session import Session
from callcontrol.rehearsal.transcript import Kind


def launch(session: Session, course: Callable[[Session], None]) -> Session:
    """A call begins: ``course`` is what its thread runs. From this moment the switch knows its uuid."""
    hub = session.hub
    hub.calls[session.channel.uuid] = session
    hub.peak = max(hub.peak, len(hub.calls))
    greenlets.spawn("rehearsal-call", _live, session, course)
    return session


def _live(session: Session, course: Callable[[Session], None]) -> None:
    try:
        course(session)
    finally:
        _end(session)


def arrive(session: Session) -> None:
    """The course of a call that comes in."""
    _begin(session)
    dialplan.run(session)


def depart(session: Session) -> None:
    """The first moments of a call that goes out: INVITE."""
    channel = session.channel
    channel.state, channel.running = "CS_INIT", "CS_NONE"
    session.fire("CHANNEL_OUTGOING")
    _run_state(session, "CS_INIT")
    session.set_state("CS_ROUTING")
    session.fire("CHANNEL_CREATE")
    session.fire("CHANNEL_ORIGINATE")
    for state in ("CS_ROUTING", "CS_CONSUME_MEDIA"):
        session.set_state(state)
        _run_state(session, state)


def _begin(session: Session) -> None:
    channel = session.channel
    for state, running in (("CS_NEW", "CS_NEW"), ("CS_INIT", "CS_INIT")):
        channel.state = state
        _run_state(session, running)
    channel.state = "CS_ROUTING"
    session.fire("CHANNEL_CREATE")
    channel.running = "CS_ROUTING"
    session.set_callstate("RINGING")
    _run_state(session, "CS_ROUTING")
    channel.variables.set("DP_MATCH", (channel.call.dialled, channel.call.dialled))
    channel.variables.set("call_uuid", channel.uuid)
    session.set_state("CS_EXECUTE")
    _run_state(session, "CS_EXECUTE")


def _run_state(session: Session, state: str) -> None:
    session.channel.running = state
    session.fire("CHANNEL_STATE")


def _end(session: Session) -> None:
    channel = session.channel
    session.hangup()
    session.hub.apps["stop_record_session"].run(session, "all")
    _run_state(session, "CS_HANGUP")
    session.set_callstate("HANGUP")
    channel.state = "CS_REPORTING"
    _run_state(session, "CS_REPORTING")
    for name, value in last_words(session):
        channel.variables.set(name, value)
    if session.hub.cdr is not None:
        cdr.write(session, session.hub.cdr)
    session.fire("CHANNEL_HANGUP_COMPLETE", before=[("Hangup-Cause", channel.hangup_cause)])
    session.over = True
    session.set_music(False)
    if not session.hung_up_by_phone:
        session.transcript.add(_farewell(channel), channel.hangup_cause)
    for control in list(session.controls):
        control.call_ended()
    session.destroy_when_free()
    session.transcript.changed()


def _farewell(channel: Channel) -> Kind:
    if channel.answered:
        return Kind.HUNG_UP
    return Kind.STOPS_RINGING if channel.outbound else Kind.REFUSED
