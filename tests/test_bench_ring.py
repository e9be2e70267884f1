"""The benchmark of ringing: its telephone speaks SIP, and its table tells both sides apart."""

from __future__ import annotations

from bench.ring import OURS, REFERENCE, Round, _busy, report

INVITE = (
    "INVITE sip:33@127.0.0.1:5090 SIP/2.0\r\nVia: SIP/2.0/UDP 127.0.0.1:5060;branch=z9hG4bK1\r\n"
    "From: <sip:1@127.0.0.1>;tag=a\r\nTo: <sip:33@127.0.0.1>\r\nCall-ID: c\r\nCSeq: 1 INVITE\r\nX-Other: x\r\n\r\n"
)


def test_the_telephone_says_that_it_is_busy() -> None:
    assert _busy(INVITE).decode().split("\r\n") == [
        "SIP/2.0 486 Busy Here",
        "Via: SIP/2.0/UDP 127.0.0.1:5060;branch=z9hG4bK1",
        "From: <sip:1@127.0.0.1>;tag=a",
        "To: <sip:33@127.0.0.1>;tag=desk",
        "Call-ID: c",
        "CSeq: 1 INVITE",
        "Content-Length: 0",
        "",
        "",
    ]


def test_the_table_has_the_median_of_the_rounds_and_their_range() -> None:
    rounds = [Round(OURS, [0.020, 0.030]), Round(REFERENCE, [0.002]), Round(OURS, [0.024]), Round(REFERENCE, [0.004])]
    lines = report(rounds).splitlines()
    assert lines[2].split("|")[1:4] == [" callcontrol           ", " 22.0 (20.0-24.0) ", " 27.0 (24.0-30.0) "]
    assert "3.0 (2.0-4.0)" in lines[3]
