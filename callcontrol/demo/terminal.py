"""Lines typed in a terminal while other lines come in: what is half typed steps aside and stays readable.

The terminal's own line editing cannot do that, so a small one is done here: backspace, Ctrl-U, Ctrl-D, Enter. Ctrl-C
stays a signal. The terminal is as it was when the ``with`` block has ended.
"""

from __future__ import annotations

import codecs
import contextlib
import os
import re
import termios
import tty
from enum import Enum
from typing import Final, TextIO

from gevent.queue import Queue
from gevent.socket import wait_read

from callcontrol import greenlets

_ESCAPES: Final = re.compile(r"\x1b(?:\[[0-9;?]*[@-~]|O.|.)?")  # arrow keys and their like
_ENTER, _END, _ERASE, _CLEAR = ("\r", "\n"), "\x04", ("\x7f", "\b"), "\x15"


class Note(Enum):
    """What `Terminal.ask` returns when no line was typed."""

    END = "end of input"
    WOKEN = "somebody called wake()"


class Terminal:
    """A keyboard (file descriptor of a terminal) and a screen; use it in a ``with`` statement."""

    def __init__(self, keyboard: int, screen: TextIO) -> None:
        self._keyboard = keyboard
        self._screen = screen
        self._question = ""
        self._typed = ""
        self._asking = False
        self._input: Queue[str | Note] = Queue()

    def __enter__(self) -> Terminal:
        self._before = termios.tcgetattr(self._keyboard)
        tty.setcbreak(self._keyboard, termios.TCSANOW)
        self._reader = greenlets.spawn("terminal", self._read)
        return self

    def __exit__(self, *_: object) -> None:
        self._reader.kill()
        if self._asking:
            self._write("\n")
        with contextlib.suppress(termios.error):  # the window is closed
            termios.tcsetattr(self._keyboard, termios.TCSANOW, self._before)

    def say(self, text: str) -> None:
        """Write a line above the question that waits for an answer, if one does."""
        self._write(self._blank() + text + "\n" + self._line())

    def ask(self, question: str) -> str | Note:
        """The next line that is typed, without blanks around it; a Note at the end of input or after `wake`."""
        blank = self._blank()
        self._question, self._asking = question, True
        if not self._input.empty():  # typed ahead
            self._asking = False
            answer = self._input.get()
            self._write(blank + (f"{question}{answer}\n" if isinstance(answer, str) else ""))
            return answer
        self._write(blank + self._line())
        return self._input.get()

    def wake(self) -> None:
        """End a waiting `ask`, or the next one."""
        self._input.put(Note.WOKEN)

    def discard(self) -> None:
        """Forget what is half typed: it was meant for a question that is gone."""
        blank, self._typed = self._blank(), ""
        self._write(blank + self._line())

    def _read(self) -> None:
        decoder = codecs.getincrementaldecoder("utf-8")("replace")
        while data := self._keys():
            for key in _ESCAPES.sub("", decoder.decode(data)):
                self._press(key)
        self._input.put(Note.END)

    def _keys(self) -> bytes:
        """What was pressed; nothing when the terminal is gone. It stays a blocking file: the shell shares it."""
        wait_read(self._keyboard)
        try:
            return os.read(self._keyboard, 1024)
        except OSError:
            return b""

    def _press(self, key: str) -> None:
        blank = self._blank()
        if key in _ENTER:
            self._enter()
        elif key == _END and not self._typed:
            self._input.put(Note.END)
        elif key in _ERASE or key == _CLEAR:
            self._typed = "" if key == _CLEAR else self._typed[:-1]
            self._write(blank + self._line())
        elif key.isprintable():
            self._typed += key
            self._write(key if self._asking else "")

    def _enter(self) -> None:
        self._input.put(self._typed.strip())
        self._typed = ""
        if self._asking:
            self._asking = False
            self._write("\n")

    def _line(self) -> str:
        return self._question + self._typed if self._asking else ""

    def _blank(self) -> str:
        """Takes the question and what is typed off the screen; works on every terminal."""
        line = self._line()
        return f"\r{' ' * len(line)}\r" if line else ""

    def _write(self, text: str) -> None:
        with contextlib.suppress(OSError):  # the window is closed; the end of input says so too
            self._screen.write(text)
            self._screen.flush()
