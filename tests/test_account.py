"""What stands on a channel for the ledger: it always can be written there, and is read again as it was."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from callcontrol.account import Account, account_of, decoded, encoded
from callcontrol.switch.literals import assignments

NAMES = st.text(st.characters(exclude_categories=["C", "Z"]), min_size=1, max_size=80)


def on_a_channel(name: str) -> str:
    """The name of an account that was written on a channel and read again."""
    variables = Account("acme", "board", "participant", "tenant", "+49301", name).variables()
    written = dict(pair.split("=", 1) for pair in assignments(variables).split(";"))
    found = account_of(lambda variable: written.get(variable, ""))
    assert found is not None
    return found.name


@pytest.mark.parametrize("name", ["Zoë Müller", "Дмитрий Иванович", "山田 太郎", "O'Brien; DROP ${x}", "😀" * 20])
def test_a_name_comes_back_as_it_was(name: str) -> None:
    assert on_a_channel(name) == name


@given(NAMES)
def test_any_name_of_a_tenant_file_can_be_written_and_a_long_one_loses_its_end_only(name: str) -> None:
    found = on_a_channel(name)
    assert name.startswith(found)
    assert found == name or len(name.encode()) > 150


def test_a_long_name_in_a_script_of_many_bytes_keeps_nobody_out() -> None:
    assert len(on_a_channel("山" * 80)) > 40
    assert decoded(encoded("😀" * 80)) == "😀" * (len(encoded("😀" * 80)) // 12)
