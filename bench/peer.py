"""The peer: the same call to a room with a PIN on greenswitch's own OutboundESLServer, in the idiom of its README.

It does what every daemon has to do (the same commands in the same order) and nothing a product needs beside it: no
routing, no tenants, no limits, no log lines, no metrics, no state, no view of the rooms. Run as
``python -m bench.peer PORT PROMPTS``.
"""

from __future__ import annotations

import logging
import sys
from typing import Any

import greenswitch

PIN = "48213"
ROOM = "peer"
MAX_CONNECTIONS = 2000


class Conference:
    """One call: answer, ask for the PIN, say that the caller joins, conference."""

    prompts = ""

    def __init__(self, session: Any) -> None:
        self.session = session

    def run(self) -> None:
        """As in the README: whatever happens, the session is stopped."""
        try:
            self.handle_call()
        except Exception:
            logging.exception("exception raised when handling call")  # noqa: LOG015 - as in the README
            self.session.stop()

    def handle_call(self) -> None:
        """The conversation."""
        session = self.session
        session.myevents()
        session.call_command("multiset", "sensitive_dtmf=true socket_resume=true cc_next=again", block=True)
        session.answer()
        prompt = f"file_string://{self.prompts}/de/welcome.wav!{self.prompts}/de/enter-pin.wav"
        digits = session.play_and_get_digits(
            "1", len(PIN), "1", "10000", "+#", prompt, "silence_stream://10", "cc_keys", "''", "5000", ""
        )
        if digits != PIN:
            session.hangup()
            session.stop()
            return
        session.call_command("unset", "cc_keys", block=True)
        session.playback(f"{self.prompts}/de/joining.wav")
        leaving = "sensitive_dtmf=false socket_resume=false cc_next=end conference_permanent_wait_mod_moh=true"
        session.call_command("multiset", leaving, block=True)
        session.call_command("conference", f"{ROOM}@room")
        session.stop()


def main() -> None:
    """Listen on the port given until killed."""
    logging.basicConfig(level=logging.INFO)
    Conference.prompts = sys.argv[2]
    server = greenswitch.OutboundESLServer(
        bind_address="127.0.0.1", bind_port=int(sys.argv[1]), application=Conference, max_connections=MAX_CONNECTIONS
    )
    server.listen()


if __name__ == "__main__":
    main()
