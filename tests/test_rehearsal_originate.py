"""Calling out of the rehearsal switch: what `originate` says, and what happens to the channels it makes."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from callcontrol.rehearsal import RehearsalSwitch
from callcontrol.rehearsal.originate import USAGE
from tests.patience import PATIENCE, until
from tests.rehearsal_daemon import TinyDaemon, Wire, dial_link

ANN, BEN = "+491715550001", "+491715550002"
GATE = "sofia/gateway/carrier/"
NET = "back XML callcontrol"


@pytest.fixture
def daemon() -> Iterator[TinyDaemon]:
    daemon = TinyDaemon()
    yield daemon
    daemon.stop()


@pytest.fixture
def switch(daemon: TinyDaemon) -> Iterator[RehearsalSwitch]:
    switch = RehearsalSwitch(daemon.address, gateways=["carrier"]).start()
    yield switch
    switch.stop()


@pytest.fixture
def link(switch: RehearsalSwitch) -> Wire:
    link = dial_link(switch.link_address)
    link.ask("event plain ALL")
    return link


def begin(link: Wire, dial: str, job: str = "job-1", target: str = NET) -> None:
    """Call out in the background."""
    assert link.ask(f"bgapi originate {dial} {target}\nJob-UUID: {job}") == f"+OK Job-UUID: {job}"


def outcome(link: Wire, job: str = "job-1") -> str:
    """What became of it."""
    return str(link.event("BACKGROUND_JOB", Job_UUID=job)["_body"])


def call(link: Wire, dial: str, target: str = NET) -> str:
    """Call out and wait for the outcome."""
    begin(link, dial, target=target)
    return outcome(link)


# -- nobody is reached -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("reaction", "cause"),
    [
        ("busy", "USER_BUSY"),
        ("rejects", "CALL_REJECTED"),
        ("rings_out", "NO_ANSWER"),
        ("is_unreachable", "NO_USER_RESPONSE"),
    ],
)
def test_the_outcome_says_why_nobody_was_reached(
    switch: RehearsalSwitch, link: Wire, reaction: str, cause: str
) -> None:
    getattr(switch.telephone(ANN), reaction)()
    assert call(link, f"{{origination_uuid=leg-1,cc_try=1}}{GATE}{ANN}") == f"-ERR {cause}\n"
    assert not switch.live_calls


@pytest.mark.parametrize(
    ("dial", "cause"),
    [
        (f"{GATE}{BEN}", "UNALLOCATED_NUMBER"),
        (f"sofia/gateway/nosuch/{ANN}", "INVALID_GATEWAY"),
        ("sofia/nosuch/sip:33@127.0.0.1", "INVALID_PROFILE"),
        ("sofia/extensions/33", "USER_NOT_REGISTERED"),
        ("sofia/gateway/carrier", "INVALID_URL"),
        ("sofia/trunk", "INVALID_URL"),
        ("sofia/extensions/sip:33@127.0.0.1:9", "NORMAL_TEMPORARY_FAILURE"),
        ("error/user_busy", "USER_BUSY"),
        ("user/33@acme.example", "SUBSCRIBER_ABSENT"),
        ("nosuch/33", "CHAN_NOT_IMPLEMENTED"),
        (f"{{a=b{GATE}{ANN}", "DESTINATION_OUT_OF_ORDER"),
        ("{a=b}", "DESTINATION_OUT_OF_ORDER"),
    ],
)
def test_an_endpoint_that_leads_nowhere_has_its_cause(link: Wire, dial: str, cause: str) -> None:
    assert call(link, dial) == f"-ERR {cause}\n"


def test_a_command_without_a_destination_is_told_its_usage(link: Wire) -> None:
    assert link.ask("api originate") == link.ask(f"api originate {GATE}{ANN}") == USAGE
    assert link.ask("api originate a b XML c d e 1 too-much") == USAGE


@pytest.mark.parametrize(
    ("reason", "cause"),
    [("", "NORMAL_CLEARING"), (" ORIGINATOR_CANCEL", "ORIGINATOR_CANCEL"), (" CALL_REJECTED", "CALL_REJECTED")],
)
def test_killing_a_ringing_call_ends_the_command_with_the_cause_given(
    switch: RehearsalSwitch, link: Wire, reason: str, cause: str
) -> None:
    ann = switch.telephone(ANN).rings_on()
    begin(link, f"{{origination_uuid=leg-1}}{GATE}{ANN}")
    ann.is_called()
    assert link.ask("api uuid_exists leg-1") == "true"
    assert link.ask(f"api uuid_kill leg-1{reason}") == "+OK\n"
    assert outcome(link) == f"-ERR {cause}\n"
    ann.stops_ringing(cause)
    assert link.ask("api uuid_exists leg-1") == "false"


def test_nobody_rings_longer_than_the_time_limit(switch: RehearsalSwitch, link: Wire) -> None:
    ann = switch.telephone(ANN).rings_on()
    assert call(link, f"{{originate_timeout=1}}{GATE}{ANN}") == "-ERR NO_ANSWER\n"
    ann.is_called().stops_ringing("NO_ANSWER")


def test_waiting_for_somebody_who_never_picks_up_costs_no_time(switch: RehearsalSwitch, link: Wire) -> None:
    ann = switch.telephone(ANN).rings_out()
    assert call(link, f"{{originate_timeout={10 * PATIENCE:.0f}}}{GATE}{ANN}") == "-ERR NO_ANSWER\n"
    ann.is_called().stops_ringing("NO_ANSWER")


# -- several telephones ------------------------------------------------------------------------------------------------


def test_the_first_to_answer_wins_and_the_others_stop_ringing(switch: RehearsalSwitch, link: Wire) -> None:
    slow, quick = switch.telephone(ANN).rings_on(), switch.telephone(BEN, answers_after=0.05)
    dial = f"[origination_uuid=leg-1]{GATE}{ANN},[origination_uuid=leg-2]{GATE}{BEN}"
    assert call(link, dial, "&park") == "+OK leg-2\n"
    slow.is_called().stops_ringing("LOSE_RACE")
    assert quick.is_called().is_answered().session.channel.uuid == "leg-2"
    lost = link.event("CHANNEL_HANGUP_COMPLETE", Unique_ID="leg-1")
    assert lost["Hangup-Cause"] == "LOSE_RACE"
    assert lost["variable_group_dial_status"] == "loser"


def test_when_all_fail_the_first_leg_gives_the_cause(switch: RehearsalSwitch, link: Wire) -> None:
    switch.telephone(ANN).busy()
    assert call(link, f"[a=1]{GATE}{ANN},[a=2]{GATE}{BEN}") == "-ERR USER_BUSY\n"
    assert call(link, f"[a=1]{GATE}{BEN},[a=2]{GATE}{ANN}") == "-ERR UNALLOCATED_NUMBER\n"
    assert call(link, f"sofia/gateway/nosuch/{ANN},{GATE}{ANN}") == "-ERR USER_BUSY\n"


def test_one_busy_telephone_does_not_hide_that_the_other_rang_out(switch: RehearsalSwitch, link: Wire) -> None:
    switch.telephone(ANN).busy()
    switch.telephone(BEN).rings_out()
    assert call(link, f"{GATE}{ANN},{GATE}{BEN}") == "-ERR NO_ANSWER\n"


def test_the_next_group_rings_when_the_first_has_failed(switch: RehearsalSwitch, link: Wire) -> None:
    switch.telephone(ANN).busy()
    switch.telephone(BEN)
    assert call(link, f"{{origination_uuid=leg-1}}{GATE}{ANN}|{GATE}{BEN}", "&park").startswith("+OK ")


def test_a_uuid_can_be_used_once_at_a_time(switch: RehearsalSwitch, link: Wire) -> None:
    switch.telephone(ANN)
    switch.telephone(BEN)
    assert call(link, f"{{origination_uuid=leg-1}}{GATE}{ANN}", "&park") == "+OK leg-1\n"
    assert call(link, f"{{origination_uuid=leg-1}}{GATE}{BEN}", "&park") == "-ERR DESTINATION_OUT_OF_ORDER\n"


def test_a_telephone_that_has_a_call_is_busy(switch: RehearsalSwitch, link: Wire) -> None:
    ann = switch.telephone(ANN)
    assert call(link, f"{GATE}{ANN}", "&park").startswith("+OK ")
    assert call(link, f"{GATE}{ANN}", "&park") == "-ERR USER_BUSY\n"
    ann.is_answered().hangs_up()
    until(lambda: not switch.live_calls)
    assert call(link, f"{GATE}{ANN}", "&park").startswith("+OK ")


# -- somebody answers --------------------------------------------------------------------------------------------------

FULL = (
    "{origination_uuid=leg-1,cc_door=dialout,cc_dialled=+491715550001,cc_round=r1,cc_language=de,socket_resume=true,"
    "sensitive_dtmf=true,ignore_early_media=true,originate_timeout=35,origination_caller_id_number=+4930863,"
    "origination_caller_id_name=acme}"
)


def test_whoever_answers_is_handed_to_a_daemon(switch: RehearsalSwitch, daemon: TinyDaemon, link: Wire) -> None:
    ann = switch.telephone(ANN)
    assert call(link, f"{FULL}{GATE}{ANN}") == "+OK leg-1\n"
    wire = daemon.call()
    data = wire.connect()
    assert data["Unique-ID"] == "leg-1"
    assert data["variable_cc_door"] == "dialout"
    assert data["variable_cc_dialled"] == ANN
    assert data["variable_cc_next"] == "again"
    assert data["variable_sensitive_dtmf"] == "true"
    assert data["Answer-State"] == "answered"
    ann.is_called("+4930863").is_answered()
    wire.execute("playback", "/prompts/de/dialout-call.wav")
    ann.hears("dialout-call", language="de").hangs_up()
    assert link.event("CHANNEL_HANGUP_COMPLETE", Unique_ID="leg-1")["Hangup-Cause"] == "NORMAL_CLEARING"


def test_the_callee_becomes_the_caller_in_the_dialplan(switch: RehearsalSwitch, daemon: TinyDaemon, link: Wire) -> None:
    """As a member of a room and in events the called number is who it is; the caller id shown to it is kept."""
    switch.telephone(ANN)
    call(link, f"{FULL}{GATE}{ANN}")
    data = daemon.call().connect()
    assert data["Call-Direction"] == data["Caller-Direction"] == "outbound"
    assert (data["Caller-Caller-ID-Name"], data["Caller-Caller-ID-Number"]) == ("Outbound Call", ANN)
    assert (data["Caller-Callee-ID-Name"], data["Caller-Callee-ID-Number"]) == ("acme", "+4930863")
    assert data["Caller-Orig-Caller-ID-Number"] == data["Caller-ANI"] == "+4930863"
    assert (data["Caller-Destination-Number"], data["Caller-RDNIS"]) == ("back", ANN)
    assert data["variable_pre_transfer_caller_id_number"] == "+4930863"
    assert data["variable_channel_cid_flipped"] == "yes"


def test_a_daemon_that_is_not_there_leaves_the_callee_in_the_music_of_the_net(
    switch: RehearsalSwitch, daemon: TinyDaemon, link: Wire
) -> None:
    ann = switch.telephone(ANN)
    daemon.server.stop()
    assert call(link, f"{FULL}{GATE}{ANN}") == "+OK leg-1\n"
    ann.hears_music().hangs_up()


def test_an_application_can_take_the_call_instead(switch: RehearsalSwitch, link: Wire) -> None:
    ann = switch.telephone(ANN)
    assert call(link, f"{FULL}{GATE}{ANN}", "&conference(acme.aside@room+flags{moderator})") == "+OK leg-1\n"
    ann.joins("acme.aside", moderator=True)
    assert link.event("CUSTOM", Action="add-member")["Caller-Caller-ID-Number"] == ANN
    assert f";Outbound Call;{ANN};" in link.ask("api conference acme.aside list")


def test_a_call_ends_with_its_application(switch: RehearsalSwitch, link: Wire) -> None:
    ann = switch.telephone(ANN)
    assert call(link, f"{GATE}{ANN}", "&sleep(1)").startswith("+OK ")
    ann.is_answered().is_hung_up("NORMAL_CLEARING")


def test_applications_can_stand_in_the_command(switch: RehearsalSwitch, link: Wire) -> None:
    ann = switch.telephone(ANN)
    assert call(link, f"{GATE}{ANN}", "playback:/prompts/de/welcome.wav,hangup:USER_BUSY inline").startswith("+OK ")
    ann.hears("welcome").is_hung_up("USER_BUSY")


def test_an_extension_nobody_wrote_ends_the_call(switch: RehearsalSwitch, link: Wire) -> None:
    ann = switch.telephone(ANN)
    assert call(link, f"{GATE}{ANN}", "back XML default").startswith("+OK ")
    ann.is_answered().is_hung_up("NO_ROUTE_DESTINATION")


def test_a_voice_before_the_answer_counts_unless_it_is_ignored(switch: RehearsalSwitch, link: Wire) -> None:
    switch.telephone(ANN).announces()
    assert call(link, f"{{origination_uuid=leg-1}}{GATE}{ANN}", "&park") == "+OK leg-1\n"
    assert link.ask("api uuid_kill leg-1") == "+OK\n"
    ignoring = f"{{originate_timeout=1,ignore_early_media=true}}{GATE}{ANN}"
    assert call(link, ignoring, "&park") == "-ERR NO_ANSWER\n"


def test_the_variables_of_all_legs_win_over_those_of_one(switch: RehearsalSwitch, link: Wire) -> None:
    switch.telephone(ANN)
    dial = rf"{{origination_uuid=leg-1,cc_a=${{x}},cc_b='a b',cc_c=a\,b}}[cc_b=2,cc_e=1]{GATE}{ANN}"
    assert call(link, dial, "&park") == "+OK leg-1\n"
    found = {name: link.ask(f"api uuid_getvar leg-1 cc_{name}") for name in "abce"}
    assert found == {"a": "_undef_", "b": "a b", "c": "a,b", "e": "1"}


@pytest.mark.parametrize(
    ("given", "value"),
    [
        (r"{a=b\,c}", "b,c"),
        ("{a='b,c'}", "b"),
        ("{^^:a=b,c:d=e}", "b,c"),
        ("{a=b=c}", "b=c"),
        ("{a={b}}", "{b}"),
        ("{a=1}{a=2}", "2"),
        ("[a='b,c']", "b"),
        ("[^^:a=b,c:d=e]", "b,c"),
        (r"[a=b\,c]", "b,c"),
        ("[a=1][a=2]", "2"),
    ],
)
def test_a_variable_arrives_as_freeswitch_passes_it_on(
    switch: RehearsalSwitch, link: Wire, given: str, value: str
) -> None:
    """Each was tried on a running FreeSWITCH. Quotes are used up where the command is cut into words."""
    switch.telephone(ANN)
    own = "[origination_uuid=leg-1]" if given.startswith("[") else "{origination_uuid=leg-1}"
    dial = f"{own}{given}{GATE}{ANN}" if given.startswith("[") else f"{given}{own}{GATE}{ANN}"
    assert call(link, dial, "&park") == "+OK leg-1\n"
    assert link.ask("api uuid_getvar leg-1 a") == value


def test_the_caller_id_may_stand_at_the_end_of_the_command(switch: RehearsalSwitch, link: Wire) -> None:
    ann = switch.telephone(ANN)
    assert call(link, f"{GATE}{ANN}", "&park XML default Acme +4930863 1").startswith("+OK ")
    ann.is_called("+4930863")


def test_the_channel_tells_its_life_in_events(switch: RehearsalSwitch, link: Wire) -> None:
    """As a FreeSWITCH told it whose call a SIP phone took, but for codecs."""
    ann = switch.telephone(ANN)
    begin(link, f"{{origination_uuid=leg-1}}{GATE}{ANN}", target="&park")
    told = []
    for name in ("CHANNEL_OUTGOING", "CHANNEL_ANSWER", "CHANNEL_EXECUTE"):
        while not told or told[-1][0] != name:
            event = link.event(Unique_ID="leg-1")
            told.append((event["Event-Name"], event["Channel-State"], event["Channel-State-Number"]))
    assert told == [
        ("CHANNEL_OUTGOING", "CS_NONE", "1"),
        ("CHANNEL_STATE", "CS_INIT", "1"),
        ("CHANNEL_CREATE", "CS_INIT", "2"),
        ("CHANNEL_ORIGINATE", "CS_INIT", "2"),
        ("CHANNEL_STATE", "CS_ROUTING", "2"),
        ("CHANNEL_STATE", "CS_CONSUME_MEDIA", "7"),
        ("CHANNEL_PROGRESS", "CS_CONSUME_MEDIA", "7"),
        ("CHANNEL_CALLSTATE", "CS_CONSUME_MEDIA", "7"),
        ("CHANNEL_ANSWER", "CS_CONSUME_MEDIA", "7"),
        ("CHANNEL_CALLSTATE", "CS_CONSUME_MEDIA", "7"),
        ("CALL_UPDATE", "CS_CONSUME_MEDIA", "7"),
        ("CHANNEL_STATE", "CS_EXECUTE", "4"),
        ("CHANNEL_EXECUTE", "CS_EXECUTE", "4"),
    ]
    ann.hangs_up()


def test_channels_that_ring_are_listed_before_anybody_answers(switch: RehearsalSwitch, link: Wire) -> None:
    ann = switch.telephone(ANN).rings_on()
    begin(link, f"{FULL}{GATE}{ANN}")
    ann.is_called()
    rows = link.ask("api show channels as json")
    assert '"direction":"outbound"' in rows
    assert '"callstate":"RINGING"' in rows
    assert f'"dest":"{ANN}"' in rows
    ann.answers_now()
    assert outcome(link) == "+OK leg-1\n"
