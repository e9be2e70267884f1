"""The API command `show channels` (mod_commands.c ``show_function``, the channels table of switch_core_sqldb.c)."""

from __future__ import annotations

import time

from callcontrol.rehearsal.channel import Channel
from callcontrol.rehearsal.cjson import Json, compact
from callcontrol.rehearsal.exchange import Callee, Exchange
from callcontrol.rehearsal.session import Hub
from callcontrol.rehearsal.template import HOST

PCMA = ("PCMA", "8000", "64000")
_LIKE = ("uuid", "name", "cid_name", "cid_num", "presence_data", "accountcode")
NO_CODEC = ("", "", "")
SHOW = (
    "-USAGE: codec|endpoint|application|api|dialplan|file|timer|calls [count]|channels [count|like <match string>]"
    "|calls|detailed_calls|bridged_calls|detailed_bridged_calls|aliases|complete|chat|management|modules|nat_map|say|interfaces"
    "|interface_types|tasks|limits|status\n"
)


def show(hub: Hub, text: str) -> str:
    """Answer ``show TEXT``; only ``channels [count|like TEXT] [as json]`` is known."""
    words = text.split()
    if words[:1] != ["channels"]:
        return SHOW
    calls = [_row(session.channel, hub.globals["hostname"]) for session in hub.calls.values()]
    if words[1:2] == ["like"]:
        calls = [row for row in calls if words[2:3] and words[2] in "\n".join(str(row[name]) for name in _LIKE)]
    if words[1:2] == ["count"]:
        return compact({"row_count": len(calls), "rows": []}) if "json" in words else f"\n{len(calls)} total.\n"
    if "json" in words:
        return compact({"row_count": len(calls), "rows": calls}) if calls else '{"row_count": 0}\n'
    if not calls:
        return "\n0 total.\n"
    lines = [",".join(calls[0]), *(",".join(map(str, row.values())) for row in calls)]
    return "\n".join(lines) + f"\n\n{len(calls)} total.\n"


def _row(channel: Channel, hostname: str) -> dict[str, Json]:
    """One line of the channels table (switch_core_sqldb.c:2854)."""
    call = channel.call
    created = call.created // 1_000_000
    read, written = (channel.codec, PCMA) if channel.has_media else (NO_CODEC, NO_CODEC)
    moved = channel.outbound and channel.in_dialplan
    return {
        "uuid": call.uuid,
        "direction": call.direction,
        "created": time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(created)),
        "created_epoch": str(created),
        "name": channel.name,
        "state": channel.running,
        **_dialled("", channel.caller, channel.destination, channel.found),
        "application": channel.variables.get("current_application") or "",
        "application_data": channel.variables.get("current_application_data") or "",
        "dialplan": channel.dialplan,
        "context": channel.context,
        **dict(zip(("read_codec", "read_rate", "read_bit_rate"), read, strict=True)),
        **dict(zip(("write_codec", "write_rate", "write_bit_rate"), written, strict=True)),
        "secure": "",
        "hostname": hostname,
        "presence_id": channel.variables.get("presence_id") or "",
        "presence_data": "",
        "accountcode": "",
        "callstate": channel.callstate,
        "callee_name": channel.callee[0],
        "callee_num": channel.callee[1],
        "callee_direction": "RECV" if moved else "",
        "call_uuid": call.uuid if channel.outbound else "",
        "sent_callee_name": "",
        "sent_callee_num": "",
        **_dialled("initial_", (call.display, call.user), call.dialled, not channel.outbound),
        "initial_dialplan": call.dialplan,
        "initial_context": call.context,
    }


def _dialled(prefix: str, caller: tuple[str, str], destination: str, found: bool) -> dict[str, Json]:
    names = ("cid_name", "cid_num", "ip_addr", "dest")
    values = (*caller, HOST if found else "", destination)
    return {prefix + name: value for name, value in zip(names, values, strict=True)}


def registrations(hub: Hub, exchange: Exchange) -> str:
    """Answer ``show registrations as json`` (the registrations table of switch_core_sqldb.c); each ends in an hour."""
    rows = [_registration(callee, hub.globals["hostname"]) for callee in exchange.registered]
    return compact({"row_count": len(rows), "rows": rows}) if rows else '{"row_count": 0}\n'


def _registration(callee: Callee, hostname: str) -> Json:
    user, _, realm = callee.extension.partition("@")
    port = callee.contact.partition(f"{HOST}:")[2].partition(";")[0]
    return {
        "reg_user": user,
        "realm": realm,
        "token": f"register-{port}",
        "url": f"sofia/extensions/{callee.contact}",
        "expires": str(int(time.time()) + 3600),
        "network_ip": HOST,
        "network_port": port,
        "network_proto": "udp",
        "hostname": hostname,
        "metadata": "",
    }
