"""Telephone numbers: what callers, carriers and administrators write, and what it means."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from callcontrol.numbers import REGIONS, NumberPattern, _to_e164, is_costly, is_emergency, is_withheld, masked, to_e164


@pytest.mark.parametrize(
    ("written", "region", "expected"),
    [
        ("030 8630", "DE", "+49308630"),
        ("+49 30 8630", "DE", "+49308630"),
        ("+49 30 8630", "US", "+49308630"),
        ("+49 (0)30 8630", "DE", "+49308630"),
        ("0049 30 8630", "DE", "+49308630"),
        ("011 49 30 8630", "US", "+49308630"),
        ("49308630", "DE", "+49308630"),  # carriers that leave out the +
        ("(202) 555-0172", "US", "+12025550172"),
        ("12025550172", "US", "+12025550172"),
        ("06 12345678", "IT", "+390612345678"),  # the zero belongs to Italian numbers
        ("030\u202f8630", "DE", "+49308630"),  # the thin space of typographers
        ("+1 202 555 0172", "ZZ", "+12025550172"),
    ],
)
def test_a_number_is_read_as_one_dials_it_in_the_region(written: str, region: str, expected: str) -> None:
    assert to_e164(written, region) == expected


@pytest.mark.parametrize("dialled", ["110", "112", "115", "116117", "19222"])
def test_emergency_and_short_numbers_are_no_e164_numbers(dialled: str) -> None:
    assert to_e164(dialled, "DE") is None


@pytest.mark.parametrize(
    "written",
    [
        "",
        " ",
        "+",
        "33",
        "8630",
        "030",
        "anonymous",
        "0000000000",
        "0800 FLOWERS",
        "030 8630 ext. 5",
        "tel:+49308630",
        "+49308630;ext=5",
        "call 030 8630",
        "４９３０",
        "+49 30 8630\x00",
        "1" * 60_000,
        "+" * 30,
        "+0 30 8630",
    ],
)
def test_what_is_no_number_is_not_guessed(written: str) -> None:
    assert to_e164(written, "DE") is None


def test_a_national_number_means_nothing_without_a_region() -> None:
    assert to_e164("030 8630", "ZZ") is None


@given(st.text(max_size=60), st.sampled_from(sorted(REGIONS)))
def test_whatever_comes_the_answer_is_e164_or_nothing(text: str, region: str) -> None:
    number = to_e164(text, region)
    assert number is None or (
        number.startswith("+") and number[1:].isdecimal() and number.isascii() and len(number) <= 16
    )


@given(st.sampled_from(["DE", "US", "IT", "FR", "GB"]), st.from_regex(r"\+(49|1|39|33|44)[0-9]{8,10}", fullmatch=True))
def test_an_e164_number_stays_what_it_is_in_every_region(region: str, number: str) -> None:
    first = to_e164(number, region)
    assert first is None or to_e164(first, "ZZ") == first


@pytest.mark.parametrize(
    "number",
    [
        "",
        "anonymous",
        "Anonymous",
        "ANONYMOUS",
        "Restricted",
        "unavailable",
        "unknown",
        "0000000000",
        "Private",
        " ",
        "anonymous@anonymous.invalid",
        "sip:anonymous@anonymous.invalid",
        '"Anonymous"',
        "+0",
    ],
)
def test_a_withheld_number_is_recognised_in_every_spelling(number: str) -> None:
    assert is_withheld(number)


@pytest.mark.parametrize("number", ["+49308630", "33", "112", "0049308630", "anonymouse"])
def test_a_number_that_is_shown_is_not_withheld(number: str) -> None:
    assert not is_withheld(number)


def test_emergency_numbers_belong_to_their_country() -> None:
    assert is_emergency("110", "DE")
    assert is_emergency("911", "US")
    assert not is_emergency("911", "DE")
    assert not is_emergency("110", "ZZ")


def test_a_pattern_without_a_star_means_one_number() -> None:
    pattern = NumberPattern.parse("+49 171 2345678", "DE")
    assert pattern.matches("+491712345678")
    assert not pattern.matches("+4917123456780")
    assert not pattern.matches("+49171234567")


@pytest.mark.parametrize("written", ["+49 89 999998*", "089 999998*", "0049 (89) 999998*", "089/999998*"])
def test_a_pattern_with_a_star_means_all_numbers_that_begin_so(written: str) -> None:
    pattern = NumberPattern.parse(written, "DE")
    assert str(pattern) == "+4989999998*"
    assert pattern.matches("+498999999812")
    assert not pattern.matches("+498999999912")


def test_a_pattern_never_matches_a_withheld_number_or_what_is_no_number() -> None:
    pattern = NumberPattern.parse("+49*", "DE")
    assert not any(pattern.matches(number) for number in (None, "", "anonymous", "49308630", "+49308630\n+1", "+49*"))


@pytest.mark.parametrize(
    "written", ["*", " *", "+*", "+49**", "89*", "(0)89*", "+0*", "abc*", "8630", "+49 30 8630 x", ""]
)
def test_a_pattern_that_says_nothing_certain_is_refused_with_the_reason(written: str) -> None:
    with pytest.raises(ValueError, match=r"is no|needs"):
        NumberPattern.parse(written, "DE")


def test_a_national_pattern_needs_a_region() -> None:
    with pytest.raises(ValueError, match="needs the country code"):
        NumberPattern.parse("089*", "ZZ")


@given(st.text(max_size=60))
def test_a_pattern_is_made_or_refused_whatever_is_written(text: str) -> None:
    try:
        pattern = NumberPattern.parse(text, "DE")
    except ValueError:
        return
    assert NumberPattern.parse(str(pattern), "US") == pattern


def test_a_number_seen_before_is_not_worked_out_again() -> None:
    """Budget of a whole call: 1.5 ms of CPU; reading one number takes a good part of that."""
    to_e164("+49 30 8630", "DE")
    before = _to_e164.cache_info()
    assert to_e164("+49 30 8630", "DE") == "+49308630"
    after = _to_e164.cache_info()
    assert (after.hits, after.misses) == (before.hits + 1, before.misses)


@pytest.mark.parametrize(
    ("number", "shown"),
    [
        ("+491712345601", "+49 171 *****01"),
        ("+498999999812", "+49 89 ******12"),
        ("+49308631", "+49 30 ****"),  # so few digits that two would tell
        ("+12025550171", "+1 202 *****71"),
        ("+33142685300", "+33 1 ******00"),
        ("+35212345", "+352 ***45"),
        ("+99912345678", "*********78"),  # no country
        ("01712345601", "*********01"),
        ("Max 01712345601", "*********01"),  # what callers call themselves
        ("33", "33"),
        ("123456", "123456"),  # an extension
        ("", ""),
        ("Clara", "Clara"),
    ],
)
def test_a_masked_number_shows_where_it_is_and_not_whose_it_is(number: str, shown: str) -> None:
    assert masked(number) == shown


@given(st.text(alphabet="+0123456789 ()-x", max_size=30))
def test_masking_never_fails_and_never_shows_more_than_six_digits_of_anything(text: str) -> None:
    shown = masked(text)
    digits = [letter for letter in text if letter.isdigit()]
    assert len(digits) <= 6 or shown.count("*") >= 2


@pytest.mark.parametrize(
    "number",
    [
        "+499001234567",
        *("+4990012345678", "+49900123456789"),  # a network takes off what is dialled behind a whole number
        *("+4918051234567", "+4918051234567890"),
        "+31900123456789",
        "+88216123456789",
        *("+4911833", "+49116117"),  # short numbers, whatever is written before them
    ],
)
def test_what_costs_more_than_a_call_is_known_whatever_is_dialled_behind_it(number: str) -> None:
    assert is_costly(number)


@pytest.mark.parametrize(
    "number",
    [
        "+49308630",
        "+4989863000",
        "+491715551001",
        "+4917155510012345",
        "+12025550134",
        "+390612345678",
        "+498003301000",
    ],
)
def test_a_telephone_call_is_not_costly(number: str) -> None:
    assert not is_costly(number)
