"""Calls out on a real FreeSWITCH: a carrier takes them, real telephones answer, each is called as often as is fair."""

from __future__ import annotations

import time
from datetime import datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest

from tests.sip_carrier import BUSY, DECLINES, UNKNOWN, Answers, Rings
from tests.switch.bureau import Bureau
from tests.switch.theatre import all_hear_all

pytestmark = [pytest.mark.freeswitch, pytest.mark.timeout(180)]

JURY, PANEL, SENATE, CABINET = (f"+493023130{n:03}" for n in (1, 2, 3, 4))
ANN = "+4930231310101"
ANNA, MAILBOX, CLAUDE = "+4930231310201", "+4930231310202", "+4930231310203"
DORA, BERT = "+4930231310301", "+4930231310302"
EVA, FINN, BUSY_ONE = "+4930231310401", "+4930231310402", "+4930231310403"
CLARA = ("33", "w8Kd-xm4R-bureau")
WHO_AND_WHERE = ("dialout-call", "dialout-number", "dialout-room", "dialout-accept")

BOARD, MODERATOR_DIALS = "clock.board", "+493023130901"
YES, SILENT, ENGAGED, RINGS_OUT, NOBODY = (f"+49302313109{n:02}" for n in range(1, 6))
CLOCK = """
tenant: clock
name: Clock Ltd
region: DE
timezone: Europe/Berlin
languages: [en]
trunk: carrier
caller_id: "+49 30 23130900"
numbers: {{"+49 30 23130901": {{room: board}}}}
rooms:
  board:
    access: open
    moderators: ["+49 171 20000*"]
    announce: none
    schedule: {{start: "{start:%Y-%m-%d %H:%M}", duration: 10, dial_out: true}}
    dial_out:
      - {{name: Yes, number: "+49 30 2313 10901"}}
      - {{name: Silent, number: "+49 30 2313 10902"}}
      - {{name: Engaged, number: "+49 30 2313 10903"}}
      - {{name: Rings out, number: "+49 30 2313 10904"}}
      - {{name: Nobody, number: "+49 30 2313 10905"}}
"""


def test_people_are_called_by_command_told_who_calls_and_join_by_a_key(bureau: Bureau) -> None:
    ann, desk = bureau.has("Ann", ANN), bureau.desk("Desk", *CLARA)
    bureau.calls("jury")
    ann.rings().answers()
    desk.rings().answers()
    ann.hears(*WHO_AND_WHERE, language="en").presses("1").joins("bureau.jury")
    desk.presses("1").joins("bureau.jury")  # a key may be pressed before the question
    all_hear_all(ann.speaks(), desk.speaks())
    bureau.until(lambda: {one["state"] for one in bureau.live("jury").values()} == {"joined"})
    assert len(bureau.carrier.called(ANN)) == 1
    assert bureau.carrier.called(ANN)[0].caller == "+493023130000"
    ann.hangs_up()
    desk.hangs_up()
    bureau.until(lambda: bureau.meetings("jury")[0]["ended"])
    (meeting,) = bureau.meetings("jury")
    assert {
        (one["number"], one["name"], one["direction"], one["payer"], one["tries"]) for one in meeting["attendances"]
    } == {(ANN, "Ann", "outbound", "tenant", 1), ("33", "Clara", "outbound", "tenant", 1)}


def test_each_is_asked_in_their_language_and_no_mailbox_joins_whatever_it_says(bureau: Bureau) -> None:
    anna, mailbox, claude = bureau.has("Anna", ANNA), bureau.has("Mailbox", MAILBOX), bureau.has("Claude", CLAUDE)
    bureau.calls("panel")
    mailbox.speaks().rings().answers()
    anna.rings().answers().hears(*WHO_AND_WHERE, language="de").presses("9").hears("declined-goodbye", language="de")
    anna.is_hung_up("NORMAL_CLEARING")
    claude.rings().answers().hears(*WHO_AND_WHERE, language="fr").stays_silent().hears("dialout-accept", language="fr")
    claude.presses("5").hears("dialout-accept").presses("1").joins("bureau.panel")  # and no PIN is asked for
    mailbox.is_hung_up("NORMAL_CLEARING", within=60)
    bureau.until(lambda: bureau.live("panel")["Mailbox"]["state"] == "waiting")
    live = bureau.live("panel")
    assert (live["Anna"]["state"], live["Claude"]["state"]) == ("declined", "joined")
    assert live["Mailbox"]["reason"] == "no key"
    assert len(bureau.demo.event_socket.members("bureau.panel")) == 1
    claude.hangs_up()
    bureau.until(lambda: bureau.history("panel")[0]["outcome"] == "over")
    (told,) = bureau.history("panel")
    assert {one["name"]: (one["state"], len(one["attempts"])) for one in told["invited"]} == {
        "Anna": ("declined", 1),
        "Mailbox": ("cancelled", 1),
        "Claude": ("joined", 1),
    }
    assert [len(bureau.carrier.called(number)) for number in (ANNA, MAILBOX, CLAUDE)] == [1, 1, 1]


