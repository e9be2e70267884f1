"""Many calls at once in one process: each is served, an idle one costs nothing, and nothing is left of any."""

import resource

import gevent

from callcontrol import greenlets
from callcontrol.rehearsal import RehearsalSwitch
from tests.rehearsal_daemon import TinyDaemon, Wire, eventually

CALLS = 300
ASK = "1 6 1 60000 # /p/de/enter-pin.wav silence_stream://10 keys '' 60000"


def serve(wire: Wire) -> None:
    wire.connect("myevents json")
    wire.send(f"sendmsg\ncall-command: execute\nexecute-app-name: play_and_get_digits\nexecute-app-arg: {ASK}")
    while (frame := wire.frame(60)) is not None and b'"CHANNEL_EXECUTE_COMPLETE"' not in frame[1]:
        pass
    wire.send("sendmsg\ncall-command: execute\nexecute-app-name: conference\nexecute-app-arg: acme.board@room")
    while wire.frame(60) is not None:
        pass
    wire.close()


def cpu_seconds() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def test_three_hundred_calls_at_once() -> None:
    eventually(lambda: greenlets.count() == 0)
    daemon = TinyDaemon(serve)
    switch = RehearsalSwitch(daemon.address).start()
    phones = [switch.phone(f"+4930{n:06}", patience=30).calls("+49308631") for n in range(CALLS)]
    for phone in phones:
        phone.hears("enter-pin")
    assert switch.live_calls == CALLS
    before = cpu_seconds()
    gevent.sleep(0.5)
    assert cpu_seconds() - before < 0.1  # 300 callers at a prompt: no timers, no polls
    for phone in phones:
        phone.presses("48213#").joins("acme.board")
    assert len(switch.rooms["acme.board"].members) == CALLS
    for phone in phones:
        phone.hangs_up()
    eventually(lambda: (switch.live_calls, greenlets.count(), len(switch.rooms)) == (0, 0, 0), 10)
    switch.stop()
    daemon.stop()
