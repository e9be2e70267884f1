"""Fixtures for tests on a real FreeSWITCH: the switch, and phones that are always hung up in the end."""

from __future__ import annotations

import os
import secrets
import socket
from collections.abc import Callable, Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

import pytest

from callcontrol.freeswitch import FreeSwitchProcess, find_freeswitch

if TYPE_CHECKING:  # they import this module
    from tests.switch.bureau import Bureau
    from tests.switch.demo import Demo
    from tests.switch.theatre import Theatre

MISSING = [name for name in ("pjsua2", "numpy") if find_spec(name) is None]
if MISSING:
    collect_ignore_glob = ["test_*.py"]
else:
    from tests.switch.attention import Ears
    from tests.switch.event_socket import EventSocket
    from tests.switch.hearing import Music, Prompts
    from tests.switch.phones import Phone, Switch
    from tests.switch.spoken_numbers import Numbers

REPOSITORY = Path(__file__).parents[2]
PROMPTS = REPOSITORY / "prompts"
# Hz; each phone's own voice: quarter tones, two semitones apart, so that neither another phone nor a note of the
# music is ever mistaken for it.
VOICES = tuple(round(440 * 2 ** ((semitone + 0.5) / 12)) for semitone in range(5, 37, 2))

Phones: TypeAlias = "Callable[..., Phone]"


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say why nothing here was tried."""
    if MISSING:
        needed = "pip install -r requirements-switch.txt"
        terminalreporter.write_line(f"tests/switch was left out: no {' and no '.join(MISSING)} ({needed})")


def free_ports(count: int) -> list[int]:
    """TCP and UDP ports of 127.0.0.1 nobody holds at this moment."""
    ports: list[int] = []
    while len(ports) < count:
        with (
            socket.socket(socket.AF_INET, socket.SOCK_STREAM) as tcp,
            socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp,
        ):
            tcp.bind(("127.0.0.1", 0))
            try:
                udp.bind(tcp.getsockname())
            except OSError:
                continue
            if (port := int(tcp.getsockname()[1])) not in ports:
                ports.append(port)
    return ports


@pytest.fixture(scope="session")
def freeswitch_binary() -> Path:
    """The FreeSWITCH to test with; without one, everything that needs it is skipped."""
    binary = find_freeswitch(os.environ)
    if binary is None:
        pytest.skip("no FreeSWITCH: set FREESWITCH to its binary, or put it on PATH")
    return binary


@pytest.fixture(scope="session")
def ears() -> Ears:
    """All prompts of all languages, and the music on hold."""
    return Ears(Prompts.of_folder(PROMPTS), Music.of_folder(PROMPTS / "music"), Numbers.of_folder(PROMPTS))


@pytest.fixture(scope="session")
def laboratory(freeswitch_binary: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Switch]:
    """A FreeSWITCH with ``laboratory/freeswitch.xml``, for the phones' own tests; callcontrol has no part in it."""
    trunk, extensions, events = free_ports(3)
    password = secrets.token_hex(16)
    folder = Path(__file__).with_name("laboratory")
    process = FreeSwitchProcess(
        freeswitch_binary,
        run_folder=tmp_path_factory.mktemp("laboratory"),
        conf=folder,
        dialplan=folder,
        prompts=PROMPTS,
        directory=folder,
        trunk_port=trunk,
        extension_port=extensions,
        esl_port=events,
        esl_password=password,
        daemons="127.0.0.1:9",
        rtp_ports=(33000, 34998),
    )
    process.start()
    try:
        process.wait_ready(30.0)
        event_socket = EventSocket("127.0.0.1", events, password)
        yield Switch(f"127.0.0.1:{trunk}", f"127.0.0.1:{extensions}", event_socket)
        event_socket.close()
    finally:
        process.stop(5.0)


@pytest.fixture(scope="session")
def theatre_demo(freeswitch_binary: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Demo]:
    """One demo with ``tenants/`` for all tests of moderated rooms; who kills a part of it waits until it is back."""
    from tests.switch.demo import Demo

    running = Demo(freeswitch_binary, Path(__file__).with_name("tenants"), tmp_path_factory.mktemp("theatre") / "state")
    try:
        yield running
    finally:
        assert running.close() == 0


@pytest.fixture
def theatre(theatre_demo: Demo, make_phones: Callable[[Switch], Phones]) -> Theatre:
    """Guests and hosts for one test."""
    from tests.switch.theatre import Theatre

    return Theatre(theatre_demo, make_phones)


@pytest.fixture(scope="session")
def bureau_parts(freeswitch_binary: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Any, ...]]:
    """One demo that calls out, its carrier and its tenants, for all tests of dial-out."""
    from tests.switch.bureau import bureau_of

    with bureau_of(freeswitch_binary, tmp_path_factory.mktemp("bureau")) as parts:
        yield parts


@pytest.fixture
def bureau(bureau_parts: tuple[Any, ...], make_phones: Callable[[Switch], Phones]) -> Bureau:
    """Callers and callees for one test; nobody has been called yet."""
    from tests.switch.bureau import Bureau

    demo, carrier, tenants = bureau_parts
    carrier.numbers.clear()
    carrier.attempts.clear()
    return Bureau(demo, make_phones, carrier, tenants)


@pytest.fixture
def make_phones(ears: Ears, tmp_path: Path) -> Iterator[Callable[[Switch], Phones]]:
    """``make_phones(switch)`` gives a factory of phones on that switch; all are closed when the test ends, in any way.

    ``phones("Ann")`` is then a phone that is called Ann in the dialogue; at most len(VOICES) in one test.
    """
    made: list[Phone] = []

    def on(switch: Switch) -> Phones:
        def phone(name: str = "") -> Phone:
            count = len(made)
            called = name or f"phone {count + 1}"
            made.append(Phone(called, VOICES[count], switch, ears, tmp_path / f"phone-{count + 1}"))
            return made[-1]

        return phone

    yield on
    for phone in made:
        phone.close()
