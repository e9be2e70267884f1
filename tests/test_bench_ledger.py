"""The benchmark of the ledger measures something: no figure is checked here, only the way to it."""

from __future__ import annotations

import math
from pathlib import Path

import pytest

from bench.ledger import BEGAN, DAYS, KINDS, POSTGRESQL, Plan, measure, report
from bench.ledger import _legs as legs


def test_every_kind_of_writing_and_both_statements_are_measured(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv(POSTGRESQL, raising=False)
    result = measure(tmp_path, Plan(legs=20, rounds=1, rows=60))
    assert [rate.what for rate in result.rates] == list(KINDS)
    (statement,) = result.statements
    values = [*statement.usage, *statement.history, statement.reading, *(rate.per_second[0] for rate in result.rates)]
    assert all(math.isfinite(value) and value > 0 for value in values)
    assert "SQLite" in report(result)


def test_the_month_it_invents_is_one_that_could_have_been() -> None:
    month = list(legs(500))
    assert len({leg.call for leg in month}) == 500
    assert all(BEGAN <= leg.began_at < leg.joined_at < (leg.left_at or 0) for leg in month)
    assert max(leg.joined_at for leg in month) < BEGAN + DAYS * 86400
    assert {leg.role for leg in month} == {"moderator", "participant"}
