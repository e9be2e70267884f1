"""Who is believed: the carrier about a number, a password about an extension, the caller about nothing."""

from __future__ import annotations

import pytest

from callcontrol.switch.caller import Authenticated, Caller, Origin, Summons, read_caller, read_origin, read_summons
from callcontrol.switch.framing import FrameParser, Headers
from tests.wire import frames_of, plain_block


def channel(**values: str) -> Headers:
    """Channel data; `_` in a keyword stands for `-`."""
    return Headers(plain_block([(name.replace("_", "-").encode(), value.encode()) for name, value in values.items()]))


def test_the_number_comes_as_the_carrier_sent_it() -> None:
    assert read_caller(channel(Caller_Caller_ID_Number="+493012345")) == Caller("+493012345")


@pytest.mark.parametrize("number", ["anonymous", "Anonymous", "Restricted", "unknown", "", "0000000000"])
def test_a_withheld_number_is_no_number(number: str) -> None:
    assert read_caller(channel(Caller_Caller_ID_Number=number)).number == ""


def test_a_number_the_caller_asked_to_hide_is_hidden_though_the_carrier_sent_it() -> None:
    hidden = channel(Caller_Caller_ID_Number="+493012345", Caller_Privacy_Hide_Number="true")

    assert read_caller(hidden).number == ""


def test_an_extension_that_proved_its_password_is_known() -> None:
    headers = plain_block(
        [
            (b"Caller-Caller-ID-Number", b"+4930999"),
            (b"variable_sip_authorized", b"true"),
            (b"variable_user_name", b"33"),
            (b"variable_domain_name", b"acme.example"),
        ]
    )
    assert read_caller(Headers(headers)).authenticated == Authenticated("33", "acme.example")


@pytest.mark.parametrize(
    "claim",
    [
        [(b"variable_user_name", b"33"), (b"variable_domain_name", b"acme.example")],
        [(b"variable_sip_authorized", b"false"), (b"variable_user_name", b"33")],
        [(b"variable_sip_authorized", b"true")],
        [(b"variable_sip_h_X-A", b"x%0Avariable_sip_authorized: true%0Avariable_user_name: 33")],
        [(b"Caller-Caller-ID-Name", b"x%0Avariable_sip_authorized: true"), (b"variable_user_name", b"33")],
        [(b"variable_sip_from_user", b"33"), (b"variable_sip_from_host", b"acme.example")],
    ],
    ids=["no password", "wrong password", "nobody", "forged in a header", "forged in the name", "From"],
)
def test_claims_do_not_make_an_extension(claim: list[tuple[bytes, bytes]]) -> None:
    assert read_caller(Headers(plain_block(claim))).authenticated is None


def test_a_forged_display_name_does_not_change_the_number() -> None:
    """As recorded from FreeSWITCH: the caller's `%0A` reaches us unchanged."""
    headers = Headers(
        plain_block(
            [
                (b"Caller-Caller-ID-Name", b"x%0ACaller-Caller-ID-Number: +49301"),
                (b"Caller-Caller-ID-Number", b"anonymous"),
            ]
        )
    )
    assert read_caller(headers) == Caller("")


def test_the_recorded_caller_is_read_from_the_channel_data() -> None:
    (frame,) = FrameParser().feed(frames_of("hangup-during-digits.outbound")[0])

    assert read_caller(frame.headers) == Caller("+493012345")


CALLED = {
    "Call-Direction": "outbound",
    "variable_cc_door": "dialout",
    "variable_cc_room": "acme.board",
    "variable_cc_round": "acme.board@2026-12-01T10:00+01:00",
    "variable_cc_place": "1",
    "variable_cc_try": "2",
    "variable_cc_dialled": "+491715550001",
    "variable_cc_role": "moderator",
}


def data(values: dict[str, str]) -> Headers:
    return Headers(plain_block([(name.encode(), value.encode()) for name, value in values.items()]))


def test_whom_we_called_is_known_by_what_we_gave_the_call() -> None:
    known = Summons("acme.board", "acme.board@2026-12-01T10:00+01:00", 1, 2, "+491715550001", moderator=True)
    assert read_summons(data(CALLED)) == known


@pytest.mark.parametrize(
    "forged",
    [{"Call-Direction": "inbound"}, {"Call-Direction": ""}, {"variable_cc_door": "trunk"}],
    ids=["who called", "from nowhere", "another door"],
)
def test_who_called_us_was_not_called(forged: dict[str, str]) -> None:
    assert read_summons(data(CALLED | forged)) is None


def test_headers_of_a_caller_are_no_variables_of_ours() -> None:
    headers = {f"variable_sip_h_{name}": value for name, value in CALLED.items()}
    assert read_summons(data(headers | {"Call-Direction": "outbound", "variable_cc_door": "trunk"})) is None


@pytest.mark.parametrize("number", ["", "x", "-1", "\u00b2", "9" * 5000])
def test_a_place_that_is_no_number_is_nobodys(number: str) -> None:
    summons = read_summons(data(CALLED | {"variable_cc_place": number, "variable_cc_try": number}))
    assert summons is not None
    assert (summons.place, summons.attempt) == (0, 0)


def test_a_call_tells_who_began_it_and_when_in_the_switchs_own_time() -> None:
    called = channel(
        Call_Direction="outbound",
        Caller_Channel_Created_Time="1795307075663798",
        Caller_Channel_Answered_Time="1795307079703843",
    )
    assert read_origin(called) == Origin(outbound=True, began_at=1795307075.663798, answered_at=1795307079.703843)


@pytest.mark.parametrize("time", ["0", "", "-1", "soon", "9" * 18])
def test_a_time_that_is_none_is_not_invented(time: str) -> None:
    assert read_origin(channel(Call_Direction="inbound", Caller_Channel_Answered_Time=time)).answered_at == 0.0
