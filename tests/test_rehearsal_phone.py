"""The language scripted phones are written in: what passes, what fails, and what a failure says."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from callcontrol.rehearsal import Kind, Phone, RehearsalSwitch
from tests.rehearsal_daemon import TinyDaemon, Wire

ASK = "play_and_get_digits"


class Prompts:
    """A prompt book of two prompts in two languages."""

    def identify(self, path: str) -> tuple[str, str] | None:
        language, _, name = path.removesuffix(".wav").removeprefix("/p/").partition("/")
        return (language, name) if name in ("welcome", "enter-pin", "goodbye") else None


def small_menu(wire: Wire) -> None:
    """Welcome, PIN, then goodbye or a room."""
    wire.connect()
    wire.execute("answer")
    wire.execute("playback", "/p/de/welcome.wav")
    keys = wire.execute(ASK, "1 6 1 10000 # /p/de/enter-pin.wav silence_stream://10 keys '' 5000").get("variable_keys")
    if keys == "1234":
        wire.execute("multiset", "socket_resume=false cc_next=end")
        wire.start("conference", "acme.board@room")
    else:
        wire.execute("playback", "file_string:///p/de/goodbye.wav!/p/en/goodbye.wav")
        wire.execute("hangup", "NORMAL_CLEARING")


def refusing(wire: Wire) -> None:
    wire.connect()
    wire.execute("playback", "/p/de/goodbye.wav")
    wire.send("sendmsg\ncall-command: hangup\nhangup-cause: CALL_REJECTED")


House = Callable[[Callable[[Wire], None]], RehearsalSwitch]


@pytest.fixture
def house() -> Iterator[House]:
    started: list[TinyDaemon | RehearsalSwitch] = []

    def build(serve: Callable[[Wire], None]) -> RehearsalSwitch:
        daemon = TinyDaemon(serve)
        switch = RehearsalSwitch(daemon.address, prompts=Prompts()).start()
        started.extend((switch, daemon))
        return switch

    yield build
    for one in started:
        one.stop()


def test_a_call_reads_as_its_dialogue(house: House) -> None:
    guest = house(small_menu).phone("+49171").calls("+49308631").is_answered()
    guest.hears("welcome", language="de").hears("enter-pin").presses("1234#").joins("acme.board")
    guest.hears_music().hears_nothing_else().hangs_up()


def test_silence_costs_no_time(house: House) -> None:
    guest = house(small_menu).phone("+49171").calls("+49308631").stays_silent()
    guest.hears("enter-pin", "goodbye").hears("goodbye", language="en").is_hung_up("NORMAL_CLEARING")
    assert guest.transcript.steps[-1].seconds < 2


def test_keys_may_be_pressed_before_anybody_asks(house: House) -> None:
    phone = house(small_menu).phone("+49171").presses("1234#").calls("+49308631").joins("acme.board")
    phone.hangs_up()


def test_a_phone_that_presses_no_more_lets_every_wait_run_out(house: House) -> None:
    guest = house(small_menu).phone("+49171").calls("+49308631").never_presses_again()
    guest.hears("goodbye").is_hung_up()


def test_a_refused_caller_was_never_answered(house: House) -> None:
    guest = house(refusing).phone("+49171").calls("+49308631").hears("goodbye").is_refused("CALL_REJECTED")
    assert not any(step.kind is Kind.ANSWERED for step in guest.transcript.steps)


def test_a_phone_may_call_again(house: House) -> None:
    phone = house(refusing).phone("+49171").calls("+49308631").is_refused()
    phone.calls("+49308631").hears("goodbye").is_refused("CALL_REJECTED")


def test_a_prompt_can_be_kept_playing_until_the_caller_reacts(house: House) -> None:
    guest = house(small_menu).phone("+49171").calls("+49308631").keeps_listening("enter-pin")
    guest.hears("enter-pin").hangs_up()
    assert guest.session.over or guest.session.channel.down


FAILURES: list[tuple[Callable[[Phone], object], str]] = [
    (lambda phone: phone.hears("nosuch"), "expected: hears nosuch; the call is over"),
    (lambda phone: phone.hears("goodbye", language="fr"), "expected: hears goodbye (fr); the call is over"),
    (lambda phone: phone.is_answered(), "expected: is answered; the call is over"),
    (lambda phone: phone.is_hung_up(), "expected: is hung up; the call is over"),
    (lambda phone: phone.is_refused("USER_BUSY"), "expected: is refused USER_BUSY; the call is over"),
    (
        lambda phone: phone.joins("acme.board", moderator=True),
        "expected: joins acme.board as moderator; the call is over",
    ),
    (lambda phone: phone.leaves("acme.board"), "expected: leaves acme.board; the call is over"),
    (lambda phone: phone.hears_music(), "expected: hears music; the call is over"),
    (lambda phone: phone.is_refused().hears_nothing_else(), "expected: hears nothing else; but it also heard: goodbye"),
]


@pytest.mark.parametrize(("act", "message"), FAILURES, ids=[message for _, message in FAILURES])
def test_what_did_not_happen_fails_with_the_dialogue(
    house: House, act: Callable[[Phone], object], message: str
) -> None:
    phone = house(refusing).phone("+49171").calls("+49308631")
    with pytest.raises(AssertionError) as failure:
        act(phone)
    text = str(failure.value)
    assert message in text
    assert "dialogue of +49171:" in text
    assert "hears goodbye (de)" in text
    assert "------ asserted until here ------" in text


def test_a_failure_shows_how_far_the_script_came(house: House) -> None:
    phone = house(refusing).phone("+49171").calls("+49308631").hears("goodbye")
    with pytest.raises(AssertionError) as failure:
        phone.hears("welcome")
    lines = [line.strip() for line in str(failure.value).splitlines()]
    mark = lines.index("------ asserted until here ------")
    assert lines[mark - 1].startswith("✓")
    assert lines[mark - 1].endswith("hears goodbye (de)")
    assert lines[mark + 1].endswith("is refused CALL_REJECTED")


def test_an_expectation_has_a_deadline(house: House) -> None:
    switch = house(small_menu)
    phone = switch.phone("+49171").calls("+49308631").hears("enter-pin")
    phone._patience = 0.1
    with pytest.raises(AssertionError, match=r"expected: hears goodbye; not within 0\.1 s"):
        phone.hears("goodbye")


def test_a_phone_that_never_called_says_so(house: House) -> None:
    with pytest.raises(AssertionError, match="has no call yet"):
        house(refusing).phone("+49171").hangs_up()


def test_the_transcript_never_holds_what_was_typed(house: House) -> None:
    guest = house(small_menu).phone("+49171").calls("+49308631").hears("enter-pin").presses("1234#").joins("acme.board")
    assert "presses 5 keys" in str(guest.transcript)
    assert "1234" not in str(guest.transcript)
    assert "1234" not in repr(guest.transcript.steps)


def test_whoever_listens_is_told_each_step_as_it_happens(house: House) -> None:
    phone = house(refusing).phone("+49171")
    told: list[str] = []
    phone.transcript.listener = lambda step: told.append(f"{step.kind} {step.text}".strip())
    phone.calls("+49308631").is_refused()
    assert told == ["calls +49308631", "hears early media", "hears goodbye", "is refused CALL_REJECTED"]
