"""What a caller or a tenant file says reaches FreeSWITCH only if it means nothing to FreeSWITCH."""

from __future__ import annotations

import string

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from callcontrol.errors import UnsafeText
from callcontrol.switch.literals import number_literal, one_line, text_literal

FORBIDDEN = "$`'\"\\{}[]<>()|^;%!&?~ \t\n\r\0"


@pytest.mark.parametrize("number", ["+49308630", "33", "*5", "#", "0" * 32])
def test_a_number_passes_as_it_is(number: str) -> None:
    assert number == number_literal(number)


@pytest.mark.parametrize("text", ["", "33a", "+49 30", "33\n", "٣٣", "1" * 33, "${a}", "33@example"])
def test_what_is_no_number_is_refused(text: str) -> None:
    with pytest.raises(UnsafeText):
        number_literal(text)


@pytest.mark.parametrize("text", ["acme.board", "/usr/share/callcontrol/de/enter-pin.wav", "c0ffee-00", "a=b,c@d:1"])
def test_names_paths_and_ids_pass_as_they_are(text: str) -> None:
    assert text == text_literal(text)


@pytest.mark.parametrize("sign", FORBIDDEN)
def test_no_sign_that_freeswitch_reads_passes(sign: str) -> None:
    with pytest.raises(UnsafeText):
        text_literal(f"a{sign}b")


@given(st.text(max_size=40))
@example("board\n")
@example("Vorstandszimmer ü")
def test_whatever_passes_is_plain_ascii_of_one_line(text: str) -> None:
    try:
        passed = text_literal(text)
    except UnsafeText:
        return
    assert text == passed
    assert set(passed) <= set(string.ascii_letters + string.digits + "_./:@=,+#*-")


@pytest.mark.parametrize("text", ["", "x" * 513])
def test_a_text_has_a_length(text: str) -> None:
    with pytest.raises(UnsafeText):
        text_literal(text)


@pytest.mark.parametrize("end", ["\n", "\r", "\0", "\n\napi system reboot"])
def test_a_line_end_never_reaches_a_command(end: str) -> None:
    with pytest.raises(UnsafeText):
        one_line(f"x.wav{end}")


def test_other_text_of_one_line_passes() -> None:
    assert one_line("1 4 1 10000 # a.wav keys '' 5000") == "1 4 1 10000 # a.wav keys '' 5000"


def test_a_refusal_does_not_repeat_what_it_refused() -> None:
    with pytest.raises(UnsafeText) as refused:
        text_literal("48213 is the PIN")
    assert "48213" not in str(refused.value)
