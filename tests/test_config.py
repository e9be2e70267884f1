"""The operator's callcontrol.yaml: defaults for everything, paths beside the file, every fault at once."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from callcontrol.config import PASSWORD_VARIABLE, Config, DialOut, Smtp, Switch, load_config
from callcontrol.errors import ConfigError, SwitchRefused
from callcontrol.tenants.fields import Model


def config(folder: Path, text: str, environ: dict[str, str] | None = None) -> Config:
    (folder / "callcontrol.yaml").write_text(text)
    return load_config(folder / "callcontrol.yaml", environ or {})


def problems(folder: Path, text: str, environ: dict[str, str] | None = None) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        config(folder, text, environ)
    assert str(caught.value).splitlines() == [str(problem) for problem in caught.value.problems]
    return [str(problem).removeprefix(f"{folder}/callcontrol.yaml:") for problem in caught.value.problems]


@pytest.mark.parametrize("text", ["", "# nothing yet\n"])
def test_an_empty_file_is_a_configuration(tmp_path: Path, text: str) -> None:
    loaded = config(tmp_path, text)
    assert loaded.listen == ("127.0.0.1", 8084)
    assert loaded.http == ("127.0.0.1", 8085)
    assert loaded.peers == ("127.0.0.1",)
    assert [(switch.name, switch.host, switch.port) for switch in loaded.switches] == [("local", "127.0.0.1", 8021)]
    assert (loaded.tenants, loaded.state, loaded.prompts) == tuple(
        tmp_path / name for name in ("tenants", "state", "prompts")
    )
    assert loaded.database == f"sqlite:///{tmp_path}/state/callcontrol.db"
    assert (loaded.switch_prompts, loaded.directory) == (None, None)
    assert (loaded.max_calls, loaded.drain_seconds) == (2000, 20)


def test_every_key_can_be_set_and_paths_are_relative_to_the_file(tmp_path: Path) -> None:
    loaded = config(
        tmp_path,
        """
        listen: 10.0.0.1:9084
        http: "[::1]:9085"
        peers: [10.0.0.2, "::1"]
        switches:
          - {name: a, host: sip-a.example, port: 8022, password_file: secrets/a}
          - {name: b, host: "::1", password: "${B_PASSWORD}"}
        tenants: customers
        state: /var/lib/callcontrol
        database: postgresql://cc:${DB_PASSWORD}@db/cc
        prompts: ../prompts
        switch_prompts: /usr/share/prompts
        directory: directory
        max_calls: 10
        drain_seconds: 0
        """,
        {"B_PASSWORD": "hunter2", "DB_PASSWORD": "hunter3"},
    )
    assert (loaded.listen, loaded.http) == (("10.0.0.1", 9084), ("::1", 9085))
    assert loaded.peers == ("10.0.0.2", "::1")
    assert loaded.switches[0].password_file == tmp_path / "secrets" / "a"
    assert loaded.switches[1].read_password({}) == "hunter2"
    assert (loaded.tenants, loaded.state) == (tmp_path / "customers", Path("/var/lib/callcontrol"))
    assert loaded.prompts == tmp_path / ".." / "prompts"
    assert loaded.switch_prompts == "/usr/share/prompts"
    assert loaded.directory == tmp_path / "directory"
    assert loaded.database == "postgresql://cc:hunter3@db/cc"
    assert (loaded.max_calls, loaded.drain_seconds) == (10, 0)


def test_a_configuration_printed_or_logged_shows_no_password(tmp_path: Path) -> None:
    loaded = config(tmp_path, "switches: [{password: hunter2}]\ndatabase: postgresql://cc:hunter3@db/cc\n")
    assert "hunter" not in f"{loaded!r} {loaded}"


def test_all_faults_are_told_at_once_with_their_places(tmp_path: Path) -> None:
    text = """\
listen: 8084
http: localhost
peers: [127.0.0.1, localhost, 10.0.0.0/8]
switches:
  - {name: a, prot: 8021}
  - {name: a b, port: 70000, host: "x y"}
  - {name: c, password: x, password_file: y}
  - {name: d, password: ClueCon}
