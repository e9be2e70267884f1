"""A whole tenant file: all its faults at once, in the order of the file, each at its place, no secret in any."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from callcontrol.tenants import Access, KeyAction, Source, Target
from callcontrol.tenants.loader import load_tenant
from tests.tenant_files import FILE, problems, tenant

ROOT = Path(__file__).parent.parent
DOCS = (ROOT / "docs" / "tenants.md").read_text("utf-8")

TEN_FAULTS = """\
tenants/acme.yaml:4:11: timezone: unknown timezone 'Europe/Berln' (such as Europe/Berlin)
tenants/acme.yaml:5:17: languages entry 2: unknown value 'eng' (did you mean 'en'?)
tenants/acme.yaml:7:25: unknown room 'bord' (did you mean 'board'?)
tenants/acme.yaml:9:3: number +49308632 is claimed twice (first in line 8)
tenants/acme.yaml:13:10: pin: unquoted digits are a number to YAML, and not the one it looks like (quote it)
tenants/acme.yaml:14:5: unknown key 'moderater_pin' (did you mean 'moderator_pin'?)
tenants/acme.yaml:15:25: wait_for_moderator: must be true or false, not 'yes' (write true)
tenants/acme.yaml:17:13: access: unknown value 'pim' (did you mean 'pin'?)
tenants/acme.yaml:18:10: pin: is equal to moderator_pin of room 'board' in line 14 (the PIN alone tells room and role)
tenants/acme.yaml:20:3: missing key 'password' (an extension without password could be used by anybody)
"""


def test_a_file_with_ten_different_faults_prints_ten_problems_as_the_documentation_shows() -> None:
    file, output = re.findall(r"```(?:yaml)?\n(.*?)```", DOCS, re.DOTALL)[:2]
    found = "".join(f"{problem}\n" for problem in load_tenant(FILE, file.encode(), {}).problems)
    assert found == TEN_FAULTS
    assert output == TEN_FAULTS


# Structure


def test_an_empty_file_a_list_and_a_word_are_no_tenant() -> None:
    assert problems("", tail="") == ["1:1: the file is empty"]
    assert problems("# only a comment\n", tail="") == ["1:1: the file is empty"]
    assert problems("- a\n", tail="") == ["1:1: the file: must be a mapping"]
    assert problems("hello\n", tail="") == ["1:1: the file: must be a mapping"]


def test_the_least_a_tenant_needs_is_named() -> None:
    assert problems("name: Acme\n", tail="") == ["1:1: missing key 'region'", "1:1: missing key 'tenant'"]


def test_an_unknown_key_is_shown_with_the_likely_one_or_with_all() -> None:
    text = """
        domian: acme.example
        rooms:
          board:
            access: open
            max_participant: 10
            colour: red
        numbers:
          "+49 30 8631": {raum: board}
        """
    assert problems(text) == [
        "1:1: unknown key 'domian' (did you mean 'domain'?)",
        "5:5: unknown key 'max_participant' (did you mean 'max_participants'?)",
        "6:5: unknown key 'colour' (possible: access, pin, moderator_pin, whitelist, moderators, wait_for_moderator, "
        "admission, when_moderator_leaves, moderator_grace, max_participants, max_wait, max_alone, max_duration, "
        "announce, record, dial_out, dial_out_when, schedule, owner)",
        "8:19: unknown key 'raum' (possible: room, rooms, extension, voicemail, languages)",
    ]


def test_a_tenant_may_call_out_within_limits() -> None:
    assert (tenant("").outgoing.at_once, tenant("").outgoing.per_day) == (10, 500)
    assert tenant("outgoing: {at_once: 0}\n").outgoing.at_once == 0
    assert problems("outgoing: {at_once: -1, per_day: lots, per_week: 5}\n") == [
        "1:21: at_once: -1 is too small (0 at least)",
        "1:34: per_day: must be a whole number, not 'lots'",
        "1:40: unknown key 'per_week' (possible: at_once, per_day)",
    ]


def test_a_misspelt_key_counts_as_the_one_that_was_meant() -> None:
    """Neither is the moderator PIN reported as missing, nor does its value escape the checks."""
    text = """
        rooms:
          board: {access: pin, pin: "48213", moderater_pin: "48213", wait_for_moderator: true}
        """
    assert problems(text) == [
        "2:38: unknown key 'moderater_pin' (did you mean 'moderator_pin'?)",
        "2:53: moderator_pin: is equal to pin in line 2 (the PIN alone tells room and role)",
    ]


def test_a_misspelt_key_does_not_replace_the_right_one() -> None:
    text = 'rooms: {board: {access: pin, pin: "48213", pim: "1"}}\n'
    assert problems(text) == ["1:44: unknown key 'pim' (did you mean 'pin'?)"]


def test_lists_mappings_and_values_are_not_mistaken_for_each_other() -> None:
    text = """
        numbers: []
        rooms:
          a:
          b: [open]
          c: {access: {open: true}, whitelist: "+49*"}
        extensions:
        name: [Acme]
        keys: lock
        """
    assert problems(text) == [
        "1:10: numbers: must be a mapping",
        "3:3: a: must be a mapping (it is empty)",
        "4:6: b: must be a mapping",
        "5:7: access: must be text, not a mapping (possible: open, pin, whitelist, whitelist_or_pin)",
        "5:40: whitelist: must be a list",
        "6:1: extensions: must be a mapping (it is empty)",
        "7:7: name: must be text, not a list",
        "8:7: keys: must be a mapping",
    ]


# Values


def test_unquoted_digits_are_refused_wherever_text_is_meant() -> None:
    text = """
        numbers:
          +49308631: {room: board}
          0123: {room: board}
          "+49 30 8632": {extension: 33}
        rooms:
          board: {access: pin, pin: 48213, moderator_pin: 0907155, whitelist: [+491712345678]}
        """
    assert problems(text) == [
        '2:3: key +49308631: unquoted digits are a number to YAML (quote it: "+49308631")',
        "3:3: '0123' is no telephone number (with country code: \"+49 30 8630\")",
        '3:3: key 0123: unquoted digits are a number to YAML (quote it: "0123")',
        '4:30: extension: unquoted digits are a number to YAML (quote it: "33")',
        "6:29: pin: unquoted digits are a number to YAML (quote it)",
        "6:51: moderator_pin: unquoted digits are a number to YAML, and not the one it looks like (quote it)",
        "6:72: whitelist entry 1: unquoted digits are a number to YAML, and not the one it looks like "
        '(quote it: "+491712345678")',
    ]


def test_words_that_only_look_like_flags_and_quoted_numbers_are_refused() -> None:
    text = """
        rooms:
          a: {access: open, wait_for_moderator: yes, max_participants: "10", moderator_grace: 1.5}
          b: {access: open, wait_for_moderator: off, max_participants: 1, moderator_grace: 9999}
        """
    assert problems(text) == [
        "2:41: wait_for_moderator: must be true or false, not 'yes' (write true)",
        "2:64: max_participants: must be a whole number, not '10' (write it without quotes)",
        "2:87: moderator_grace: must be a whole number, not '1.5'",
        "3:41: wait_for_moderator: must be true or false, not 'off' (write false)",
        "3:64: max_participants: 1 is too small (2 at least)",
        "3:84: moderator_grace: 9999 is too large (3600 at most)",
    ]


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("timezone: Berlin", "1:11: timezone: unknown timezone 'Berlin' (such as Europe/Berlin)"),
        ("timezone: ../../etc/passwd", "1:11: timezone: unknown timezone '../../etc/passwd' (such as Europe/Berlin)"),
        ("languages: [de, it]", "1:17: languages entry 2: unknown value 'it' (possible: de, en, fr)"),
        ("languages: [de, de]", "1:12: languages: names a language twice"),
        ("languages: [it]", "1:13: languages entry 1: unknown value 'it' (possible: de, en, fr)"),
        ("languages: []", "1:12: languages: needs at least one entry"),
        ("languages: de", "1:12: languages: must be a list"),
        ("name: ''", "1:7: name: needs 1 to 80 printable characters"),
        ('name: "a\\nb"', "1:7: name: needs 1 to 80 printable characters"),
        ("domain: acme_example", "1:9: domain: 'acme_example' is no domain name (such as acme.example)"),
        ("trunk: a/b", "1:8: trunk: 'a/b' is no gateway name (letters, digits, _ . and -)"),
        ("caller_id: '112'", "1:12: caller_id: '112' is no telephone number (with country code: \"+49 30 8630\")"),
        (
            "rooms: {Board: {access: open}}",
            "1:9: 'Board' is no name (a small letter, then small letters, digits and -; 32 at most)",
        ),
        (
            'rooms: {a: {access: open, whitelist: ["89*"]}}',
            "1:39: whitelist entry 1: '89*' needs the country code or the 0 in front of the area code "
            '(a number, or its beginning and a *: "+49 89 999998*")',
        ),
        (
            "block_profiles: {office: {outgoing: [premiun]}}",
            "1:38: outgoing entry 1: unknown kind of calls 'premiun' (did you mean 'premium'?)",
        ),
        (
            'keys: {"*5": mute_al}',
            "1:14: *5: unknown value 'mute_al' (did you mean 'mute_all'?)",
        ),
    ],
)
def test_a_wrong_value_is_shown_with_what_is_possible(line: str, expected: str) -> None:
    assert problems(line + "\n") == [expected]


@pytest.mark.parametrize("name", ["Acme", "a_b", "1a", "", "a" * 33, "a.b", "ä"])
def test_the_identifier_of_a_tenant_is_a_name(name: str) -> None:
    expected = f"tenant: '{name}' is no name" if name else "tenant: nothing is no name"
    assert problems(f'tenant: "{name}"\nregion: DE\n', tail="")[0].startswith(f"1:9: {expected}")


@pytest.mark.parametrize(
    ("schedule", "expected"),
    [
        ("{}", "missing key 'start'"),
        ("{start: tomorrow}", "start: 'tomorrow' is no point in time (such as 2026-12-01 10:00)"),
        ("{start: 2026-02-30 10:00}", "start: '2026-02-30 10:00' is not in the calendar"),
        ("{start: 2026-12-01 25:00}", "start: '2026-12-01 25:00' is not in the calendar"),
        ("{start: 2026-12-01 10:00, until: 2026-11-30}", "schedule: ends (until) before it starts"),
        ("{start: 2026-12-01 10:00, until: soon}", "until: 'soon' is no point in time (such as 2026-12-31)"),
        ("{start: 2026-12-01 10:00, repeat: dayly}", "repeat: unknown value 'dayly' (did you mean 'daily'?)"),
        ("{start: 2026-12-01 10:00, duration: 3}", "duration: 3 is too small (5 at least)"),
        (
            "{start: 2026-12-01 10:00, repeat: daily, rule: FREQ=DAILY}",
            "schedule: has both repeat and rule (keep one of them)",
        ),
    ],
)
def test_a_schedule_that_never_happens_is_refused(schedule: str, expected: str) -> None:
    text = f"timezone: Europe/Berlin\nrooms:\n  a: {{access: open, schedule: {schedule}}}\n"
    assert [problem.split(": ", 1)[1] for problem in problems(text)] == [expected]


# The environment


def test_a_variable_fills_text_and_its_default_counts_when_it_is_unset_or_empty() -> None:
    text = """
        name: ${NAME} in ${CITY:-Berlin}
        trunk: ${TRUNK:-carrier}
        rooms:
          board: {access: pin, pin: "${PIN}"}
        """
    loaded = tenant(text, {"NAME": "Acme", "PIN": "0815", "TRUNK": ""})
    assert loaded.name == "Acme in Berlin"
    assert loaded.trunk == "carrier"
    pin = loaded.rooms["board"].pin
    assert pin is not None
    assert pin.get_secret_value() == "0815"


def test_what_a_variable_holds_is_text_and_never_yaml() -> None:
    assert tenant("name: ${NAME}\n", {"NAME": "a: [b] # ${C}"}).name == "a: [b] # ${C}"


def test_a_dollar_can_be_written() -> None:
    assert tenant("name: $${NAME} costs $5\n").name == "${NAME} costs $5"


def test_an_unset_variable_is_named_once_and_not_followed_by_other_faults() -> None:
    text = """
        name: ${NAME}
        rooms:
          a: {access: pin, pin: "${A_PIN}"}
        """
    assert problems(text, {"OTHER": "1"}) == [
        "1:7: name: the environment variable NAME is not set (set it for callcontrol, or write ${NAME:-default})",
        "3:25: pin: the environment variable A_PIN is not set (set it for callcontrol, or write ${A_PIN:-default})",
    ]


def test_a_reference_that_is_none_is_refused() -> None:
    assert problems("name: ${A-B}\n") == [
        "1:7: name: this is no variable (${NAME} or ${NAME:-default}; $${ stands for a plain ${)"
    ]


def test_the_value_of_a_variable_is_never_shown_even_when_it_is_refused() -> None:
    text = "timezone: ${ZONE}\ncaller_id: ${NUMBER}\nrooms: {a: {access: pin, pin: '${PIN}'}}\n"
    assert problems(text, {"ZONE": "hunter2", "NUMBER": "hunter3", "PIN": "hunter4"}) == [
        "1:11: timezone: unknown timezone '${ZONE}' (such as Europe/Berlin)",
        "2:12: caller_id: '${NUMBER}' is no telephone number (with country code: \"+49 30 8630\")",
        "3:31: pin: needs 4 to 10 digits",
    ]


# Secrets


def test_no_problem_shows_a_pin_or_a_password() -> None:
    text = """
        domain: acme.example
        numbers:
          "+49 30 8631": {rooms: [a, b]}
        rooms:
          a: {access: pin, pin: "48213", moderator_pin: "48213"}
          b: {access: pin, pin: 70611, moderator_pin: "482135"}
          c: {access: pin, pin: [55555], moderator_pin: 0906070}
          d: {access: open, pin: {x: "90607"}, moderator_pin: "12"}
        extensions:
          "33": {name: Clara, password: 90210, voicemail: {pin: "11"}}
          "34": {name: Clara, password: [hunter2], voicemail: {pin: 8642}}
        """
    text_of_all = "\n".join(problems(text))
    secrets = ["48213", "70611", "482135", "55555", "0906070", "90607", "90210", "hunter2", "8642", "'11'", "'12'"]
    assert len(problems(text)) >= 9
    assert [secret for secret in secrets if secret in text_of_all] == []


def test_a_tenant_printed_or_logged_shows_no_secret() -> None:
    loaded = tenant(
        """
        domain: acme.example
        rooms:
          a: {access: pin, pin: "48213", moderator_pin: "70611"}
        extensions:
          "33": {name: Clara, password: correct-horse, voicemail: {pin: "90607"}}
        """
    )
    assert not any(secret in f"{loaded!r} {loaded}" for secret in ("48213", "70611", "correct-horse", "90607"))


# What calls get


def test_the_example_tenant_is_what_its_file_says() -> None:
    loaded = load_tenant(FILE, (ROOT / "tenants" / "acme.yaml").read_bytes(), {})
    assert loaded.problems == ()
    acme = loaded.tenant
    assert acme is not None
    assert (acme.id, acme.name, acme.domain, acme.region) == ("acme", "Acme GmbH", "acme.example", "DE")
    assert acme.numbers["+49308632"].room_names == ("board", "sales")
    assert acme.numbers["+49308632"].languages == ("de", "en", "fr")
    assert acme.numbers["+4917208632"].languages == ("en",)
    assert acme.numbers["+49308633"].extension == "33"
    board = acme.rooms["board"]
    assert board.name == "board"
    assert board.access is Access.PIN
    assert board.max_participants == 10
    assert board.whitelist[1].matches("+498999999812")
    assert board.dial_out[0].number == Target("extension", "33")
    clara = acme.extensions["33"]
    assert clara.number == "33"
    assert clara.mobile == ("+491712345678",)
    assert clara.forwarding.profiles[1].selective[4].source.value == "+4989"
    assert acme.keys["*5"] is KeyAction.LOCK


def test_a_key_that_gets_another_action_gives_up_its_own_and_null_takes_one_out_of_use() -> None:
    keys = tenant('keys: {"*5": mute_all, "*4": null}\n').keys
    assert keys["*5"] is KeyAction.MUTE_ALL
    assert "*7" not in keys
    assert "*4" not in keys
    assert keys["*6"] is KeyAction.MUTE


def test_forwarding_is_read_in_its_short_and_its_long_form() -> None:
    clara = tenant(
        """
        domain: acme.example
        trunk: carrier
        block_profiles:
          office: {outgoing: [premium, "+1 900*"], incoming: [anonymous]}
        extensions:
          "33":
            name: Clara
            password: correct-horse
            voicemail: {pin: "9051"}
            block_profile: office
            forwarding:
              profiles:
                0: {no_answer: voicemail, busy: "030 8630"}
                "1": {no_answer: {to: "+49 171 5550001", after: 5}, selective: [{from: "089", ring: true}]}
        """
    ).extensions["33"]
    usual, other = clara.forwarding.profiles[0], clara.forwarding.profiles[1]
    assert usual.no_answer is not None
    assert (usual.no_answer.to, usual.no_answer.after) == (Target("voicemail"), 20)
    assert usual.targets == {"no_answer": Target("voicemail"), "busy": Target("number", "+49308630")}
    assert [str(target) for target in usual.targets.values()] == ["voicemail", "+49308630"]
    assert other.no_answer is not None
    assert (str(other.no_answer.to), other.no_answer.after) == ("+491715550001", 5)
    assert other.selective[0].source == Source("number", "+4989")
    assert other.selective[0].ring


def test_every_entry_of_a_loaded_tenant_is_valid_by_itself() -> None:
    """So a program may take one, change a value and validate the result."""
    acme = load_tenant(FILE, (ROOT / "tenants" / "acme.yaml").read_bytes(), {}).tenant
    assert acme is not None
    for entry in (
        *acme.rooms.values(),
        *acme.extensions.values(),
        *acme.numbers.values(),
        *acme.block_profiles.values(),
    ):
        assert type(entry).model_validate(dict(entry)) == entry


def test_a_loaded_tenant_cannot_be_changed() -> None:
    loaded = tenant("rooms: {a: {access: open}}\n")
    with pytest.raises(TypeError):
        loaded.rooms["b"] = loaded.rooms["a"]  # type: ignore[index]
    with pytest.raises(ValueError, match="frozen"):
        loaded.rooms["a"].access = Access.PIN


def test_rooms_may_share_what_an_anchor_names() -> None:
    rooms = tenant(
        """
        rooms:
          a: &usual {access: pin, pin: "48213", max_participants: 5}
          b: {<<: *usual, pin: "70611"}
        """
    ).rooms
    assert rooms["b"].max_participants == 5
    assert rooms["b"].pin != rooms["a"].pin


def test_a_fault_behind_an_anchor_is_shown_where_it_is_written_once() -> None:
    text = """
        rooms:
          a: &usual {access: open, max_participants: 1, recrod: never}
          b: *usual
          c: {<<: *usual}
        """
    assert problems(text) == [
        "2:46: max_participants: 1 is too small (2 at least)",
        "2:49: unknown key 'recrod' (did you mean 'record'?)",
    ]


@pytest.mark.parametrize("domain", ["acme.example", "Localhost", "10.0.0.1", "a-b.c", "a" * 63 + ".de"])
def test_a_domain_is_any_host_name_in_small_letters(domain: str) -> None:
    assert tenant(f"domain: '{domain}'\n").domain == domain.lower()


@pytest.mark.parametrize(
    "domain", ["", "a..b", "-a.b", "a-.b", "a.b.", ".a", "a b", "a" * 64, "a_b", "a.b" * 100, "ä.de"]
)
def test_what_is_no_host_name_is_no_domain(domain: str) -> None:
    assert "is no domain name" in problems(f"domain: '{domain}'\n")[0]


def test_nothing_a_file_says_can_write_to_a_terminal_or_begin_a_new_line_in_a_log() -> None:
    text = """
        "a\\nb": 1
        rooms:
          "x\\e[2J\\ny": {access: "\\e[31m", pin: 1}
        numbers:
          "+49 30 8631": {room: z}
        """
    shown = problems(text)
    assert len(shown) == 5
    assert all(problem.isprintable() for problem in shown)


def test_a_message_is_no_longer_than_a_few_lines() -> None:
    assert all(len(problem) < 900 for problem in problems(f"{'x' * 900}: 1\nrooms: {{{'y' * 9000}: 1}}\n"))


# Whatever the bytes are


@given(st.binary(max_size=300))
def test_no_bytes_raise_and_there_is_a_tenant_or_a_problem(data: bytes) -> None:
    loaded = load_tenant(FILE, data, {})
    assert (loaded.tenant is None) == bool(loaded.problems)


KEYS = st.sampled_from(
    [
        *("tenant", "name", "domain", "region", "timezone", "languages", "numbers", "rooms", "extensions", "keys"),
        *("access", "pin", "whitelist", "board", "33", "+49 30 8631", "forwarding", "profiles", "0", "selective"),
        *("from", "always", "no_answer", "schedule", "dial_out", "room", "extension", "voicemail", "start", "rule"),
    ]
)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 99999) | st.sampled_from(["pin", "48213", "DE", "board", "33", "${A}"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=4),
    max_leaves=20,
)
ENTRIES = st.dictionaries(KEYS, VALUES, max_size=5)
FILES = st.fixed_dictionaries(
    {},
    optional={
        "tenant": st.just("acme") | VALUES,
        "region": st.just("DE") | VALUES,
        "domain": st.just("acme.example") | VALUES,
        "numbers": st.dictionaries(KEYS, ENTRIES | VALUES, max_size=3) | VALUES,
        "rooms": st.dictionaries(KEYS, ENTRIES | VALUES, max_size=3) | VALUES,
        "extensions": st.dictionaries(KEYS, ENTRIES | VALUES, max_size=3) | VALUES,
        "block_profiles": st.dictionaries(KEYS, ENTRIES | VALUES, max_size=3) | VALUES,
        "keys": st.dictionaries(st.sampled_from(["*5", "*77", "5"]), VALUES, max_size=3) | VALUES,
    },
)


@given(FILES)
def test_no_shape_of_a_file_raises_and_every_problem_has_a_place_in_it(values: dict[str, object]) -> None:
    text = json.dumps(values) + "\n"  # JSON is YAML
    loaded = load_tenant(FILE, text.encode(), {})
    assert (loaded.tenant is None) == bool(loaded.problems)
    assert all(problem.line == 1 and 1 <= problem.column <= len(text) for problem in loaded.problems)
    assert list(loaded.problems) == sorted(set(loaded.problems))
