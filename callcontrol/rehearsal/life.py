"""A call from its first event to its last: what FreeSWITCH tells about the beginning and the end of a channel."""

from __future__ import annotations

import time
from collections.abc import Callable

from callcontrol import greenlets
from callcontrol.rehearsal import dialplan
from callcontrol.rehearsal.channel import Channel, micros
from callcontrol.rehearsal.encoding import Header
from callcontrol.rehearsal.names import CAUSES
from callcontrol.rehearsal.session import Session
from callcontrol.rehearsal.transcript import Kind

# The voice counters of mod_sofia; no voice flows here, so all are zero.
_RTP = """
in_raw_bytes in_media_bytes in_packet_count in_media_packet_count in_skip_packet_count in_jitter_packet_count
in_dtmf_packet_count in_cng_packet_count in_flush_packet_count in_largest_jb_size in_jitter_min_variance
in_jitter_max_variance in_jitter_loss_rate in_jitter_burst_rate in_mean_interval in_flaw_total in_quality_percentage
in_mos out_raw_bytes out_media_bytes out_packet_count out_media_packet_count out_skip_packet_count
out_dtmf_packet_count out_cng_packet_count rtcp_packet_count rtcp_octet_count
"""


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
    for name, value in _record(session):
        channel.variables.set(name, value)
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


def _record(session: Session) -> list[Header]:
    """The variables switch_channel_set_timestamps adds before CHANNEL_HANGUP_COMPLETE, in its order."""
    channel = session.channel
    start, answer, end = channel.call.created, channel.times["answered"], channel.times["hangup"] or micros()
    stamps = [("start", start), ("profile_start", channel.profile_created), ("answer", answer), ("end", end)]
    rows: list[Header] = [("hangup_cause", channel.hangup_cause)]
    rows += [("hangup_cause_q850", str(CAUSES.get(channel.hangup_cause, 16))), ("digits_dialed", "none")]
    rows += [(f"{name}_stamp", _clock(at)) for name, at in stamps if at]
    for name, at in (*stamps[:3], ("bridge", 0), ("last_hold", 0)):
        rows += _epoch(name, at)
    rows += [("hold_accum_seconds", "0"), ("hold_accum_usec", "0"), ("hold_accum_ms", "0")]
    media = channel.times["progress_media"]
    for name, at in (("resurrect", 0), ("progress", 0), ("progress_media", media), ("end", end)):
        rows += _epoch(name, at)
    rows += [("last_app", session.variable("current_application"))]
    rows += [("last_arg", session.variable("current_application_data"))]
    rows.append(("caller_id", _caller_id(*channel.caller)))
    rows += _durations(end - start, end - answer if answer else 0, answer - start if answer else 0)
    if channel.answered or channel.early:
        rows += [(f"rtp_audio_{name}", "0") for name in _RTP.split()]
    return rows


def _caller_id(name: str, number: str) -> str:
    return f'"{name}" <{number}>' if name else number


def _clock(at: int) -> str:
    return time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(at // 1_000_000))


def _epoch(name: str, at: int) -> list[Header]:
    return [(f"{name}_epoch", str(at // 1_000_000)), (f"{name}_uepoch", str(at))]


def _durations(total: int, billed: int, until_answer: int) -> list[Header]:
    rows: list[Header] = []
    for prefix, suffix, unit in (("", "sec", 1_000_000), ("m", "msec", 1000), ("u", "usec", 1)):
        rows += [
            (f"{prefix}duration", str(total // unit)),
            (f"bill{suffix}", str(billed // unit)),
            (f"progress{suffix}", "0"),
            (f"answer{suffix}", str(until_answer // unit)),
            (f"wait{suffix}", "0"),
            (f"progress_media{suffix}", "0"),
            (f"flow_bill{suffix}", str(total // unit)),
        ]
    return rows
