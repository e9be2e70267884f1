"""Which conference rooms there are, and the application that lets a call into one."""

from __future__ import annotations

from callcontrol.rehearsal.member import Invitation, Member, member_id
from callcontrol.rehearsal.rooms import Room
from callcontrol.rehearsal.session import Session


class Rooms:
    """The conferences of one switch, ``by_name``."""

    def __init__(self) -> None:
        self.by_name: dict[str, Room] = {}

    def join(self, session: Session, argument: str) -> None:
        """The application `conference`: in, until the caller leaves, is sent away or hangs up."""
        invitation = Invitation.parse(argument)
        extra = session.variable("conference_member_flags")
        flags = invitation.flags | (frozenset(extra.replace(",", "|").split("|")) - {""})
        room = self.by_name.get(invitation.name)
        if room is None or room.ended:
            room = Room(session.hub, self.by_name, Invitation(invitation.name, invitation.profile, flags))
        session.answer()
        if session.channel.down or (room.locked and "moderator" not in flags) or _full(session, room, flags):
            if not room.members:
                room.forget()
            return
        member = Member(member_id(session), room.next_place(), session, flags, room.played_to)
        session.channel.codec = ("L16", "8000", "128000")
        room.enter(member)
        _stay(member)
        session.channel.codec = ("PCMA", "8000", "64000")
        for name, value in (("read_codec", "PCMA"), ("read_rate", "8000")):
            session.channel.variables.set(name, value)
        room.leave(member)
        if member.ended and session.variable("hangup_after_conference") != "false":
            session.hangup()


def _stay(member: Member) -> None:
    session = member.session
    while session.ready() and not member.leaving:
        session.run_queued()
        while session.has_key():
            session.take_key()
        if session.ready() and not member.leaving:
            session.wait()


def _full(session: Session, room: Room, flags: frozenset[str]) -> bool:
    text = session.variable("conference_max_members")
    return text.isdigit() and int(text) > 1 and room.size >= int(text) and "ghost" not in flags
