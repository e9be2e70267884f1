"""The API command `originate`: mod_commands.c:5080 ``originate_function``. How it rings is told in dial.py."""

from __future__ import annotations

from callcontrol.rehearsal.arguments import number, split
from callcontrol.rehearsal.dial import Dial
from callcontrol.rehearsal.outgoing import into_application, into_extension

USAGE = (
    "-USAGE: <call url> <exten>|&<application_name>(<app_args>) [<dialplan>] [<context>] [<cid_name>] [<cid_num>]"
    " [<timeout_sec>]\n"
)
SECONDS = 60


class Originate:
    """The command; it returns when somebody has answered or nobody will."""

    def __init__(self, dial: Dial) -> None:
        self._dial = dial

    def __call__(self, text: str) -> str:
        words = split(text, 10)
        if not 2 <= len(words) <= 7:
            return USAGE
        dial, exten, plan, context, name, caller, limit = (*words, *[""] * (7 - len(words)))
        shown = {"origination_caller_id_name": name, "origination_caller_id_number": caller}
        winner = self._dial(dial, {key: value for key, value in shown.items() if value}, number(limit) or SECONDS)
        if isinstance(winner, str):
            return f"-ERR {winner}\n"
        if exten.startswith("&") and len(exten) > 1:
            winner.begin(into_application(winner, exten[1:]))
        else:
            winner.begin(into_extension(winner, exten, plan or "XML", context or "default"))
        return f"+OK {winner.channel.uuid}\n"
