"""One event on its way to whoever subscribed: what it carries, and the bytes of it in each format, made once."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from email.utils import formatdate

from callcontrol.rehearsal import encoding
from callcontrol.rehearsal.encoding import Header

PLAIN, JSON = "plain", "json"
MAINTENANCE = "conference::maintenance"

# Where FreeSWITCH 1.10.12 fires each event; everything not here is fired in switch_event.c.
_FIRED = {
    "CHANNEL_DATA": ("mod_event_socket.c", "parse_command", 2021),
    "CHANNEL_CREATE": ("switch_core_state_machine.c", "switch_core_session_run", 626),
    "CHANNEL_EXECUTE": ("switch_core_session.c", "switch_core_session_exec", 2944),
    "CHANNEL_EXECUTE_COMPLETE": ("switch_core_session.c", "switch_core_session_exec", 2967),
    "CHANNEL_ANSWER": ("switch_channel.c", "switch_channel_perform_mark_answered", 3846),
    "CHANNEL_PROGRESS_MEDIA": ("switch_channel.c", "switch_channel_perform_mark_pre_answered", 3571),
    "CHANNEL_HANGUP": ("switch_channel.c", "switch_channel_perform_hangup", 3445),
    "CHANNEL_HANGUP_COMPLETE": ("switch_core_state_machine.c", "switch_core_session_reporting_state", 943),
    "CHANNEL_PARK": ("switch_ivr.c", "switch_ivr_park", 1001),
    "CHANNEL_UNPARK": ("switch_ivr.c", "switch_ivr_park", 1213),
    "CHANNEL_STATE": ("switch_channel.c", "switch_channel_perform_set_running_state", 2375),
    "CHANNEL_CALLSTATE": ("switch_channel.c", "switch_channel_perform_set_callstate", 296),
    "CHANNEL_DESTROY": ("switch_core_session.c", "switch_core_session_perform_destroy", 1551),
    "DTMF": ("switch_channel.c", "switch_channel_dequeue_dtmf", 677),
    "BACKGROUND_JOB": ("mod_event_socket.c", "api_exec", 1572),
    "PLAYBACK_START": ("switch_ivr_play_say.c", "switch_ivr_play_file", 1646),
    "PLAYBACK_STOP": ("switch_ivr_play_say.c", "switch_ivr_play_file", 2020),
    "conference-create": ("mod_conference.c", "conference_new", 3848),
    "conference-destroy": ("mod_conference.c", "conference_thread_run", 863),
    "add-member": ("conference_member.c", "conference_member_add", 962),
    "del-member": ("conference_member.c", "conference_member_del", 1355),
    "floor-change": ("conference_member.c", "conference_member_set_floor_holder", 1158),
    "play-file": ("conference_api.c", "conference_api_sub_play", 2817),
    "play-file-member": ("conference_api.c", "conference_api_sub_play", 2846),
    "transfer": ("conference_api.c", "conference_api_sub_transfer", 3704),
    "start-recording": ("conference_record.c", "conference_record_thread_run", 319),
    "stop-recording": ("conference_record.c", "conference_record_thread_run", 427),
    "RECORD_START": ("switch_ivr_async.c", "record_callback", 1481),
    "RECORD_STOP": ("switch_ivr_async.c", "send_record_stop_event", 1240),
    "play-file-done": ("conference_file.c", "conference_file_close", 52),
    "mute-member": ("conference_api.c", "conference_api_sub_mute", 339),
    "unmute-member": ("conference_api.c", "conference_api_sub_unmute", 492),
    "deaf-member": ("conference_api.c", "conference_api_sub_deaf", 797),
    "undeaf-member": ("conference_api.c", "conference_api_sub_undeaf", 839),
    "hold-member": ("conference_api.c", "conference_api_sub_hold", 440),
    "unhold-member": ("conference_api.c", "conference_api_sub_unhold", 389),
    "kick-member": ("conference_api.c", "conference_api_sub_kick", 902),
    "dtmf-member": ("conference_api.c", "conference_api_sub_dtmf", 1049),
    "lock": ("conference_api.c", "conference_api_sub_lock", 3474),
    "unlock": ("conference_api.c", "conference_api_sub_unlock", 3496),
}


class Origin:
    """What every event of one switch begins with: its names, the date, the running number."""

    def __init__(self, core_uuid: str, hostname: str = "rehearsal") -> None:
        self.core_uuid = core_uuid
        self._names: list[Header] = [
            ("Core-UUID", core_uuid),
            ("FreeSWITCH-Hostname", hostname),
            ("FreeSWITCH-Switchname", hostname),
            ("FreeSWITCH-IPv4", "192.0.2.2"),
            ("FreeSWITCH-IPv6", "fd00::2"),
        ]
        self._sequence = 0
        self._second = 0
        self._dates: list[Header] = []

    def _dated(self, second: int) -> list[Header]:
        if second != self._second:
            self._second = second
            self._dates = [
                ("Event-Date-Local", time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(second))),
                ("Event-Date-GMT", formatdate(second, usegmt=True)),
            ]
        return self._dates

    def opening(self, name: str, fired_as: str = "") -> list[Header]:
        """The first headers of the next event; ``fired_as`` is its Action where the name says too little."""
        self._sequence += 1
        now = time.time()
        file, function, line = _FIRED.get(fired_as or name, ("switch_event.c", "switch_event_fire", 2000))
        return [
            ("Event-Name", name),
            *self._names,
            *self._dated(int(now)),
            ("Event-Date-Timestamp", str(int(now * 1_000_000))),
            ("Event-Calling-File", file),
            ("Event-Calling-Function", function),
            ("Event-Calling-Line-Number", str(line)),
            ("Event-Sequence", str(self._sequence)),
        ]


class Block:
    """Headers that appear in many events and change rarely: encoded once per format, on demand."""

    def __init__(self, headers: Sequence[Header]) -> None:
        self.headers = headers
        self._cache: dict[str, bytes] = {}

    def encoded(self, style: str) -> bytes:
        """The headers as ``plain`` lines or as ``json`` members joined by commas."""
        data = self._cache.get(style)
        if data is None:
            data = self._cache[style] = encode(self.headers, style)
        return data


def encode(headers: Sequence[Header], style: str) -> bytes:
    """Headers in one format, without the brackets of JSON."""
    if style == JSON:
        return b",".join(map(encoding.json_header, headers))
    return b"".join(map(encoding.plain_header, headers))


class Encoded:
    """Headers that are kept encoded by their owner (a channel's variables)."""

    def __init__(self, headers: Callable[[], Sequence[Header]], encoded: Callable[[str], bytes]) -> None:
        self._headers = headers
        self.encoded = encoded

    @property
    def headers(self) -> Sequence[Header]:
        """The headers as they are now."""
        return self._headers()


Part = Block | Encoded


class Event:
    """One event: parts in order and a body. ``payload`` must be asked for before anything in a part changes."""

    def __init__(self, name: str, parts: Sequence[Part], about: str = "", body: str | None = None) -> None:
        self.name = name
        self.about = about  # the uuid of the call it belongs to
        self.body = body
        self._parts = parts
        self._payload: dict[str, bytes] = {}

    def header(self, wanted: str) -> str | None:
        """The first header of that name in any case, or None."""
        low = wanted.lower()
        for part in self._parts:
            for name, value in part.headers:
                if name.lower() == low:
                    return encoding.flat(value)
        return None

    def payload(self, style: str) -> bytes:
        """The event in one format, made once however many listeners take it."""
        data = self._payload.get(style)
        if data is None:
            chunks = [part.encoded(style) for part in self._parts]
            make = encoding.json_event if style == JSON else encoding.plain_event
            data = self._payload[style] = make(chunks, self.body)
        return data

    def frame(self, style: str) -> bytes:
        """The event as it is written on the socket."""
        return encoding.event_frame(self.payload(style), style)
