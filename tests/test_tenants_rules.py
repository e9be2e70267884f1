"""What must hold between the parts of one tenant file: each rule with the file that breaks it and one that keeps it."""

from __future__ import annotations

import pytest

from tests.tenant_files import problems, tenant

CLARA = """\
domain: acme.example
extensions:
  "33": {name: Clara, password: correct-horse, %s}
"""


def clara(more: str) -> str:
    return CLARA % more


def forwarding(rules: str, more: str = "call_waiting: false") -> str:
    """Clara's profile 1, in line 4 of the file."""
    return clara(more + ", forwarding: {profiles: {1: {\n" + rules + "}}}")


# Numbers


def test_a_number_claimed_twice_in_different_words_is_refused() -> None:
    text = """
        numbers:
          "+49 30 8631": {room: board}
          030 8631: {room: board}
        rooms:
          board: {access: open}
        """
    assert problems(text) == ["3:3: number +49308631 is claimed twice (first in line 2)"]


def test_a_number_that_is_none_is_refused() -> None:
    text = """
        numbers:
          "8631": {room: board}
          "112": {room: board}
        rooms:
          board: {access: open}
        """
    hint = '(with country code: "+49 30 8630")'
    assert problems(text) == [f"2:3: '8631' is no telephone number {hint}", f"3:3: '112' is no telephone number {hint}"]


def test_national_numbers_are_not_judged_while_the_region_is_wrong() -> None:
    text = """
        tenant: acme
        region: GERMANY
        caller_id: 030 8630
        numbers:
          "030 8631": {room: board}
        rooms:
          board: {access: whitelist, whitelist: ["089*"]}
        """
    assert problems(text, tail="") == ["2:9: region: unknown region 'GERMANY' (two capital letters such as DE, AT, US)"]


def test_a_number_leads_to_rooms_and_extensions_that_exist() -> None:
    text = """
        numbers:
          "+49 30 8631": {room: bord}
          "+49 30 8632": {rooms: [board, xyz]}
          "+49 30 8633": {extension: "33"}
          "+49 30 8634": {voicemail: true}
        rooms:
          board: {access: open}
        """
    assert problems(text) == [
        "2:25: unknown room 'bord' (did you mean 'board'?)",
        "3:34: unknown room 'xyz' (possible: board)",
        "4:30: unknown extension '33' (there are no extensions)",
        "5:30: no extension has a mailbox (add voicemail: to one)",
    ]


def test_a_number_leads_to_exactly_one_thing() -> None:
    text = """
        numbers:
          "+49 30 8631": {}
          "+49 30 8632": {room: board, rooms: [board]}
          "+49 30 8633": {rooms: [board, board]}
        rooms:
          board: {access: pin, pin: "48213"}
        """
    assert problems(text) == [
        "2:3: +49 30 8631: leads nowhere (give it room, rooms, extension or voicemail)",
        "3:3: +49 30 8632: leads to room and rooms at once (keep one of them)",
        "4:3: +49 30 8633: names a room twice",
    ]


# Rooms


def test_a_room_that_asks_for_a_pin_has_one_and_a_whitelist_lists_somebody() -> None:
    text = """
        rooms:
          a: {access: pin}
          b: {access: whitelist}
          c: {access: whitelist_or_pin, moderators: ["+49 30 8630"]}
        """
    assert problems(text) == [
        "2:15: room 'a' asks for a PIN and has no pin (add pin: \"...\" of 4 to 10 digits)",
        "3:15: room 'b' lets in listed numbers and lists none (add whitelist: [...])",
        "4:15: room 'c' asks for a PIN and has no pin (add pin: \"...\" of 4 to 10 digits)",
    ]


def test_where_a_moderator_is_waited_for_somebody_can_be_one() -> None:
    text = """
        rooms:
          a: {access: pin, pin: "48213", wait_for_moderator: true}
          b: {access: open, admission: manual}
        """
    assert problems(text) == [
        "2:54: room 'a' waits for a moderator and nobody can be one (add moderator_pin or moderators)",
        "3:32: room 'b' waits for a moderator and nobody can be one (nobody is asked for a PIN: add moderators)",
    ]


def test_a_moderator_may_come_by_pin_or_by_number() -> None:
    tenant(
        """
        rooms:
          a: {access: pin, pin: "48213", moderator_pin: "907155", wait_for_moderator: true}
          b: {access: open, moderators: ["+49 30 8630"], admission: manual}
        """
    )


def test_a_pin_nobody_is_asked_for_is_refused() -> None:
    text = """
        rooms:
          a: {access: open, pin: "48213"}
          b: {access: whitelist, whitelist: ["+49*"], moderator_pin: "48213"}
        """
    hint = "(access: pin or whitelist_or_pin)"
    assert problems(text) == [
        f"2:21: pin: nobody is asked for it while access is open {hint}",
        f"3:47: moderator_pin: nobody is asked for it while access is whitelist {hint}",
    ]


