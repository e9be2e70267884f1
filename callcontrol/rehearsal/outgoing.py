"""A call that FreeSWITCH places, from INVITE to its extension or application: what the thread of a leg runs."""

from __future__ import annotations

import time
from collections.abc import Callable

from callcontrol.rehearsal import dialplan
from callcontrol.rehearsal.arguments import split
from callcontrol.rehearsal.exchange import Reaction, Route
from callcontrol.rehearsal.life import depart
from callcontrol.rehearsal.media import play
from callcontrol.rehearsal.session import Session


def course(route: Route) -> Callable[[Session], None]:
    """What a leg does that leads there."""

    def run(session: Session) -> None:
        depart(session)
        _called(session, route)
        while not session.channel.down and session.course is None and not session.transfer_to:
            session.wait()
        if session.course is not None and not session.channel.down:
            session.course()
        dialplan.follow(session)
        session.hangup()

    return run


def _called(session: Session, route: Route) -> None:
    """Let the telephone do what it was told to."""
    reaction = route.callee.is_rung(session) if route.callee else route.nobody
    session.hopeless = reaction.hopeless
    if reaction.announces:
        session.pre_answer()
    elif reaction.rings:
        session.ring()
    _let_ring(session, reaction)
    if session.channel.down or reaction.endless:
        return
    if reaction.cause:
        session.hangup(reaction.cause, by_phone=True)
        return
    session.answer()
    if session.confirms:
        _ask_key(session)


def _ask_key(session: Session) -> None:
    """Whoever answered must press a key, or an application decides (switch_ivr_originate.c:186 ``collect_thread_run``).

    ``exec``: ``group_confirm_file`` is an application and its argument, and whoever is on the line after it is the one
    who answered. Otherwise it is a file that is played until the key is pressed.
    """
    if session.confirms.lower() == "exec":
        application, _, argument = session.variable("group_confirm_file").partition(" ")
        session.execute(application, argument)
        session.confirms = ""
        session.wake()
        return
    while not session.channel.down and session.confirms:
        play(session, session.variable("group_confirm_file"), eager=True)
        session.answer_question()
        if session.silent and not session.keys:
            session.hopeless = True
            session.wake()
        while session.confirms and not session.channel.down and not session.has_key():
            session.wait()
        if session.has_key() and session.take_key() == session.confirms:
            session.confirms = ""
            session.wake()


def _let_ring(session: Session, reaction: Reaction) -> None:
    until = time.monotonic() + (float("inf") if reaction.endless else reaction.after)
    while not session.channel.down and not session.course and (left := until - time.monotonic()) > 0:
        session.wait(None if left == float("inf") else left)


def into_extension(session: Session, extension: str, plan: str, context: str) -> Callable[[], None]:
    """The course of a call transferred to ``EXTEN [DIALPLAN [CONTEXT]]``."""

    def go() -> None:
        if plan.lower() == "inline":
            session.set_state("CS_ROUTING")
            session.enter_dialplan()
            for action in split(extension, 128, ","):
                app, _, argument = action.partition(":")
                session.execute(app, argument)
        elif context == dialplan.CONTEXT and plan.upper() == "XML":
            session.transfer(extension)
        else:
            session.hangup("NO_ROUTE_DESTINATION")

    return go


def into_application(session: Session, text: str) -> Callable[[], None]:
    """The course of a call given to ``&APP(ARGUMENTS)`` (mod_commands.c:5145)."""
    app, _, argument = text.partition(")")[0].partition("(")

    def go() -> None:
        session.enter_dialplan()
        session.set_state("CS_EXECUTE")
        session.channel.running = "CS_EXECUTE"
        session.fire("CHANNEL_STATE")
        session.execute(app, argument)

    return go
