"""Measures callcontrol: answer time, burst, callers who wait, CPU per call. ``python -m bench`` (docs/performance.md).

Ratios within one run count; absolute times belong to the machine that measured them, so every run says which it was.
What is measured is always a process of its own: the daemon as ``callcontrol serve`` starts it, or the peer beside it.
"""
