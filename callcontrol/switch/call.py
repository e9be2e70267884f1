"""One caller's conversation: the verbs a flow is written with.

Every verb raises HungUp when the caller is gone, and SwitchError when the switch does not do its part in time. What
the caller does (a right PIN, a wrong one, nothing) comes back as a value. Digits are never logged and never stay in
the channel: the variable is emptied as soon as it was read, and `sensitive_dtmf` keeps FreeSWITCH from telling others.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Generic, TypeVar

from callcontrol.prompts import PromptBook
from callcontrol.switch.caller import Caller, Origin, read_caller, read_origin, read_summons
from callcontrol.switch.connection import CallSocket
from callcontrol.switch.framing import Headers
from callcontrol.switch.literals import assignments, text_literal
from callcontrol.switch.mailbox import Mailbox
from callcontrol.switch.questions import call_exists, contacts_of
from callcontrol.switch.talk import Connected, NotReached, Talk

T = TypeVar("T")

# One prompt is at most 8 s long (tests/test_prompts.py); a sequence of ten with a margin.
PLAY_SECONDS = 90.0
QUICK_SECONDS = 10.0
FIRST_KEY_SECONDS = 10.0
NEXT_KEY_SECONDS = 5.0
KEYS_VARIABLE = "cc_keys"
CONNECTING_SECONDS = 10.0  # that a bridge may take besides the time it rings


@dataclass(frozen=True)
class Say:
    """A prompt by its name; ``language`` only where it is not the caller's."""

    name: str
    language: str = ""


@dataclass(frozen=True)
class Clip:
    """A file that is no prompt, such as a recorded name."""

    path: str


Spoken = Say | Clip | str


@dataclass(frozen=True)
class Accepted(Generic[T]):
    """The caller entered something right; ``value`` is what `accept` made of it."""

    value: T


@dataclass(frozen=True)
class Nothing:
    """The caller pressed no key in any try."""


@dataclass(frozen=True)
class TooManyTries:
    """Every try was wrong."""


