"""How somebody is called: what is asked of the stores and the switch before, and what the call is told."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from callcontrol.outgoing import Callee, callee
from callcontrol.state import Database, sqlite_url
from callcontrol.state.rounds import Invitee, Round, RoundStore, Try
from tests.dialout_ground import BEGAN, Clock, Switch, exchange
from tests.tenant_files import tenant

ACME = tenant("""
trunk: carrier
languages: [de, en]
rooms:
  board: {access: open}
""")
MAX = "+491715550001"


@pytest.fixture
def store(tmp_path: Path) -> Iterator[RoundStore]:
    database = Database(sqlite_url(tmp_path))
    yield RoundStore(database)
    database.close()


@pytest.mark.parametrize(
    ("listed", "chosen", "spoken"),
    [
        ("", None, "de"),
        ("", "en", "en"),
        ("", "fr", "de"),  # a language the tenant has given up
        ("en", None, "en"),
        ("en", "de", "de"),
        ("en", "fr", "en"),
    ],
)
def test_who_is_called_hears_the_language_they_chose_or_that_of_the_list(store, listed, chosen, spoken):
    ground = replace(exchange(store, lambda: ACME, Clock(), Switch(Clock())), language_of=lambda *_who: chosen)
    round_ = Round("acme.board@1", "acme", "board", "command", BEGAN, BEGAN, BEGAN + 60, "one", BEGAN + 15)
    who = callee(MAX, ACME)
    assert isinstance(who, Callee)
    one, try_ = Invitee(0, "Max", MAX, language=listed), Try(round_.id, 0, 1, "acme", "local", "leg", True, BEGAN)
    assert f"cc_language={spoken}," in ground.command(round_, one, who, try_, ACME, ["sofia/gateway/carrier/1"])
