"""The worked examples of docs/forwarding.md: each file is checked, and each command answers what the page says."""

from __future__ import annotations

import re
import shlex
from dataclasses import dataclass
from pathlib import Path

import pytest
from click.testing import CliRunner

from callcontrol.cli import main

PAGE = Path(__file__).parent.parent / "docs" / "forwarding.md"


@dataclass(frozen=True)
class Example:
    """A tenant file and a dialogue on the terminal."""

    title: str
    file: str
    dialogue: str


def examples() -> list[Example]:
    text = PAGE.read_text("utf-8").split("\n## Four examples\n")[1]
    found = re.findall(r"^### (.+?)\n+```yaml\n(.+?)```\n+```console\n(.+?)```", text, re.DOTALL | re.MULTILINE)
    return [Example(*parts) for parts in found]


def played(dialogue: str) -> str:
    """The same commands with what they print now."""
    told = []
    for line in dialogue.splitlines():
        if line.startswith("# callcontrol "):
            result = CliRunner().invoke(main, shlex.split(line)[2:], env={})
            assert result.exit_code == 0, result.output
            told.append(f"{line}\n{result.output}")
    return "".join(told)


def test_the_manual_has_four_examples() -> None:
    assert len(examples()) == 4


@pytest.mark.parametrize("example", examples(), ids=lambda example: example.title)
def test_an_example_of_the_manual_does_what_the_manual_says(
    example: Example, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "tenants").mkdir()
    (tmp_path / "tenants" / "acme.yaml").write_text(example.file)
    monkeypatch.chdir(tmp_path)
    checked = CliRunner().invoke(main, ["check", "tenants"])
    assert checked.exit_code == 0, checked.output
    assert played(example.dialogue) == example.dialogue