class Call:
    """Somebody on the line. ``id`` is the uuid of the channel; ``language`` may be set by a flow.

    ``summons``: what they were called for; None when they called.
    """

    def __init__(self, socket: CallSocket, channel: Headers, prompts: PromptBook, language: str) -> None:
        self._socket = socket
        self._prompts = prompts
        self.id = text_literal(channel.get("Unique-ID"))
        self.door = channel.get("variable_cc_door")
        self.dialled = channel.get("variable_cc_dialled")
        self.caller: Caller = read_caller(channel)
        self.origin: Origin = read_origin(channel)
        self.diversion = channel.get("variable_sip_h_Diversion")
        self.farewell = channel.get("variable_cc_farewell")
        self.summons = read_summons(channel)
        known = self.farewell or self.summons is not None
        self.language = (channel.get("variable_cc_language") if known else "") or language
        self.answered = channel.get("Answer-State") == "answered"
        self.answered_at = self.origin.answered_at
        self.on_answered: Callable[[], None] = lambda: None

    def begin(self) -> None:
        """Make the channel ours: keys unseen by others, and the safety net's clock set back to its start."""
        self.set({"sensitive_dtmf": "true", "socket_resume": "true", "cc_next": "again"})

    def set(self, variables: dict[str, str]) -> None:
        """Set channel variables, before whatever is asked next; through the API, as `set` costs two events of 6 kB."""
        self._socket.post(f"api uuid_setvar_multi {self.id} {assignments(variables)}")

    def answer(self) -> None:
        """Take the call; nothing happens when it is answered already."""
        if not self.answered:
            self._socket.execute("answer", deadline=QUICK_SECONDS)
            self.answered = True
            self.answered_at = time.time()
            self.on_answered()

    def play(self, *says: Spoken) -> None:
        """Play prompts one after the other, to their end. Keys pressed meanwhile are lost."""
        self._socket.execute("playback", self._files(says), deadline=PLAY_SECONDS)

    def play_unanswered(self, *says: Spoken) -> None:
        """Play prompts as early media: the caller hears them and pays nothing."""
        self._socket.execute("pre_answer", deadline=QUICK_SECONDS)
        self.play(*says)

    def ask(
        self,
        prompts: Sequence[Sequence[Spoken]],
        *,
        lengths: Sequence[int],
        complete: Callable[[str], bool],
        judge: Callable[[str], T | None],
        may_retry: Callable[[], bool] = lambda: True,
        first_seconds: float = FIRST_KEY_SECONDS,
    ) -> Accepted[T] | Nothing | TooManyTries:
        """Ask for digits, one try per element of ``prompts``; the first key ends the prompt.

        ``lengths``: how many digits a right answer can have. Typing ends with `#`, with the longest of them, with one
        of them that is ``complete``, or with NEXT_KEY_SECONDS without a key. ``judge`` is called once per try that
        has digits and makes a value of them, or None when they are wrong; then ``may_retry`` decides. The first key
        may take ``first_seconds``.
        """
        pressed_any, digits = False, ""
        for says in prompts:
            if digits:  # what was typed too much belongs to the try that was wrong
                self._socket.post(f"api uuid_flush_dtmf {self.id}")
            digits = self._one_try(says, sorted(set(lengths)), complete, first_seconds)
            if not digits:
                continue
            pressed_any = True
            value = judge(digits)
            if value is not None:
                return Accepted(value)
            if not may_retry():
                break
        return TooManyTries() if pressed_any else Nothing()

    def record_name(self, path: str, seconds: float) -> None:
        """Record what the caller says into a file as FreeSWITCH sees it; any key ends it early.

        With `record_session`, because `record` hangs the caller up when it cannot write (mod_dptools.c:3229).
        """
        file = text_literal(path)
        self._socket.execute("record_session", f"{file} +{int(seconds)}", deadline=QUICK_SECONDS)
        listening = f"%[playback_terminators=any]silence_stream://{int(seconds * 1000)}"
        self._socket.execute("playback", listening, deadline=seconds + QUICK_SECONDS)
        self._socket.execute("stop_record_session", file, deadline=QUICK_SECONDS)

    def play_tone(self, path: str) -> None:
        """Play a file that is no prompt."""
        self._socket.execute("playback", text_literal(path), deadline=QUICK_SECONDS)

    def pause(self, seconds: float) -> None:
        """Silence for so many seconds; ends at once when the caller hangs up."""
        self._socket.execute("playback", f"silence_stream://{int(seconds * 1000)}", deadline=seconds + QUICK_SECONDS)

    def join(
        self,
        room: str,
        *,
        moderator: bool = False,
        wait: bool = False,
        muted: bool = False,
        noted: Mapping[str, str] = MappingProxyType({}),
    ) -> None:
        """Let the caller into a conference room and leave the call to FreeSWITCH; the last verb of a conversation.

        ``wait``: the room holds its members with music until a moderator comes, if this caller is its first.
        ``muted``: the caller may only listen at first. ``noted``: variables that are to stand on the channel.
        """
        wishes = (("moderator", moderator), ("wait-mod", wait and not moderator), ("mute", muted))
        flags = [flag for flag, wanted in wishes if wanted]
        suffix = "+flags{" + "|".join(flags) + "}" if flags else ""
        told = {
            "sensitive_dtmf": "false",
            "cc_language": self.language,
            "conference_permanent_wait_mod_moh": "true",
            "hangup_after_conference": "false",  # who is shown out last hears why, too
        }
        self._leave_to("conference", f"{text_literal(room)}@room{suffix}", {**told, **noted})

    def connect(
        self, dial: str, *, seconds: float, noted: Mapping[str, str] = MappingProxyType({})
    ) -> Connected | NotReached:
        """Call somebody for the caller, who hears it ring; once they talk this is the last verb of a conversation.

        ``dial``: as outgoing.bridge writes it. ``seconds``: how long that rings at most. From the moment they talk
        FreeSWITCH holds both without us, and hangs up with either of them. ``noted``: as in `join`.
        """
        told = ";".join(filter(None, (Talk.VARIABLES, assignments(noted))))
        self._socket.post(f"api uuid_setvar_multi {self.id} {told}")
        talk = Talk()
        event = self._socket.bridge(talk, dial, deadline=seconds + CONNECTING_SECONDS)
        if talk.begun:
            self.set({"socket_resume": "false", "cc_next": "end"})
            self._socket.stop()
            return Connected(talk.other)
        return talk.failed(event)

    def contacts(self, extension: str, domain: str) -> str:
        """Where the telephones of an extension are registered, as outgoing.telephones reads it."""
        return contacts_of(self._socket.api, extension, domain)

    def channels_like(self, name: str) -> str:
        """The calls of the switch whose channel is called like this, and perhaps others, as JSON."""
        return self._socket.api(f"show channels like {text_literal(name)} as json")

    def is_there(self, call: str) -> bool:
        """Whether the switch has this call at this moment; it is known by its uuid."""
        return call_exists(self._socket.api, call)

    def use_mailbox(self, box: Mailbox, *, noted: Mapping[str, str] = MappingProxyType({})) -> None:
        """Let the caller speak into a mailbox, or listen to it; the last verb of a conversation. ``noted``: join."""
        self._leave_to("voicemail", box.argument, {**box.variables(self.language), **noted})

    def _leave_to(self, application: str, argument: str, variables: Mapping[str, str]) -> None:
        self.set({"socket_resume": "false", "cc_next": "end", **variables})  # the end of our socket must not break it
        self._socket.start(application, argument, deadline=QUICK_SECONDS)
        self._socket.stop()

    def members_of(self, room: str) -> int:
        """How many are in a room, asked of the switch itself; 0 when there is no such room."""
        answer = self._socket.api(f"conference {text_literal(room)} get count")
        return int(answer) if answer.isdigit() else 0

    def hangup(self, cause: str = "NORMAL_CLEARING") -> None:
        """End the call with a Q.850 cause by FreeSWITCH's name; the last verb of a conversation.

        Waits for the end: a socket closed early would leave the caller parked (mod_event_socket.c:534).
        """
        self._socket.hangup(text_literal(cause))
        self._socket.wait_gone(deadline=QUICK_SECONDS)

    def _one_try(
        self, says: Sequence[Spoken], lengths: Sequence[int], complete: Callable[[str], bool], first_seconds: float
    ) -> str:
        digits = self._collect(says, lengths, complete, first_seconds)
        if digits == "#":  # the `#` after a complete PIN of the try before; it cut this prompt short
            digits = self._collect(says, lengths, complete, first_seconds)
        return digits.rstrip("#")

    def _collect(
        self, says: Sequence[Spoken], lengths: Sequence[int], complete: Callable[[str], bool], first_seconds: float
    ) -> str:
        """Digits of one try, with a `#` behind them if it was pressed."""
        typed = ""
        for length in lengths:
            missing = length - len(typed)
            if missing <= 0:
                continue
            seconds = NEXT_KEY_SECONDS if typed else first_seconds
            keys = self._keys("silence" if typed else self._files(says), missing, first_seconds=seconds)
            typed += keys
            if "#" in keys:
                return typed[: typed.index("#") + 1]
            if len(keys) < missing or (length != lengths[-1] and complete(typed)):
                break
        return typed

    def _keys(self, files: str, at_most: int, first_seconds: float) -> str:
        """At most so many keys; with the `#` that ended them (`+#`: mod_dptools keeps the terminator in the result)."""
        argument = (
            f"1 {at_most} 1 {int(first_seconds * 1000)} +# {files} silence_stream://10 {KEYS_VARIABLE} '' "
            f"{int(NEXT_KEY_SECONDS * 1000)}"
        )
        deadline = PLAY_SECONDS + first_seconds + at_most * NEXT_KEY_SECONDS
        event = self._socket.execute("play_and_get_digits", argument, deadline=deadline)
        keys = event.get(f"variable_{KEYS_VARIABLE}")
        if keys:
            self._socket.post(f"api uuid_setvar {self.id} {KEYS_VARIABLE}")
        return keys

    def _files(self, says: Sequence[Spoken]) -> str:
        paths = [text_literal(self._path(say)) for say in says]
        return paths[0] if len(paths) == 1 else "file_string://" + "!".join(paths)

    def _path(self, say: Spoken) -> str:
        match say:
            case Clip(path=path):
                return path
            case Say(name=name, language=language):
                return self._prompts.file(language or self.language, name)
            case _:
                return self._prompts.file(self.language, say)