def test_a_room_calls_only_whom_it_can_reach() -> None:
    text = """
        rooms:
          a:
            access: open
            dial_out:
              - {name: Max, number: "+49 171 5550001"}
              - {name: Clara, number: "33"}
              - {name: Police, number: "110"}
              - {name: Nobody, number: nobody}
        """
    assert problems(text) == [
        "5:29: nobody outside can be called without a trunk (add trunk: with the gateway's name)",
        "6:31: unknown extension '33' (there are no extensions)",
        "7:32: number: '110' is an emergency number (calls are never sent there by a rule)",
        "8:32: number: 'nobody' is neither an extension nor a telephone number",
    ]


def test_numbers_that_cost_more_than_a_call_are_refused_before_anybody_calls_them() -> None:
    text = """
        trunk: carrier
        rooms:
          a:
            access: open
            dial_out:
              - {name: Prize, number: "+49 900 1234567"}
              - {name: Ship, number: "+870 773 111 632"}
              - {name: Max, number: "+49 171 5550001", language: fr}
        """
    assert problems(text) == [
        "6:31: number: +499001234567 is a premium, satellite or personal number (it is never called)",
        "7:30: number: +870773111632 is a premium, satellite or personal number (it is never called)",
    ]


def test_who_is_called_when_the_moderator_comes_is_listed() -> None:
    text = """
        rooms:
          a: {access: open, dial_out_when: on_moderator}
          b: {access: open, dial_out_when: sometimes}
        """
    assert problems(text) == [
        "2:36: dial_out_when: the room lists nobody to call (add dial_out: to the room)",
        "3:36: dial_out_when: unknown value 'sometimes' (possible: asked, on_moderator)",
    ]


def test_a_schedule_needs_the_timezone_and_somebody_to_call() -> None:
    text = """
        rooms:
          a:
            access: open
            schedule: {start: "2026-12-01 10:00", dial_out: true}
        """
    assert problems(text) == [
        "4:5: schedule: the tenant has no timezone (timezone: Europe/Berlin)",
        "4:53: dial_out: the room lists nobody to call (add dial_out: to the room)",
    ]


# PINs


@pytest.mark.parametrize(
    ("moderator_pin", "relation"),
    [("48213", "is equal to"), ("482137", "begins with"), ("4821", "is the beginning of")],
)
def test_the_two_pins_of_a_room_tell_the_role(moderator_pin: str, relation: str) -> None:
    text = f"""
        rooms:
          board:
            access: pin
            pin: "48213"
            moderator_pin: "{moderator_pin}"
        """
    assert problems(text) == [f"5:20: moderator_pin: {relation} pin in line 4 (the PIN alone tells room and role)"]


def test_the_pins_of_all_rooms_behind_one_number_differ() -> None:
    text = """
        numbers:
          "+49 30 8631": {rooms: [board, sales]}
          "+49 30 8632": {rooms: [sales, board]}
        rooms:
          board: {access: pin, pin: "48213"}
          sales: {access: pin, pin: "70611", moderator_pin: "482130"}
        """
    expected = "6:53: moderator_pin: begins with pin of room 'board' in line 5 (the PIN alone tells room and role)"
    assert problems(text) == [expected]


def test_rooms_with_numbers_of_their_own_may_have_the_same_pin() -> None:
    tenant(
        """
        numbers:
          "+49 30 8631": {room: board}
          "+49 30 8632": {room: sales}
        rooms:
          board: {access: pin, pin: "48213"}
          sales: {access: pin, pin: "48213"}
        """
    )


def test_behind_a_number_with_several_rooms_every_room_asks_for_a_pin() -> None:
    text = """
        numbers:
          "+49 30 8631": {rooms: [board, lobby]}
        rooms:
          board: {access: pin, pin: "48213"}
          lobby: {access: open}
        """
    hint = "(access: pin or whitelist_or_pin, or a number of its own)"
    assert problems(text) == [f"2:34: room 'lobby' asks for no PIN, so this number cannot pick it {hint}"]


def test_a_pin_is_not_part_of_a_number_of_the_tenant() -> None:
    text = """
        numbers:
          "+49 30 8631": {room: board}
        rooms:
          board: {access: pin, pin: "8631"}
        """
    assert problems(text) == ["4:29: pin: is part of the number +49308631 (strangers try that first)"]


def test_the_pin_of_a_mailbox_is_not_its_extension() -> None:
    text = """
        domain: acme.example
        extensions:
          "4711": {name: Clara, password: correct-horse, voicemail: {pin: "4711"}}
        """
    assert problems(text) == ["3:67: pin: is the extension itself (strangers try that first)"]


