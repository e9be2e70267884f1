"""The errors that cross module borders. Expected outcomes (a wrong PIN, silence) are values, never errors.

CallControlError
├── HungUp            the caller is gone; caught in one place, callcontrol/flows/__init__.py
├── SwitchError       something about FreeSWITCH went wrong
│   ├── SwitchLost    the event socket is closed, reset or was given up
│   ├── SwitchTimeout no answer before the deadline
│   └── SwitchRefused FreeSWITCH answered -ERR
├── UnsafeText        outside text refused before it reached a FreeSWITCH argument
└── ConfigError       a file the operator wrote cannot be used; carries every problem
"""

from __future__ import annotations

from collections.abc import Sequence


class CallControlError(Exception):
    """Base of everything callcontrol raises on purpose."""


class HungUp(CallControlError):
    """The caller is gone (hung up, or the call's socket closed). Raised by every verb of a Call.

    cause: FreeSWITCH's hang-up cause such as ``NORMAL_CLEARING``, or ``""`` when none was told.
    """

    def __init__(self, cause: str = "") -> None:
        super().__init__(cause or "the caller is gone")
        self.cause = cause


class SwitchError(CallControlError):
    """Something about FreeSWITCH went wrong."""


class SwitchLost(SwitchError):
    """The event socket is closed, reset, or was given up by us."""


class SwitchTimeout(SwitchError):
    """FreeSWITCH did not answer before the deadline of the wait."""


class SwitchRefused(SwitchError):
    """FreeSWITCH answered ``-ERR``; the text is its reply."""


class UnsafeText(CallControlError):
    """Outside text that must not reach a FreeSWITCH argument or dial string."""


class ConfigError(CallControlError):
    """A file the operator wrote cannot be used. ``problems`` print as ``file:line:col: message (hint)``."""

    def __init__(self, problems: Sequence[object]) -> None:
        super().__init__("\n".join(str(problem) for problem in problems))
        self.problems = tuple(problems)
