"""The benchmark of calls out counts the right moments: no figure is checked here, only the way to it."""

from __future__ import annotations

import socket
import time
from pathlib import Path

from bench.dialout import _TENANT, ZONE, Calling, Carrier, Due, report
from callcontrol.tenants import load_folder

INVITE = (
    "INVITE sip:+4930231000001@127.0.0.1 SIP/2.0\r\nVia: SIP/2.0/UDP 127.0.0.1:5080;branch=z9hG4bK1\r\n"
    "From: <sip:a@b>;tag=1\r\nTo: <sip:+4930231000001@127.0.0.1>\r\nCall-ID: 7\r\nCSeq: 1 INVITE\r\n\r\n"
)


def test_the_carrier_notes_the_first_invite_and_refuses_so_that_nobody_calls_again() -> None:
    carrier = Carrier()
    host, _, port = carrier.address.partition(":")
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as switch:
        switch.settimeout(5)
        before = time.time()
        switch.sendto(INVITE.encode(), (host, int(port)))
        answer = switch.recv(65535).decode()
        first = carrier.called["+4930231000001"]
        switch.sendto(INVITE.encode(), (host, int(port)))
        switch.recv(65535)
    assert answer.startswith("SIP/2.0 404 Not Found\r\nVia: ")
    assert "\r\nTo: <sip:+4930231000001@127.0.0.1>;tag=" in answer
    assert before <= first <= time.time()
    assert carrier.called == {"+4930231000001": first}


def test_the_tenants_it_writes_are_sound(tmp_path: Path) -> None:
    schedule = 'schedule: {start: "2026-12-01 10:00", dial_out: true}'
    for name, more in (("due", schedule), ("asked", "")):
        text = _TENANT.format(name=name, zone=ZONE, number="+4930231000001", schedule=more)
        (tmp_path / f"{name}.yaml").write_text(text)
    tenants, problems = load_folder(tmp_path, {})
    assert problems == []
    assert set(tenants.by_id) == {"due", "asked"}


def test_its_table_tells_first_middle_and_last_in_milliseconds() -> None:
    told = report(Calling([Due(3, [0.030, 0.010, 0.020])], [0.005]))
    cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in told.splitlines()[2:]]
    assert cells == [["schedule, 3 due in that second", "3", "10", "20", "30"], ["command", "1", "5", "5", "5"]]