@pytest.mark.parametrize(
    "pin", ["0000", "7777777", "1212", "123123", "1234", "4321", "7890", "0987", "2468", "1234567890"]
)
def test_a_pin_that_everybody_tries_first_is_refused(pin: str) -> None:
    text = f'rooms: {{a: {{access: pin, pin: "{pin}"}}}}\n'
    assert problems(text) == ["1:31: pin: is too easy to guess (no repeated digits, no 1234, no 4321)"]


@pytest.mark.parametrize("pin", ["123", "12345678901", "4821a", "", "４８２１３", "+4821"])
def test_a_pin_has_four_to_ten_digits(pin: str) -> None:
    assert problems(f'rooms: {{a: {{access: pin, pin: "{pin}"}}}}\n') == ["1:31: pin: needs 4 to 10 digits"]


# Extensions


def test_extensions_need_the_domain_they_register_with() -> None:
    text = 'extensions: {"33": {name: Clara, password: correct-horse}}\n'
    assert problems(text) == ["1:1: extensions: the tenant has no domain (domain: acme.example)"]


def test_an_extension_without_password_or_with_a_poor_one_is_refused() -> None:
    text = """
        domain: acme.example
        extensions:
          "33": {name: Clara}
          "34": {name: Max, password: short}
          "35": {name: Eva, password: "12345678"}
          "36": {name: Jan, password: aaaaaaaaaaaa}
        """
    easy = "is too easy to guess (the internet tries SIP passwords all day: 12 random characters)"
    assert problems(text) == [
        "3:3: missing key 'password' (an extension without password could be used by anybody)",
        "4:31: password: needs 8 to 128 printable ASCII characters",
        f"5:31: password: {easy}",
        f"6:31: password: {easy}",
    ]


def test_an_extension_has_two_to_six_digits_and_is_no_emergency_number() -> None:
    text = "domain: acme.example\nextensions:\n" + "".join(
        f'  "{number}": {{name: Clara, password: correct-horse}}\n' for number in ("3", "012", "1234567", "110", "33")
    )
    hint = "is no extension (2 to 6 digits, the first not 0)"
    assert problems(text) == [
        f"3:3: '3' {hint}",
        f"4:3: '012' {hint}",
        f"5:3: '1234567' {hint}",
        "6:3: '110' is an emergency number",
    ]


def test_an_extension_rings_at_most_five_mobiles_and_each_is_a_number() -> None:
    six = ", ".join(f'"+49 171 555000{number}"' for number in range(6))
    assert problems(clara(f"mobile: [{six}]")) == ["3:56: mobile: has more than 5 entries"]
    assert problems(clara('mobile: ["112", "33"]')) == [
        "3:57: mobile entry 1: '112' is no telephone number (with country code: \"+49 30 8630\")",
        "3:64: mobile entry 2: '33' is no telephone number (with country code: \"+49 30 8630\")",
    ]


def test_a_mailbox_deletes_only_what_it_has_sent_to_an_address() -> None:
    assert problems(clara('voicemail: {pin: "9051", delete_after_email: true}')) == [
        "3:48: voicemail: delete_after_email without email would lose every message"
    ]
    assert problems(clara('voicemail: {pin: "9051", email: clara}')) == [
        "3:80: email: 'clara' is no e-mail address (such as clara@acme.example)"
    ]


def test_a_block_profile_that_an_extension_names_exists() -> None:
    assert problems("block_profiles: {office: {}}\n" + clara("block_profile: ofice")) == [
        "4:63: unknown block profile 'ofice' (did you mean 'office'?)"
    ]
    assert problems(clara("block_profile: office")) == [
        "3:63: unknown block profile 'office' (possible: internal_only, international, premium, mobile)"
    ]


@pytest.mark.parametrize(
    ("rule", "expected"),
    [
        ('always: "34"', "4:9: unknown extension '34' (possible: 33)"),
        ('always: "33"', "4:9: extension 33 forwards to itself"),
        ("busy: voicemail", "4:7: extension 33 has no voicemail to forward to (add voicemail: to it)"),
        (
            'not_registered: "+49 171 5550001"',
            "4:17: nobody outside can be called without a trunk (add trunk: with the gateway's name)",
        ),
        ('always: "112"', "4:9: always: '112' is an emergency number (calls are never sent there by a rule)"),
        ("always: Max", "4:9: always: 'Max' is neither an extension nor a telephone number nor voicemail nor busy"),
        ("always: 34", '4:9: always: unquoted digits are a number to YAML (quote it: "34")'),
        ('no_answer: {to: "34"}', "4:17: unknown extension '34' (possible: 33)"),
        ('no_answer: "34"', "4:12: unknown extension '34' (possible: 33)"),
        (
            "no_answer: Max",
            "4:12: no_answer: 'Max' is neither an extension nor a telephone number nor voicemail nor busy",
        ),
        (
            "selective: [{from: internal, always: voicemail}]",
            "4:38: extension 33 has no voicemail to forward to (add voicemail: to it)",
        ),
        ('selective: [{from: "34", ring: true}]', "4:20: unknown extension '34' (possible: 33)"),
        (
            "selective: [{from: internal, ring: true}, {from: internal, ring: true}]",
            "4:50: from: these callers have a rule already (in line 4)",
        ),
        (
            "selective: [{from: internal}]",
            "4:13: selective entry 1: leads nowhere (ring: true, or always, no_answer, busy or not_registered)",
        ),
        (
            "selective: [{from: Max, ring: true}]",
            "4:20: from: 'Max' names no caller (an extension, the beginning of a number such as \"+49 89\", "
            "internal or anonymous)",
        ),
    ],
)
def test_a_forward_to_nowhere_is_refused(rule: str, expected: str) -> None:
    assert problems(forwarding(rule)) == [expected]


