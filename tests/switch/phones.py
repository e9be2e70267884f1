"""Real telephones on a real FreeSWITCH: ``phone.calls(BOARD, from_="+4930...").hears("enter-pin").presses("48213")``.

The verbs are those of the rehearsal switch's phones, so that one scenario runs on both. Each waits until it is true
or its deadline has passed (``within`` seconds; 10 unless told), returns the phone, and fails with the dialogue so far.
Expectations walk forward through what was played to its end: ``hears`` skips what came before, and
``hears_nothing_else`` fails when anything was skipped. A prompt cut short is in the dialogue but does not count.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from tests.switch.attention import Attention, Ears
from tests.switch.event_socket import EventSocket
from tests.switch.handset import Handset
from tests.switch.sound import RATE, SILENCE, has_tone, loudness

WITHIN = 10.0  # s; deadline of a wait unless the verb is told otherwise
VOICE = -46.0  # dBFS; a phone's tone (-38) is as loud as this when it fills less than half of what is looked at
NUMBER = 1.2  # s in which a number is said
KEY_WAIT = 10.0  # s that callcontrol waits for a first key


@dataclass(frozen=True)
class Switch:
    """Where the phones find FreeSWITCH: ``host:port`` of the two doors, and the event socket to ask who is where."""

    trunk: str
    extensions: str
    events: EventSocket


class Phone:
    """One real SIP phone that speaks a tone of ``hz`` without end; may call again. ``close`` it in the end."""

    def __init__(self, name: str, hz: int, switch: Switch, ears: Ears, folder: Path) -> None:
        """``folder``: where its recordings and its stderr go. Ready to dial when this returns."""
        self.name, self.hz = name, hz
        self._switch, self._ears = switch, ears
        self._handset = Handset(name, folder)
        self._attention = Attention(ears, self._handset)
        self._domain = ""  # set once the phone is an extension
        self._patience = 0.0  # s more for the next expectation
        self._handset.do("tone", hz=hz)

    # -- what the person does

    def calls(
        self,
        number: str,
        *,
        from_: str = "+4930555000",
        name: str = "",
        headers: Mapping[str, str] | None = None,
        claims: str = "",
    ) -> Phone:
        """Dial; does not wait for an answer. ``from_`` ``""``: sends no number.

        ``name`` is the display name, ``headers`` are more SIP headers: both as hostile as UTF-8 without line ends
        allows (other bytes: OddCall). An extension calls as itself, or writes the address ``claims`` into From.
        """
        self._new_call(" ".join(filter(None, (f"calls {number} from", name, from_, *(headers or ())))))
        address = f"<sip:{from_}@127.0.0.1>" if from_ else "<sip:anonymous@anonymous.invalid>"
        quoted = name.replace("\\", "\\\\").replace('"', '\\"')
        if claims:
            address = f"<sip:{claims}>"
        who = {} if self._domain and not claims else {"from": f'"{quoted}" {address}' if name else address}
        to = f"sip:{number}@{self._domain or self._switch.trunk}"
        self._handset.do("call", to=to, headers=[list(pair) for pair in (headers or {}).items()], **who)
        self._handset.wait("calling", WITHIN)
        return self

    def registers(self, extension: str, domain: str, password: str, *, code: int = 200) -> Phone:
        """Register at the door for extensions; calls leave through it from now on. ``code``: the answer expected."""
        self._domain = domain
        self._new_call(f"registers as {extension}@{domain}")
        account, proxy = f"sip:{extension}@{domain}", f"sip:{self._switch.extensions}"
        self._handset.do("register", account=account, proxy=proxy, user=extension, password=password)
        answer = self._handset.wait("registered", WITHIN)
        self._handset.say(f"the registrar answers {answer['code']} {answer['text']}")
        if answer["code"] != code:
            self._handset.fail(f"be answered {code}")
        return self

    def unregisters(self) -> Phone:
        """Take the registration back; nobody can call this telephone then, and it may still call."""
        self._new_call("unregisters")
        self._handset.do("unregister")
        if self._handset.wait("registered", WITHIN)["code"] != 200:
            self._handset.fail("be answered 200")
        return self

    def rings(self, *, within: float = WITHIN) -> Phone:
        """Somebody calls this phone."""
        self._handset.until(lambda: self._had("incoming") and not self._had("disconnected"), within, "ring")
        caller = self._had("incoming")["caller"]
        self._attention.anew()
        self._handset.say(f"rings for {caller}")
        return self

    def answers(self, *, within: float = WITHIN) -> Phone:
        """Take the call that rings."""
        self._handset.do("answer", code=200)
        self._handset.wait("confirmed", within)
        return self

    def speaks(self, aloud: bool = True) -> Phone:
        """Speak the tone, or nothing: a voice drowns the pauses of a prompt, which then is not recognised."""
        self._handset.do("tone", hz=self.hz if aloud else 0)
        return self

    def announces(self) -> Phone:
        """Sound before an answer, as a network's announcement: the phone's tone, and it rings on."""
        self._handset.do("answer", code=183)
        self._handset.wait("recording", WITHIN)
        return self

    def refuses(self, code: int = 486) -> Phone:
        """Refuse the call that rings: 486 busy, 603 declined."""
        self._handset.do("answer", code=code)
        self._handset.wait("disconnected", WITHIN)
        return self

    def presses(self, keys: str, *, by: str = "rfc2833") -> Phone:
        """Press keys (100 ms each, 80 ms between two); returns when the last is on its way. ``by``: rfc2833 or info."""
        self._handset.say(f"presses {len(keys)} key{'' if len(keys) == 1 else 's'}")
        self._handset.reports = [report for report in self._handset.reports if report["what"] != "key"]
        self._handset.do("keys", digits=keys, by=by)
        return self._until(lambda: self._had("key").get("left") == 0, 5 + 0.3 * len(keys), "press keys")

    def stays_silent(self, times: int = 1) -> Phone:
        """Let the next ``times`` waits for a key run out: the next expectation has so much more time."""
        self._handset.say("stays silent")
        self._patience = KEY_WAIT * times
        return self

    def hangs_up(self) -> Phone:
        """End the call and wait until it has ended."""
        self._handset.say("hangs up")
        self._handset.do("hangup")
        self._handset.wait("disconnected", WITHIN)
        return self

    # -- what the person lives through

    def is_answered(self, *, within: float = WITHIN) -> Phone:
        """The call is answered (200 OK)."""
        return self._until(lambda: self._had("confirmed"), within, "be answered")

    def is_refused(self, cause: str | None = None, *, within: float = WITHIN) -> Phone:
        """The call ends, with this cause if one is named, without ever having been answered."""
        return self._ends(cause, False, within)

    def is_hung_up(self, cause: str | None = None, *, within: float = WITHIN) -> Phone:
        """The other side ends the answered call, with this cause if one is named."""
        return self._ends(cause, True, within)

    def hears(self, *names: str, language: str | None = None, within: float = WITHIN) -> Phone:
        """Each prompt is played to its end, in this order; each begins ``within`` seconds."""
        for name in names:
            wanted = f"hear {name}" + (f" ({language})" if language else "")
            more = within + self._ears.prompts.seconds(name)
            find = partial(self._attention.find, name, language)
            self._until(lambda find=find: find() is not None, more, wanted)  # type: ignore[misc]
            if (place := find()) is not None:
                self._attention.ask(place)
        return self

    def hears_number(self, number: int, language: str, *, within: float = WITHIN) -> Phone:
        """Right behind the prompt asked for last, this number is said."""
        self._until(lambda: len(self._attention.behind(NUMBER)), within, f"hear the number {number}")
        said = self._ears.numbers.said_in(self._attention.behind(NUMBER), language)
        if said != number:
            self._handset.fail(f"hear the number {number}, not {said}")
        self._handset.say(f"hears the number {number}")
        return self

    def begins_to_hear(self, name: str, *, language: str | None = None, within: float = WITHIN) -> Phone:
        """This prompt is being played, and no other begins like it: the moment to press a key into it."""

        def playing() -> bool:
            keys = self._attention.going_on()
            return bool(keys) and all(name == own and language in (None, spoken) for spoken, own in keys)

        return self._until(playing, within, f"begin to hear {name}", f"begins to hear {name}")

    def hears_nothing_else(self) -> Phone:
        """No prompt was played to its end that was not asked for."""
        if self._had("disconnected"):
            self._until(self._attention.over, WITHIN, "hear the end")
        self._attention.listen()
        if unasked := self._attention.unasked():
            self._handset.fail(f"hear nothing else, but it also heard {', '.join(map(str, unasked))}")
        return self

    def is_told_nothing(self, seconds: float = 2.0) -> Phone:
        """From now on, for so many seconds, no prompt is played to its end and none begins."""
        since, before = self._attention.now(), self._attention.count()
        self._until(lambda: len(self._attention.latest(seconds, since)), seconds + WITHIN, f"listen for {seconds:g} s")
        if self._attention.count() > before or self._attention.going_on():
            self._handset.fail("be told nothing")
        self._handset.say("is told nothing")
        return self

    def hears_music(self, *, within: float = WITHIN) -> Phone:
        """From now on there is music on hold (1.2 s of it)."""
        since = self._attention.now()
        music = self._ears.music
        return self._until(
            lambda: music.plays_in(self._attention.latest(1.2, since)), within, "hear music", "hears music"
        )

    def hears_no_music(self, *, within: float = WITHIN) -> Phone:
        """Music, if there was any, has stopped: for 1.2 s there is none."""
        since = self._attention.now()

        def stopped() -> bool:
            sound = self._attention.latest(1.2, since)
            return len(sound) > 0 and not self._ears.music.plays_in(sound)

        return self._until(stopped, within, "hear no music", "hears no music")

    def hears_silence(self, seconds: float = 1.0, *, within: float = WITHIN) -> Phone:
        """From now on, or a little later, there is nothing at all for so many seconds."""
        since = self._attention.now()

        def silent() -> bool:
            sound = self._attention.latest(seconds, since)
            return len(sound) > 0 and loudness(sound) < SILENCE

        return self._until(silent, within, f"hear nothing for {seconds:g} s", "hears nothing")

    def hears_tone_of(self, *others: Phone, within: float = WITHIN) -> Phone:
        """The other phones' voices arrive here, now and not only a moment ago."""
        since, wanted = self._attention.now(), "hear " + ", ".join(f"{other.name} ({other.hz} Hz)" for other in others)

        def all_there() -> bool:
            sound = self._attention.latest(0.5, since)
            return all(has_tone(sound, other.hz) for other in others)

        return self._until(all_there, within, wanted, "hears " + ", ".join(other.name for other in others))

    def does_not_hear(self, *others: Phone, seconds: float = 1.0) -> Phone:
        """From now on, for so many seconds, not a quarter of a second of the other phones' voices arrives here."""
        since = self._attention.now()
        self._until(lambda: len(self._attention.latest(seconds, since)), seconds + WITHIN, f"listen for {seconds:g} s")
        sound, step = self._attention.latest(seconds, since), RATE // 4
        for other in others:
            if any(has_tone(sound[at : at + step], other.hz, -60) for at in range(0, len(sound) - step + 1, step // 2)):
                self._handset.fail(f"not hear {other.name} ({other.hz} Hz)")
            self._handset.say(f"does not hear {other.name}")
        return self

    def heard_first(self, other: Phone, since: float) -> float:
        """When the other's voice first arrived here after ``since``: seconds of time.monotonic, to some 50 ms.

        Raises LookupError when it never did.
        """
        first = self._attention.first(lambda sound: has_tone(sound, other.hz, VOICE), since)
        if first is None:
            raise LookupError(f"{self.name} never heard {other.name}")
        return first

    def joins(self, room: str, moderator: bool = False, *, within: float = WITHIN) -> Phone:
        """FreeSWITCH counts this call among the members of the conference, in this role."""
        wanted = f"{room} as {'moderator' if moderator else 'participant'}"
        return self._until(lambda: self._is_in(room, moderator), within, f"join {wanted}", f"is in {wanted}")

    def leaves(self, room: str, *, within: float = WITHIN) -> Phone:
        """FreeSWITCH no longer counts this call among the members of the conference."""

        def outside() -> bool:
            return not any(self._is_in(room, moderator) for moderator in (True, False))

        return self._until(outside, within, f"leave {room}", f"is out of {room}")

    def is_told_of_messages(self, new: int, *, within: float = WITHIN) -> Phone:
        """The last NOTIFY about the mailbox told of so many new messages."""
        wanted = f"Messages-Waiting: {'yes' if new else 'no'}", f"Voice-Message: {new}/"
        told = lambda: all(line in self._had("waiting").get("text", "") for line in wanted)  # noqa: E731
        self._handset.until(told, within, f"be told of {new} new messages")
        self._handset.say(f"is told of {new} new messages")
        return self

    # -- for what has no verb

    @property
    def uuid(self) -> str:
        """FreeSWITCH's name of this call. Raises LookupError when it has none."""
        return self._switch.events.channel_of(self._call_id())

    @property
    def address(self) -> str:
        """host:port where it can be called without being registered."""
        return self._handset.address

    @property
    def pid(self) -> int:
        """Process id of the phone."""
        return self._handset.pid

    @property
    def dialogue(self) -> str:
        """What happened so far, one line each, with seconds since the phone was made."""
        self._attention.listen()
        return self._handset.dialogue

    def close(self) -> None:
        """Hang up and end the process."""
        self._handset.close()

    # -- how

    def _new_call(self, text: str) -> None:
        self._handset.reports.clear()
        self._attention.anew()
        self._handset.say(text)

    def _had(self, what: str) -> dict[str, Any]:
        return self._handset.had(what) or {}

    def _call_id(self) -> str:
        return str((self._had("confirmed") or self._had("calling")).get("call_id", ""))

    def _is_in(self, room: str, moderator: bool) -> bool:
        members = [m for m in self._switch.events.members(room) if m["flags"]["is_moderator"] is moderator]
        return any(self._switch.events.variable(m["uuid"], "sip_call_id") == self._call_id() for m in members)

    def _until(self, true: Callable[[], object], within: float, wanted: str, told: str = "") -> Phone:
        """Wait until it is true; fail at once when the call is over and it can no longer become true."""
        within, self._patience = within + self._patience, 0.0
        self._handset.until(lambda: true() or self._attention.over(), within, wanted)
        if not true():
            self._handset.fail(wanted + " (the call is over)")
        if told:
            self._handset.say(told)
        return self

    def _ends(self, cause: str | None, answered: bool, within: float) -> Phone:
        wanted = f"be {'hung up' if answered else 'refused without being answered'} {cause or ''}".rstrip()
        self._until(self._attention.over, within, wanted)
        if cause not in (None, self._had("disconnected")["cause"]) or bool(self._had("confirmed")) is not answered:
            self._handset.fail(wanted)
        return self
