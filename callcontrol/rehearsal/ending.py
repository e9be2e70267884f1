"""What FreeSWITCH notes on a channel when its call is over: causes, times, durations (switch_channel.c:4488).

Durations in seconds are differences of whole seconds of the clock, as there: a call from 10.9 to 11.1 has billsec 1.
"""

from __future__ import annotations

import time

from callcontrol.rehearsal.channel import micros
from callcontrol.rehearsal.encoding import Header
from callcontrol.rehearsal.names import q850
from callcontrol.rehearsal.session import Session

# The voice counters of mod_sofia; no voice flows here, so all are zero.
_RTP = """
in_raw_bytes in_media_bytes in_packet_count in_media_packet_count in_skip_packet_count in_jitter_packet_count
in_dtmf_packet_count in_cng_packet_count in_flush_packet_count in_largest_jb_size in_jitter_min_variance
in_jitter_max_variance in_jitter_loss_rate in_jitter_burst_rate in_mean_interval in_flaw_total in_quality_percentage
in_mos out_raw_bytes out_media_bytes out_packet_count out_media_packet_count out_skip_packet_count
out_dtmf_packet_count out_cng_packet_count rtcp_packet_count rtcp_octet_count
"""
_UNITS = (("", "sec", 1_000_000), ("m", "msec", 1000), ("u", "usec", 1))


def last_words(session: Session) -> list[Header]:
    """The variables switch_channel_set_timestamps adds before CHANNEL_HANGUP_COMPLETE, in its order."""
    channel = session.channel
    times = {
        "start": channel.call.created,
        "profile_start": channel.profile_created,
        "answer": channel.times["answered"],
    }
    times |= {"progress": channel.times["progress"], "progress_media": channel.times["progress_media"]}
    times["end"] = channel.times["hangup"] or micros()
    rows: list[Header] = [
        ("hangup_cause", channel.hangup_cause),
        ("hangup_cause_q850", str(q850(channel.hangup_cause))),
    ]
    rows.append(("digits_dialed", "none"))
    rows += [(f"{name}_stamp", _clock(at)) for name, at in times.items() if at]
    for name in ("start", "profile_start", "answer", "bridge", "last_hold"):
        rows += _epoch(name, times.get(name, 0))
    rows += [("hold_accum_seconds", "0"), ("hold_accum_usec", "0"), ("hold_accum_ms", "0")]
    for name in ("resurrect", "progress", "progress_media", "end"):
        rows += _epoch(name, times.get(name, 0))
    if session.applications:
        rows += [("last_app", session.applications[-1].name), ("last_arg", session.applications[-1].argument)]
    rows.append(("caller_id", _caller_id(*channel.caller)))
    rows += _durations(times)
    if channel.answered or channel.early:
        rows += [(f"rtp_audio_{name}", "0") for name in _RTP.split()]
    return rows


def _caller_id(name: str, number: str) -> str:
    return f'"{name}" <{number}>' if name else number


def _clock(at: int) -> str:
    return time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(at // 1_000_000))


def _epoch(name: str, at: int) -> list[Header]:
    return [(f"{name}_epoch", str(at // 1_000_000)), (f"{name}_uepoch", str(at))]


def _durations(times: dict[str, int]) -> list[Header]:
    rows: list[Header] = []
    for prefix, suffix, unit in _UNITS:
        at = {name: moment // unit for name, moment in times.items()}
        answered = bool(times["answer"])
        rows += [
            (f"{prefix}duration", str(at["end"] - at["start"])),
            (f"bill{suffix}", str(at["end"] - at["answer"] if answered else 0)),
            (f"progress{suffix}", str(at["progress"] - at["start"] if times["progress"] else 0)),
            (f"answer{suffix}", str(at["answer"] - at["start"] if answered else 0)),
            (f"wait{suffix}", "0"),
            (f"progress_media{suffix}", str(at["progress_media"] - at["start"] if times["progress_media"] else 0)),
            (f"flow_bill{suffix}", str(at["end"] - at["start"] if answered else 0)),
        ]
    return rows