def test_no_answer_waits_five_to_120_seconds() -> None:
    text = forwarding("no_answer: {to: voicemail, after: 3}", 'voicemail: {pin: "9051"}')
    assert problems(text) == ["4:35: after: 3 is too small (5 at least)"]
    text = forwarding("no_answer: {to: voicemail, after: 121}", 'voicemail: {pin: "9051"}')
    assert problems(text) == ["4:35: after: 121 is too large (120 at most)"]


def test_a_selective_rule_rings_or_forwards() -> None:
    text = forwarding("selective: [{from: internal, ring: true, busy: voicemail}]", 'voicemail: {pin: "9051"}')
    assert problems(text) == ["4:13: selective entry 1: has both ring and a target (keep one of them)"]


def test_the_active_profile_exists_and_profiles_are_0_to_9() -> None:
    text = clara("forwarding: {active: 3, profiles: {0: {name: usual}, 12: {name: late}}}")
    assert problems(text) == ["3:69: active: there is no profile 3", "3:101: '12' is no profile number (0 to 9)"]


def test_nobody_forwards_where_the_own_block_profile_forbids_it() -> None:
    text = 'trunk: carrier\nblock_profiles: {office: {forwarded: ["+1 212*", mobile]}}\n'
    for number in ("+1 212 555 0100", "0171 2345678", "0171 2345678 99"):  # networks take the 99 off
        found = problems(text + forwarding(f'always: "{number}"', "block_profile: office"))
        assert found == ["6:9: block profile 'office' forbids to forward there"]


@pytest.mark.parametrize(
    ("name", "number"),
    [("internal_only", "030 8630"), ("international", "+43 1 5880"), ("mobile", "+49 171 2345678")],
)
def test_the_block_profiles_that_are_always_there_forbid_targets_too(name: str, number: str) -> None:
    text = "trunk: carrier\n" + forwarding(f'always: "{number}"', f"block_profile: {name}")
    assert problems(text) == [f"5:9: block profile {name!r} forbids to forward there"]


def test_a_block_profile_that_is_always_there_means_the_same_everywhere() -> None:
    text = "block_profiles: {mobile: {outgoing: [external]}}\n"
    found = "1:18: block profile 'mobile' is there already and cannot be changed (give yours another name)"
    assert problems(text) == [found]


def test_nobody_forwards_to_a_premium_number() -> None:
    text = "trunk: carrier\n" + forwarding('always: "0900 1234567"')
    found = "5:9: +499001234567 is a premium, satellite or personal number (nobody may forward there)"
    assert problems(text) == [found]


def test_profile_0_is_the_same_for_all_callers() -> None:
    text = clara("forwarding: {profiles: {0: {\nselective: [{from: internal, ring: true}]}}}")
    assert problems(text) == ["4:12: selective: profile 0 has no selective rules (put them into a profile from 1 to 9)"]


# Keys


def test_keys_are_a_star_and_one_to_three_more() -> None:
    text = 'keys: {"5": mute_all, "#": lock, "*": lock, "*12345": end}\n'
    assert [problem.split(" (")[0] for problem in problems(text)] == [
        "1:8: '5' is no key sequence",
        "1:23: '#' is no key sequence",
        "1:34: '*' is no key sequence",
        "1:45: '*12345' is no key sequence",
    ]


def test_no_key_begins_with_another_one_in_force() -> None:
    text = 'keys: {"*77": lock, "*10": record}\n'
    assert problems(text) == [
        "1:8: '*77' cannot be told apart from '*7' (mute_all) (\"*7\": null takes it out of use)",
        "1:21: '*10' cannot be told apart from '*1' (call_in) (\"*1\": null takes it out of use)",
    ]
    tenant('keys: {"*77": mute_all}\n')  # mute_all leaves *7
    tenant('keys: {"*10": lock, "*1": null}\n')
