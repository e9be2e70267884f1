"""A switch that plays FreeSWITCH for the daemon, and scripted phones: for `try`, tests and load.

It speaks the event socket byte for byte like FreeSWITCH 1.10.12, shares no code with callcontrol/switch (it is the
other end of the wire), and moves no media: a prompt is a step in a transcript.
"""

from callcontrol.rehearsal.bus import Prompts
from callcontrol.rehearsal.phone import Phone
from callcontrol.rehearsal.switch import RehearsalSwitch
from callcontrol.rehearsal.telephone import Telephone
from callcontrol.rehearsal.transcript import Kind, Step, Transcript
from callcontrol.rehearsal.wire import Fault, FaultKind

__all__ = ["Fault", "FaultKind", "Kind", "Phone", "Prompts", "RehearsalSwitch", "Step", "Telephone", "Transcript"]
