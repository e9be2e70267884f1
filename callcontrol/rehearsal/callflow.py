"""One profile of a call's way through the dialplan, as a call detail record tells it (switch_ivr.c:3401)."""

from __future__ import annotations

from callcontrol.rehearsal.channel import Channel
from callcontrol.rehearsal.cjson import Json
from callcontrol.rehearsal.template import HOST


def profile(channel: Channel, hung_up: int = 0, transferred: int = 0) -> Json:
    """The caller's profile as it is now; ``hung_up`` or ``transferred`` (microseconds) is how it ended."""
    call = channel.call
    return {
        **({"dialplan": channel.dialplan} if channel.dialplan else {}),
        "profile_index": str(channel.profile_index),
        "caller_profile": {
            "username": call.username,
            "dialplan": channel.dialplan,
            "caller_id_name": channel.caller[0],
            "ani": call.user,
            "aniii": "",
            "caller_id_number": channel.caller[1],
            "network_addr": HOST if channel.found else "",
            "rdnis": call.dialled if channel.transfer_source else "",
            "destination_number": channel.destination,
            "uuid": channel.uuid,
            "source": call.source,
            "context": channel.context,
            "chan_name": channel.name,
        },
        "times": {
            "created_time": str(call.created),
            "profile_created_time": str(channel.profile_created),
            "progress_time": str(channel.times["progress"]),
            "progress_media_time": str(channel.times["progress_media"]),
            "answered_time": str(channel.times["answered"]),
            **dict.fromkeys(("bridged_time", "last_hold_time", "hold_accum_time"), "0"),
            "hangup_time": str(hung_up),
            "resurrect_time": "0",
            "transfer_time": str(transferred),
        },
    }
