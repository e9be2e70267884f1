"""Real telephones for tests on a real FreeSWITCH: ``phone.calls(...).hears("enter-pin").presses("48213#").joins("acme.board")``.

The verbs are those of the rehearsal switch's phones. Each waits until it is true or its deadline has passed (``within``, seconds, 10 unless told), returns the
phone, and fails with the dialogue so far. What was said must be asked for in order: a prompt nobody expected fails the next ``hears``; prompts that were cut
short (a key was pressed, the daemon died) are written into the dialogue and passed over.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from tests.switch.event_socket import EventSocket
from tests.switch.handset import Handset
from tests.switch.hearing import RATE, SILENCE, Heard, Listener, Music, Prompts, Recording, Samples, has_tone, loudness

WITHIN = 10.0  # s; deadline of a wait unless the verb is told otherwise
IN_FLIGHT = 0.3  # s that sound needs at most through the switch and two jitter buffers


@dataclass(frozen=True)
class Switch:
    """Where the phones find FreeSWITCH: ``host:port`` of the two doors, and the event socket to ask who is where."""

    trunk: str
    extensions: str
    events: EventSocket


@dataclass(frozen=True)
class Ears:
    """What a phone can recognise."""

    prompts: Prompts
    music: Music | None = None


class Phone:
    """One real SIP phone with its own voice (a tone of ``hz`` that never ends). ``close`` it in the end; the ``phones`` fixture does."""

    def __init__(self, name: str, hz: int, switch: Switch, ears: Ears, folder: Path) -> None:
        self.name, self.hz = name, hz
        self._switch, self._ears = switch, ears
        self._handset = Handset(name, folder)
        self._domain = ""  # set once the phone is an extension
        self._listener: Listener | None = None
        self._asked = 0  # prompts that were asked for, of those heard
        self._told = 0  # prompts that are in the dialogue
        self._handset.do("tone", hz=hz)

    # -- what the person does

    def calls(
        self, number: str, *, from_: str = "+4930555000", name: str = "", headers: Mapping[str, str] | None = None
    ) -> Phone:
        """Dial; does not wait for an answer.

        ``name`` is the display name, ``headers`` more SIP headers: both as hostile as UTF-8 without line ends allows (for other bytes: ``sipp.py``).
        """
        self._new_call(" ".join(filter(None, ["calls", number, "from", name, from_, str(dict(headers or {}) or "")])))
        quoted = name.replace("\\", "\\\\").replace('"', '\\"')
        who = (
            {}
            if self._domain
            else {"from": f'"{quoted}" <sip:{from_}@127.0.0.1>' if name else f"<sip:{from_}@127.0.0.1>"}
        )
        to = f"sip:{number}@{self._domain or self._switch.trunk}"
        self._handset.do("call", to=to, headers=[list(pair) for pair in (headers or {}).items()], **who)
        self._handset.wait("calling", WITHIN)
        return self

    def registers(
        self, extension: str, domain: str, password: str, *, code: int = 200, within: float = WITHIN
    ) -> Phone:
        """Register at the door for extensions; from now on calls leave through it, with digest. ``code``: what the registrar should answer."""
        self._domain = domain
        self._new_call(f"registers as {extension}@{domain}")
        proxy = f"sip:{self._switch.extensions}"
        self._handset.do("register", id=f"sip:{extension}@{domain}", proxy=proxy, user=extension, password=password)
        answer = self._handset.wait("registered", within)
        self._handset.say(f"the registrar answers {answer['code']} {answer['text']}")
        if answer["code"] != code:
            self._handset.fail(f"be answered {code}")
        return self

    def rings(self, *, within: float = WITHIN) -> Phone:
        """Somebody calls this phone."""
        self._handset.say(f"rings for {self._handset.wait('incoming', within)['caller']}")
        self._listener, self._asked, self._told = None, 0, 0
        return self

    def answers(self, *, within: float = WITHIN) -> Phone:
        """Take the call that rings."""
        self._handset.do("answer")
        self._handset.wait("confirmed", within)
        return self

    def presses(self, keys: str, *, by: str = "rfc2833") -> Phone:
        """Press keys (100 ms each, 80 ms between two); returns when the last is on its way. ``by``: rfc2833 or info."""
        self._handset.say(f"presses {keys}")
        self._handset.reports = [report for report in self._handset.reports if report["what"] != "key"]
        self._handset.do("keys", digits=keys, by=by)
        self._handset.until(lambda: self._had("key").get("left") == 0, 5 + 0.3 * len(keys), f"press {keys}")
        return self

    def stays_silent(self) -> Phone:
        """Press nothing; the next verb's deadline must leave room for what the switch waits."""
        self._handset.say("stays silent")
        return self

    def hangs_up(self, *, within: float = WITHIN) -> Phone:
        """End the call and wait until it has ended."""
        self._handset.say("hangs up")
        self._handset.do("hangup")
        self._handset.wait("disconnected", within)
        return self

    # -- what the person lives through

    def is_answered(self, *, within: float = WITHIN) -> Phone:
        """The call is answered (200 OK)."""
        return self._until(lambda: self._had("confirmed"), within, "be answered")

    def is_refused(self, cause: str = "CALL_REJECTED", *, within: float = WITHIN) -> Phone:
        """The call ends with this cause without ever having been answered."""
        return self._ends(cause, False, within)

    def is_hung_up(self, cause: str = "NORMAL_CLEARING", *, within: float = WITHIN) -> Phone:
        """The other side ends the answered call with this cause."""
        return self._ends(cause, True, within)

    def hears(self, name: str, *, language: str | None = None, within: float = WITHIN) -> Phone:
        """The next prompt that is played to its end is this one, in this language (None: in any)."""
        wanted = f"hear {name} in {language or 'any language'}"
        self._until(self._next, within, wanted)
        heard = self._next()
        if (
            heard is None
            or self._listener is None
            or not any(name == n and language in (None, lang) for lang, n in heard.keys)
        ):
            self._handset.fail(wanted)
        self._asked = self._listener.heard.index(heard) + 1
        return self

    def begins_to_hear(self, name: str, *, language: str | None = None, within: float = WITHIN) -> Phone:
        """This prompt is being played, and no other begins like what was heard of it so far: the moment to press a key into it."""

        def playing() -> bool:
            going_on = self._listener.going_on() if self._next() is None and self._listener else []
            return bool(going_on) and all(name == own and language in (None, spoken) for spoken, own in going_on)

        self._until(playing, within, f"begin to hear {name}")
        self._handset.say(f"begins to hear {name}")
        return self

    def hears_music(self, *, within: float = WITHIN) -> Phone:
        """From now on there is music on hold (1.2 s of it)."""
        music, since = self._ears.music, self._now()
        if music is None:
            raise ValueError("these phones were given no music to recognise")
        self._until(lambda: music.plays_in(self._latest(1.2, since)), within, "hear music")
        self._handset.say("hears music")
        return self

    def hears_silence(self, seconds: float = 1.0, *, within: float = WITHIN) -> Phone:
        """From now on, or a little later, there is nothing at all for so many seconds."""
        since = self._now()

        def silent() -> bool:
            sound = self._latest(seconds, since)
            return len(sound) > 0 and loudness(sound) < SILENCE

        self._until(silent, within, f"hear nothing for {seconds:g} s")
        self._handset.say("hears nothing")
        return self

    def hears_tone_of(self, other: Phone, *, within: float = WITHIN) -> Phone:
        """The other phone's voice arrives here, now and not only a moment ago."""
        since = self._now()
        self._until(lambda: has_tone(self._latest(0.5, since), other.hz), within, f"hear {other.name} ({other.hz} Hz)")
        self._handset.say(f"hears {other.name}")
        return self

    def does_not_hear(self, other: Phone, *, seconds: float = 1.0) -> Phone:
        """From now on, for so many seconds, not a quarter of a second of the other phone's voice arrives here."""
        since = self._now()
        self._until(lambda: len(self._latest(seconds, since)), seconds + WITHIN, f"listen for {seconds:g} s")
        sound, step = self._latest(seconds, since), RATE // 4
        if any(has_tone(sound[at : at + step], other.hz, -60) for at in range(0, len(sound) - step + 1, step // 2)):
            self._handset.fail(f"not hear {other.name} ({other.hz} Hz)")
        self._handset.say(f"does not hear {other.name}")
        return self

    def joins(self, room: str, *, moderator: bool = False, within: float = WITHIN) -> Phone:
        """FreeSWITCH counts this call among the members of the conference, in this role."""
        role = "moderator" if moderator else "participant"

        def inside() -> bool:
            members = [m for m in self._switch.events.members(room) if m["flags"]["is_moderator"] is moderator]
            return any(self._switch.events.variable(m["uuid"], "sip_call_id") == self._call_id() for m in members)

        self._until(inside, within, f"join {room} as {role}")
        self._handset.say(f"is in {room} as {role}")
        return self

    # -- for what has no verb

    @property
    def uuid(self) -> str:
        """FreeSWITCH's name of this call. Raises LookupError when it has none."""
        return self._switch.events.channel_of(self._call_id())

    @property
    def pid(self) -> int:
        """Process id of the phone."""
        return self._handset.pid

    @property
    def dialogue(self) -> str:
        """What happened so far, one line each, with seconds since the phone was made."""
        self._listen()
        return self._handset.dialogue

    def close(self) -> None:
        """Hang up and end the process."""
        self._handset.close()

    # -- how

    def _new_call(self, text: str) -> None:
        self._handset.reports.clear()
        self._listener, self._asked, self._told = None, 0, 0
        self._handset.say(text)

    def _had(self, what: str) -> dict[str, Any]:
        return self._handset.had(what) or {}

    def _call_id(self) -> str:
        return str((self._had("confirmed") or self._had("calling")).get("call_id", ""))

    def _listen(self, over: bool = False) -> Listener | None:
        """Take in new sound and put new prompts into the dialogue; None while there has been no sound at all."""
        self._handset.pump(0)
        begun = self._had("recording")
        if not begun:
            return None
        if self._listener is None:
            self._listener = Listener(self._ears.prompts, Recording(Path(begun["path"])))
        for heard in self._listener.update(over)[self._told :]:
            self._handset.say(f"hears {heard}", begun["at"] + heard.end)
            self._told += 1
        return self._listener

    def _next(self) -> Heard | None:
        """The first prompt heard to its end that was not asked for yet."""
        listener = self._listen()
        return next((heard for heard in listener.heard[self._asked :] if heard.whole), None) if listener else None

    def _until(self, true: Callable[[], object], within: float, wanted: str) -> Phone:
        """Wait until it is true; fail at once when the call is over and it can no longer become true."""
        self._handset.until(lambda: true() or self._over(), within, wanted)
        if not true():
            self._handset.fail(wanted)
        return self

    def _over(self) -> bool:
        """The call has ended and everything that could be heard was heard."""
        if not self._had("disconnected"):
            return False
        listener = self._listen()
        if listener is None or listener.recording.finished:
            self._listen(over=True)
            return True
        return False

    def _now(self) -> int:
        """Where in the recording sound will stand that is sent from now on (samples)."""
        begun = self._had("recording")
        return int((time.monotonic() - begun["at"] + IN_FLIGHT) * RATE) if begun else 0

    def _latest(self, seconds: float, since: int) -> Samples:
        """The last so many seconds of sound, all of it later than ``since``; empty while there is less."""
        listener = self._listen()
        samples = listener.recording.samples[since:] if listener else np.zeros(0, np.float32)
        wanted = int(seconds * RATE)
        return samples[-wanted:] if len(samples) >= wanted else samples[:0]

    def _ends(self, cause: str, answered: bool, within: float) -> Phone:
        wanted = f"be {'hung up' if answered else 'refused without being answered'} with {cause}"
        self._handset.until(self._over, within, wanted)
        if self._had("disconnected")["cause"] != cause or bool(self._had("confirmed")) is not answered:
            self._handset.fail(wanted)
        if unasked := self._next():
            self._handset.fail(f"be asked about {unasked} first")
        return self
