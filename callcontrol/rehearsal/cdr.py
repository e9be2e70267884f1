"""The file mod_json_cdr writes for each call: ``UUID.cdr.json``, one line, ended by a line feed.

Sources: mod_json_cdr.c ``my_on_reporting``, switch_ivr.c ``switch_ivr_generate_json_cdr``; keys and order were compared
with files of a running FreeSWITCH. As freeswitch-conf has it: variables are not URL-encoded (encode-values=false), the
name has no prefix, and bytes that are no UTF-8 stay in the file. Other than there: the file appears whole, a profile of
the callflow does not name its extension, and flags are always those of an answered call.
"""

from __future__ import annotations

import os
from pathlib import Path

import structlog

from callcontrol.rehearsal.callflow import profile
from callcontrol.rehearsal.channel import STATES
from callcontrol.rehearsal.cjson import Json, compact
from callcontrol.rehearsal.encoding import flat, to_bytes
from callcontrol.rehearsal.session import Session

FLAGS = "0=1;1=1;2=1;22=1;39=1;40=1;42=1;45=1;55=1;62=1;107=1;113=1;114=1;123=1;160=1;165=1;166=1"
CAPS = "1=1;2=1;3=1;4=1;5=1;6=1;8=1;9=1;10=1"
_IN = """
raw_bytes media_bytes packet_count media_packet_count skip_packet_count jitter_packet_count dtmf_packet_count
cng_packet_count flush_packet_count largest_jb_size jitter_min_variance jitter_max_variance jitter_loss_rate
jitter_burst_rate mean_interval flaw_total
"""
_OUT = """
raw_bytes media_bytes packet_count media_packet_count skip_packet_count dtmf_packet_count cng_packet_count
rtcp_packet_count rtcp_octet_count
"""
_log = structlog.get_logger()


def write(session: Session, folder: Path) -> None:
    """Write what became of a call. A folder that cannot be written to is reported, as FreeSWITCH does, and no more."""
    path = folder / f"{session.channel.uuid}.cdr.json"
    unfinished = path.with_suffix(".unfinished")
    try:
        unfinished.write_bytes(to_bytes(compact(record(session))) + b"\n")
        os.replace(unfinished, path)
    except OSError as problem:
        _log.warning("a call detail record was not written", path=str(path), error=str(problem))


def record(session: Session) -> dict[str, Json]:
    """The whole record of a call that is over."""
    channel = session.channel
    applications = [
        {"app_name": one.name, **({"app_data": one.argument} if one.argument else {}), "app_stamp": str(one.began)}
        for one in session.applications
    ]
    return {
        "core-uuid": session.hub.origin.core_uuid,
        "switchname": session.hub.globals["hostname"],
        "channel_data": {
            "state": channel.state,
            "direction": channel.call.direction,
            "state_number": str(STATES[channel.state]),
            "flags": FLAGS,
            "caps": CAPS,
        },
        "callStats": _statistics() if channel.answered or channel.early else {},
        "variables": {name.removeprefix("variable_"): flat(value) for name, value in channel.variables.headers()},
        **({"app_log": {"applications": applications}} if applications else {}),
        "callflow": [profile(channel, hung_up=channel.times["hangup"]), *reversed(channel.past_profiles)],
    }


def _statistics() -> dict[str, Json]:
    inbound: dict[str, Json] = dict.fromkeys(_IN.split(), 0)
    outbound: dict[str, Json] = dict.fromkeys(_OUT.split(), 0)
    return {"audio": {"inbound": {**inbound, "quality_percentage": 100, "mos": 4.5}, "outbound": outbound}}