max_calls: "20"
drain_seconds: -1
tenants: ""
switch_prompts: prompts
databse: x
"""
    assert problems(tmp_path, text) == [
        '1:9: listen: unquoted digits are a number to YAML (quote it: "8084")',
        "2:7: http: 'localhost' is no HOST:PORT (such as 127.0.0.1:8084)",
        "3:20: peers entry 2: 'localhost' is no IP address (such as 127.0.0.1)",
        "3:31: peers entry 3: '10.0.0.0/8' is no IP address (such as 127.0.0.1)",
        "5:15: unknown key 'prot' (did you mean 'port'?)",
        "6:12: name: 'a b' is no name (letters, digits, . _ and -; 32 at most)",
        "6:23: port: 70000 is too large (65535 at most)",
        "6:36: host: 'x y' is neither a host name nor an IP address",
        "7:5: switches entry 3: has both password and password_file (keep one of them)",
        "8:25: password: is the password every FreeSWITCH begins with",
        "9:12: max_calls: must be a whole number, not '20' (write it without quotes)",
        "10:16: drain_seconds: -1 is too small (0 at least)",
        "11:10: tenants: needs a path",
        "12:17: switch_prompts: must be an absolute path (FreeSWITCH may run elsewhere)",
        "13:1: unknown key 'databse' (did you mean 'database'?)",
    ]


def test_switches_have_different_names_and_there_is_at_least_one(tmp_path: Path) -> None:
    assert problems(tmp_path, "switches: [{name: a}, {name: a}]\n") == [
        "1:1: the file: two switches have the same name (name: tells them apart)"
    ]
    assert problems(tmp_path, "switches: []\n") == ["1:11: switches: needs at least one entry"]


def test_a_variable_that_is_not_set_is_named_and_one_that_is_never_shown(tmp_path: Path) -> None:
    assert problems(tmp_path, "listen: ${A}\nhttp: ${B}\nswitches: [{password: '${C}'}]\n", {"B": "hunter2"}) == [
        "1:9: listen: the environment variable A is not set (set it for callcontrol, or write ${A:-default})",
        "2:7: http: '${B}' is no HOST:PORT (such as 127.0.0.1:8084)",
        "3:23: password: the environment variable C is not set (set it for callcontrol, or write ${C:-default})",
    ]


def test_a_file_that_is_missing_is_a_problem_like_any_other(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"missing\.yaml:1:1: cannot be read: No such file or directory"):
        load_config(tmp_path / "missing.yaml", {})


def test_the_password_file_is_read_at_every_connect(tmp_path: Path) -> None:
    switch = Switch(password_file=tmp_path / "password")
    (tmp_path / "password").write_text("first\n")
    assert switch.read_password({}) == "first"
    (tmp_path / "password").write_text("second\n")
    assert switch.read_password({PASSWORD_VARIABLE: "other"}) == "second"


def test_without_password_and_file_the_variable_of_freeswitch_is_used() -> None:
    assert Switch().read_password({PASSWORD_VARIABLE: "correct-horse"}) == "correct-horse"


def test_a_switch_without_a_usable_password_is_refused_with_the_reason(tmp_path: Path) -> None:
    with pytest.raises(SwitchRefused, match="the variable CALLCONTROL_ESL_PASSWORD is empty"):
        Switch().read_password({})
    with pytest.raises(SwitchRefused, match="is the password every FreeSWITCH begins with"):
        Switch().read_password({PASSWORD_VARIABLE: "ClueCon"})
    with pytest.raises(SwitchRefused, match="cannot be read: No such file or directory"):
        Switch(password_file=tmp_path / "missing").read_password({})
    (tmp_path / "binary").write_bytes(b"\xff")
    with pytest.raises(SwitchRefused, match="cannot be read: it is not UTF-8"):
        Switch(password_file=tmp_path / "binary").read_password({})


def test_people_are_called_again_as_the_operator_says(tmp_path: Path) -> None:
    usual = config(tmp_path, "").dial_out
    assert (usual.ring_seconds, usual.most_tries) == (35, 5)
    assert [(again.times, again.after) for again in (usual.busy, usual.no_answer, usual.no_key)] == [
        *((2, 60), (2, 120), (1, 180))
    ]
    changed = config(tmp_path, "dial_out: {ring_seconds: 25, busy: {times: 0, after: 60}}").dial_out
    assert (changed.ring_seconds, changed.busy.times, changed.no_answer) == (25, 0, usual.no_answer)


def test_nobody_is_rung_for_minutes_or_called_again_for_ever(tmp_path: Path) -> None:
    text = "dial_out: {ring_seconds: 600, busy: {times: 11, after: 0}, no_key: {times: 1}}"
    assert problems(tmp_path, text) == [
        "1:26: ring_seconds: 600 is too large (120 at most)",
        "1:45: times: 11 is too large (10 at most)",
        "1:56: after: 0 is too small (1 at least)",
        "1:60: missing key 'after'",
    ]


REFERENCE = (Path(__file__).parent.parent / "docs" / "configuration.md").read_text("utf-8")


@pytest.mark.parametrize(
    ("heading", "model"), [("The daemon", Config), ("A switch", Switch), ("Dial-out", DialOut), ("Mail", Smtp)]
)
def test_the_reference_has_every_key_with_its_default(heading: str, model: type[Model]) -> None:
    table = REFERENCE.split(f"## {heading}\n")[1].split("\n## ")[0]
    rows = [[cell.strip() for cell in line.split("|")] for line in table.splitlines() if line.startswith("| `")]
    assert [row[1].strip("`") for row in rows] == list(model.model_fields)
    for _, key, default, *_ in rows:
        field = model.model_fields[key.strip("`")]
        if isinstance(field.default, bool):
            assert (key, default) == (key, f"`{str(field.default).lower()}`")
        elif isinstance(field.default, int) or (isinstance(field.default, (str, Path)) and str(field.default)):
            assert (key, default) == (key, f"`{field.default}`")


@given(data=st.binary(max_size=200))
def test_whatever_the_file_holds_there_is_a_configuration_or_problems(
    data: bytes, tmp_path_factory: pytest.TempPathFactory
) -> None:
    path = tmp_path_factory.getbasetemp() / "any.yaml"
    path.write_bytes(data)
    with suppress(ConfigError):
        assert load_config(path, {}).switches


def test_a_mail_server_has_an_address_a_sender_and_where_it_asks_a_password(tmp_path: Path) -> None:
    text = 'smtp: {url: "smtp://rooms:${SMTP}@mail.example", sender: rooms@acme.example, ca_file: own.pem}\n'
    smtp = config(tmp_path, text, {"SMTP": "a%2Fb"}).smtp
    assert smtp is not None
    server = smtp.server
    assert (server.host, server.port, server.implicit_tls) == ("mail.example", 587, False)
    assert (server.user, server.password, smtp.starttls) == ("rooms", "a/b", True)
    assert smtp.ca_file == tmp_path / "own.pem"
    assert config(tmp_path, "").smtp is None


@pytest.mark.parametrize(
    ("settings", "problem"),
    [
        ("url: mail.example", "1:13: url: does not begin with smtp:// or smtps:// (such as smtp://user:"),
        ("url: 'smtp://mail.example:99999'", "1:13: url: has a host or port that is none (such as smtp://user:"),
        ("url: 'smtp://:pw@mail.example'", "1:13: url: has a password and no user"),
        ("url: 'smtp://u:a/b@mail.example'", "1:13: url: has a host or port that is none"),
        ("url: 'smtp://u:p@mail.example/x'", "1:13: url: has something after the port"),
        ("url: 'smtp://'", "1:13: url: names no host"),
        ("url: 'smtp://u:%0Ap@mail.example'", "1:13: url: has other characters than printable ASCII"),
        ("url: 'smtp://u:pw@mail.example', starttls: false", "1:1: smtp: would send the password unencrypted"),
        (
            "url: 'smtp://u:pw@mail.example', password_file: x",
            "1:1: smtp: has a password in its url and a password_file",
        ),
        ("url: 'smtp://mail.example', password_file: x", "1:1: smtp: has a password_file and no user"),
    ],
)
def test_a_mail_server_that_would_fail_or_tell_the_password_is_refused(
    tmp_path: Path, settings: str, problem: str
) -> None:
    [told] = problems(tmp_path, f"smtp: {{{settings}, sender: rooms@acme.example}}\n")
    assert told.startswith(problem)
    assert "pw" not in told


def test_a_password_may_go_unencrypted_to_this_machine(tmp_path: Path) -> None:
    text = "smtp: {url: 'smtp://u:pw@127.0.0.1:25', sender: rooms@acme.example, starttls: false}\n"
    assert config(tmp_path, text).smtp is not None
