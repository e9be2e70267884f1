"""One leg of a call as the switch sees it: what happens to its channel, and the keys its phone presses.

What its thread runs is in session.py; who commands it in outbound.py.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import Protocol

from gevent.event import Event as Wake

from callcontrol.rehearsal import template
from callcontrol.rehearsal.bus import Bus, Taker
from callcontrol.rehearsal.channel import Channel
from callcontrol.rehearsal.encoding import Header
from callcontrol.rehearsal.placed import Placed
from callcontrol.rehearsal.transcript import Kind, Transcript, counted
from callcontrol.rehearsal.wire import Fault

SILENCE = ""  # stands in the queue of keys where the phone lets a wait run out


class Hold(Protocol):
    """A daemon's hold on a call."""

    @property
    def lingers(self) -> bool:
        """Whether the daemon has asked to hear of the call after its end."""

    def close(self) -> None:
        """End the connection."""

    def call_ends(self, busy: bool) -> None:
        """The call was hung up this moment; ``busy``: its thread needs a moment to find out."""

    def call_ended(self) -> None:
        """The call's last event is sent."""


class Line:
    """A live call. ``transcript`` is what its phone hears and does."""

    def __init__(self, hub: Bus, call: template.Dialled | Placed, transcript: Transcript) -> None:
        self.hub: Bus = hub
        self.channel = Channel(call)
        self.transcript = transcript
        self.listeners: list[Taker] = []
        self.keys: deque[str] = deque()
        self.answers: deque[str] = deque()  # groups of keys, each pressed when a question has been heard
        self.silent = False  # every wait for a key runs out at once
        self.breaking = False  # uuid_break
        self.controlled = False  # parked under a listener
        self.transfer_to = ""  # an extension of the dialplan; leaves every application
        self.in_room = False
        self.music = False
        self.lingering_at: str = ""  # the prompt the phone keeps listening to
        self.over = False  # the thread has ended
        self.hung_up_by_phone = False
        self.fault: Fault | None = None  # how the next socket to the daemon fails
        self.controls: list[Hold] = []
        self.course: Callable[[], None] | None = None  # what a call out does once it is reached
        self.hopeless = False  # nobody will pick up, and nobody wants to wait for that
        self.watcher: Wake | None = None  # who waits for it to be answered
        self.confirms = ""  # the key that must be pressed before a call out counts as answered
        self.partner: Line | None = None  # whom it is bridged with
        self.talking = False  # ... and that was answered
        self.records: dict[str, tuple[float, float]] = {}  # files being recorded: since when, and seconds at most
        self.net_limit = float("inf")  # seconds the music of the safety net lasts
        self._scopes: list[dict[str, str]] = []
        self._wake = Wake()

    # -- state ---------------------------------------------------------------------------------------------------

    def ready(self) -> bool:
        """Whether an application may go on (switch_channel.c ``switch_channel_test_ready``)."""
        return not self.channel.down and self.channel.state != "CS_RESET" and not self.transfer_to

    def wake(self) -> None:
        """Make the thread look again at what it waits for."""
        self._wake.set()
        self._tell()

    def wait(self, seconds: float | None = None) -> None:
        """Sleep until something happens to the call, at most ``seconds`` long."""
        self._wake.wait(seconds)
        self._wake.clear()

    def fire(self, name: str, after: list[Header] | None = None, before: list[Header] | None = None) -> None:
        """Send an event about this call."""
        self.hub.fire(name, self, after or (), before or ())

    def answer(self) -> None:
        """200 OK: media, CHANNEL_ANSWER, call state ACTIVE. Nothing when already answered."""
        channel = self.channel
        if channel.down or channel.answered:
            return
        if not channel.early:
            self._set_all(channel.call.media())
        channel.stamp("answered")
        channel.answered = True
        self.fire("CHANNEL_ANSWER")
        channel.variables.set("endpoint_disposition", "ANSWER")
        self.set_callstate("ACTIVE")
        self._set_all(channel.call.acknowledged())
        self.transcript.add(Kind.PICKS_UP if channel.outbound else Kind.ANSWERED)
        self._tell()

    def ring(self) -> None:
        """180 from whom FreeSWITCH calls (switch_channel.c ``switch_channel_perform_mark_ring_ready_value``)."""
        if self.channel.down:
            return
        self._set_all(self.channel.call.responded())
        self.channel.found = True
        self.channel.stamp("progress")
        self.fire("CHANNEL_PROGRESS")
        self.set_callstate("RINGING")
        self._tell()

    def pre_answer(self) -> bool:
        """183 with media; False when the call is over."""
        channel = self.channel
        if channel.down:
            return False
        if not channel.answered and not channel.early:
            self._set_all(channel.call.media())
            channel.stamp("progress_media")
            channel.early = True
            channel.variables.set("endpoint_disposition", "EARLY MEDIA")
            self.fire("CHANNEL_PROGRESS_MEDIA")
            self.set_callstate("EARLY")
            self.transcript.add(Kind.RINGS_BACK)
            self._tell()
        return True

    def hangup(self, cause: str = "NORMAL_CLEARING", by_phone: bool = False, by_command: bool = False) -> None:
        """End the call at once; its thread finds out.

        by_phone: BYE or CANCEL came from the far end. by_command: a daemon's own `sendmsg hangup`; without `linger` its
        socket then closes before CHANNEL_HANGUP was written to it.
        """
        channel = self.channel
        if channel.down:
            return
        if by_phone:
            cause = self._phone_hung_up(cause)
        elif isinstance(channel.call, Placed) and not channel.answered:
            self._set_all(channel.call.cancelled())
        channel.state = "CS_HANGUP"
        channel.hangup_cause = cause
        channel.stamp("hangup")
        for control in list(self.controls) if by_command else ():
            if not control.lingers:
                control.close()
        self.fire("CHANNEL_HANGUP")
        self._set_all([("sip_hangup_disposition", self._disposition(by_phone))])
        for control in list(self.controls):
            control.call_ends(busy=self.in_room)
        self.wake()
        self._tell()

    def _disposition(self, by_phone: bool) -> str:
        """Which SIP message ended the call."""
        way = "recv" if by_phone else "send"
        if self.channel.answered:
            return f"{way}_bye"
        return f"{way}_refuse" if by_phone == self.channel.outbound else f"{way}_cancel"

    def set_state(self, state: str) -> None:
        """Where the call goes next, unless it is over."""
        if not self.channel.down:
            self.channel.state = state

    def _phone_hung_up(self, cause: str) -> str:
        self.hung_up_by_phone = True
        call = self.channel.call
        if not self.channel.answered:
            if not isinstance(call, Placed):
                return "ORIGINATOR_CANCEL"
            self.channel.found = True
            cause = "CALL_REJECTED" if cause == "NORMAL_CLEARING" else cause
            self._set_all(call.refused(cause))
            self.transcript.add(Kind.REJECTS, cause)
            return cause
        self._set_all([("sip_term_status", "200"), ("proto_specific_hangup_cause", "sip:200")])
        self._set_all([("sip_term_cause", "16")])
        return cause

    def transfer(self, extension: str) -> None:
        """Leave every application for an extension of the dialplan."""
        if self.channel.down:
            return
        self.transfer_to = extension
        self.channel.state = "CS_ROUTING"
        self.wake()

    def go_to_room(self, room: str) -> None:
        """Leave every application for a conference (``NAME@PROFILE``), by the dialplan `inline`."""
        self.transfer(f"conference:{room}")

    def release(self, resume: bool) -> None:
        """The listener is gone: `resume` breaks whatever runs, otherwise only the park ends (es:2805-2845)."""
        if resume and self.ready():
            self.channel.state = "CS_RESET"
        self.controlled = False
        self.wake()

    def set_music(self, on: bool) -> None:
        """Note whether music is what the phone hears now."""
        if on != self.music:
            self.music = on
            self.transcript.changed()

    def begin(self, course: Callable[[], None]) -> None:
        """A call out is reached: go on like this."""
        self.course = course
        self.wake()

    def enter_dialplan(self) -> None:
        """The first extension or application of a call out makes the callee the caller."""
        if not self.channel.in_dialplan:
            self.channel.flip()
            self.fire("CALL_UPDATE", before=[("Direction", "RECV")])

    def _tell(self) -> None:
        if self.watcher is not None:
            self.watcher.set()
        if self.partner is not None:
            self.partner.stir()

    def stir(self) -> None:
        """As `wake`, because of the partner."""
        self._wake.set()

    def variable(self, name: str) -> str:
        """A variable as an application sees it, those of its own scope first; ``""`` when unset."""
        for scope in reversed(self._scopes):
            if name in scope:
                return scope[name]
        return self.channel.variables.get(name) or ""

    def _set_all(self, headers: list[Header]) -> None:
        for name, value in headers:
            self.channel.variables.set(name, value)

    def set_callstate(self, state: str) -> None:
        """Change what events show as Channel-Call-State, and tell it."""
        previous, self.channel.callstate = self.channel.callstate, state
        if previous != state:
            self.fire("CHANNEL_CALLSTATE", [("Original-Channel-Call-State", previous)])

    # -- keys ----------------------------------------------------------------------------------------------------

    def has_key(self) -> bool:
        """Whether a key lies ready (a wait the phone lets run out is none)."""
        return bool(self.keys) and self.keys[0] != SILENCE

    def take_key(self) -> str:
        """The next key; tells the event socket about it unless `sensitive_dtmf` is set (switch_channel.c:508)."""
        key = self.keys.popleft()
        if not true(self.variable("sensitive_dtmf")):
            self.fire("DTMF", [("DTMF-Digit", key), ("DTMF-Duration", "1600"), ("DTMF-Source", "RTP")])
        return key

    def answer_question(self) -> None:
        """A question was played to its end: the phone presses its next group of keys."""
        if self.answers:
            keys = self.answers.popleft()
            self.transcript.add(Kind.PRESSES, counted(keys))
            self.keys.extend(keys)

    def gives_up_waiting(self) -> bool:
        """Whether the phone lets this wait for a key run out; uses up one `stays_silent`."""
        if self.keys and self.keys[0] == SILENCE:
            self.keys.popleft()
            return True
        return self.silent and not self.keys


def true(text: str) -> bool:
    """FreeSWITCH's idea of true (switch_utils.h ``switch_true``)."""
    known = ("yes", "on", "true", "t", "enabled", "active", "allow")
    return text.lower() in known or (text.isdigit() and int(text) != 0)


def false(text: str) -> bool:
    """FreeSWITCH's idea of false (switch_utils.h ``switch_false``); what is absent is neither."""
    known = ("no", "off", "false", "f", "disabled", "inactive", "disallow")
    return text.lower() in known or (text.isdigit() and int(text) == 0)
