"""Many calls at once in one process: each is served, an idle one costs nothing, and nothing is left of any."""

import gevent

from callcontrol import greenlets
from callcontrol.rehearsal import RehearsalSwitch
from tests.patience import until
from tests.rehearsal_daemon import TinyDaemon, Wire

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


def nothing_happens() -> bool:
    """Whether the loop has next to nothing to do for half a second."""
    loop = gevent.get_hub().loop
    before = loop.iteration
    gevent.sleep(0.5)
    return int(loop.iteration - before) < 10


def test_three_hundred_calls_at_once() -> None:
    until(lambda: greenlets.count() == 0)
    daemon = TinyDaemon(serve)
    switch = RehearsalSwitch(daemon.address).start()
    phones = [switch.phone(f"+4930{n:06}").calls("+49308631") for n in range(CALLS)]
    for phone in phones:
        phone.hears("enter-pin")
    assert switch.live_calls == CALLS
    until(nothing_happens)  # 300 callers at a prompt: no timers, no polls
    for phone in phones:
        phone.presses("48213#").joins("acme.board")
    assert len(switch.rooms["acme.board"].members) == CALLS
    for phone in phones:
        phone.hangs_up()
    until(lambda: (switch.live_calls, greenlets.count(), len(switch.rooms)) == (0, 0, 0))
    switch.stop()
    daemon.stop()
