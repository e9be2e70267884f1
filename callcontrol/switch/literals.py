"""The gates between outside text and a FreeSWITCH argument; nothing else may build arguments from variables.

FreeSWITCH expands ``${...}`` in every application argument and runs API commands found there, and a line break starts
a new command on the event socket. So text is not escaped here: what is not plainly harmless is refused.

``number_literal`` and ``text_literal`` judge one value, ``assignments`` many variables; ``one_line`` is the last gate,
which every command passes.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from callcontrol.errors import UnsafeText

_NUMBER = re.compile(r"[0-9*#+]{1,32}", re.ASCII)
# No $ ` ' " \ { } [ ] < > ( ) | ^ ; % ! or white space: each means something to FreeSWITCH in some argument
# (switch_utils.c switch_separate_string, switch_channel.c expand_variables, switch_ivr_originate.c).
_TEXT = re.compile(r"[A-Za-z0-9_./:@=,+#*-]{1,512}", re.ASCII)
_LINE_END = re.compile("[\n\r\0]")


def number_literal(text: str) -> str:
    """``text`` if it is 1 to 32 of ``0-9 * # +``; UnsafeText otherwise."""
    if not _NUMBER.fullmatch(text):
        raise UnsafeText("not a number that may be sent to the switch")
    return text


def text_literal(text: str) -> str:
    """``text`` if it is 1 to 512 harmless ASCII characters (names, paths, uuids); UnsafeText otherwise."""
    if not _TEXT.fullmatch(text):
        raise UnsafeText("not a text that may be sent to the switch")
    return text


def assignments(variables: Mapping[str, str]) -> str:
    """``name=value;...`` for ``uuid_setvar_multi``; UnsafeText if one is not harmless."""
    return ";".join(f"{text_literal(name)}={text_literal(value)}" for name, value in variables.items())


def one_line(text: str) -> str:
    """``text`` if it has no LF, CR or NUL, so that it stays one header of one command; UnsafeText otherwise."""
    if _LINE_END.search(text):
        raise UnsafeText("a line break in a command to the switch")
    return text