def test_the_moderators_arrival_calls_everybody_and_star_one_hash_those_not_reached(bureau: Bureau) -> None:
    dora = bureau.has("Dora", DORA)
    bureau.carrier.numbers[BERT] = BUSY
    guest = bureau.guest("Guest", SENATE).joins("bureau.senate")
    assert not bureau.carrier.attempts
    host = bureau.host(number=SENATE).joins("bureau.senate", moderator=True)
    dora.rings().answers().presses("1").joins("bureau.senate").speaks()
    all_hear_all(host, guest, dora)
    bureau.carrier.wait_for(BERT)
    bureau.until(lambda: bureau.live("senate")["Bert"]["reason"] == "busy")
    bert = bureau.has("Bert", BERT)
    for phone in (guest, dora):
        phone.speaks(False)
    host.speaks(False).presses("*1").hears("dial-number-or-all").presses("#").hears("calling-all")
    bert.rings().answers().presses("1").joins("bureau.senate")  # long before the minute of somebody busy is over
    all_hear_all(host.speaks(), guest.speaks(), dora.speaks(), bert.speaks())
    assert len(bureau.carrier.called(DORA)) == 1
    assert len(bureau.carrier.called(BERT)) == 2
    host.hangs_up()


def test_the_end_of_a_room_ends_what_rings_and_who_answers_too_late_is_told(bureau: Bureau) -> None:
    bureau.carrier.numbers[EVA] = Rings()
    bureau.carrier.numbers[BUSY_ONE] = BUSY
    finn = bureau.has("Finn", FINN)
    host = bureau.host(number=CABINET).joins("bureau.cabinet", moderator=True)
    bureau.calls("cabinet")
    finn.rings().answers().hears("dialout-call")
    bureau.carrier.wait_for(BUSY_ONE)
    host.presses("*0").begins_to_hear("end-confirm").presses("1").hears("room-ended").is_hung_up()
    ended = time.monotonic()
    bureau.carrier.until(lambda: bureau.carrier.called(EVA)[0].cancelled, 5, "the ringing to end")
    assert bureau.carrier.called(EVA)[0].cancelled - ended < 3
    finn.presses("1").hears("conference-over").is_hung_up("NORMAL_CLEARING")
    assert not bureau.demo.event_socket.members("bureau.cabinet")
    (told, *_) = bureau.history("cabinet")
    assert {one["name"]: one["state"] for one in told["invited"]} == dict.fromkeys(("Eva", "Finn", "Busy"), "cancelled")


def next_minute() -> datetime:
    """The beginning of a minute that is 10 to 70 s away."""
    soon = datetime.now(ZoneInfo("Europe/Berlin")) + timedelta(seconds=70)
    return soon.replace(second=0, microsecond=0)


@pytest.mark.timeout(600)
def test_a_scheduled_conference_calls_five_and_each_as_often_as_is_fair(bureau: Bureau) -> None:
    """Takes as long as callcontrol's patience with people: busy a minute, no key three, no answer two each time."""
    carrier, start = bureau.carrier, next_minute()
    yes, silent = bureau.has("Yes", YES), bureau.has("Silent", SILENT)
    carrier.numbers |= {ENGAGED: BUSY, RINGS_OUT: Rings(), NOBODY: UNKNOWN}
    bureau.opens("clock", CLOCK.format(start=start))
    host = bureau.host(number=MODERATOR_DIALS).joins(BOARD, moderator=True)  # a little early
    assert not carrier.attempts
    began = carrier.wait_for(YES, within=start.timestamp() - time.time() + 3).at
    assert -0.05 < time.time() - start.timestamp() < 3
    yes.rings().answers().hears(*WHO_AND_WHERE).presses("1").joins(BOARD)
    yes.hears_tone_of(host)
    silent.rings().answers().hears(*WHO_AND_WHERE, "dialout-accept", "dialout-accept", "dialout-no-key", within=15)
    silent.is_hung_up("NORMAL_CLEARING")
    silence_over = time.monotonic()
    silent.rings(within=200).answers()
    silent.is_hung_up(within=60)
    carrier.wait_for(RINGS_OUT, 3, within=360 - (time.monotonic() - began))
    bureau.until(lambda: bureau.history("board", "clock")[0]["outcome"] == "over", within=60)
    assert [m["flags"]["is_moderator"] for m in bureau.demo.event_socket.members(BOARD)].count(False) == 1
    yes.hears_tone_of(host)
    counted = {n: len(carrier.called(n)) for n in (YES, SILENT, ENGAGED, RINGS_OUT, NOBODY)}
    assert counted == {YES: 1, SILENT: 2, ENGAGED: 3, RINGS_OUT: 3, NOBODY: 1}
    assert 170 < carrier.called(SILENT)[1].at - silence_over < 184  # the three minutes begin before the goodbye
    engaged, rings_out = carrier.called(ENGAGED), carrier.called(RINGS_OUT)
    assert all(59 < later.at - before.ended < 63 for before, later in pairwise(engaged))
    assert all(34 < one.cancelled - one.at < 37 for one in rings_out)
    assert all(119 < later.at - before.ended < 123 for before, later in pairwise(rings_out))
    (told,) = bureau.history("board", "clock")
    assert {one["name"]: (one["state"], one["reason"], len(one["attempts"])) for one in told["invited"]} == {
        "Yes": ("joined", "joined", 1),
        "Silent": ("failed", "no key", 2),
        "Engaged": ("failed", "busy", 3),
        "Rings out": ("failed", "no answer", 3),
        "Nobody": ("failed", "impossible number", 1),
    }


def test_somebody_who_declines_by_telephone_is_not_called_again(bureau: Bureau) -> None:
    bureau.carrier.numbers |= {EVA: DECLINES, FINN: Answers("9", thinks=0.5), BUSY_ONE: UNKNOWN}
    bureau.calls("cabinet")
    bureau.until(lambda: bureau.history("cabinet")[0]["outcome"] == "over", within=20)
    told = {one["name"]: one["state"] for one in bureau.history("cabinet")[0]["invited"]}
    assert told == {"Eva": "declined", "Finn": "declined", "Busy": "failed"}
    assert [len(bureau.carrier.called(number)) for number in (EVA, FINN, BUSY_ONE)] == [1, 1, 1]
