"""What is shipped beside the code fits together: image, compose file, unit and documents name what exists."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from callcontrol.config import Config, load_config
from callcontrol.metrics import Metrics

HOME = Path(__file__).parent.parent


@pytest.fixture
def compose() -> dict[str, Any]:
    content: dict[str, Any] = yaml.safe_load((HOME / "docker-compose.yml").read_text())
    return content


@pytest.fixture
def container() -> Config:
    return load_config(HOME / "docs" / "callcontrol.container.yaml", {})


def mounts(compose: dict[str, Any], service: str) -> dict[str, str]:
    """Path in the container -> what is mounted there."""
    return {volume.split(":")[1]: volume.split(":")[0] for volume in compose["services"][service]["volumes"]}


def test_the_containers_configuration_is_valid_and_names_what_compose_mounts(compose, container):
    daemon, switch = mounts(compose, "callcontrol"), mounts(compose, "freeswitch")
    assert daemon[str(container.tenants)] == "./tenants"
    assert daemon[str(container.state)] == "state"
    assert daemon[str(container.directory)] == switch[str(container.directory)] == "directory"
    assert switch[str(container.switch_prompts)] == "./prompts"
    assert (
        str(container.switches[0].password_file) == f"/run/secrets/{compose['services']['callcontrol']['secrets'][0]}"
    )


def test_the_switch_finds_its_dialplan_and_prompts_beside_its_configuration(compose):
    script = compose["services"]["freeswitch"]["command"][0]
    assert "-conf /srv/callcontrol/freeswitch-conf" in script
    assert mounts(compose, "freeswitch").items() >= {
        ("/srv/callcontrol/freeswitch-conf", "./freeswitch-conf"),
        ("/srv/callcontrol/dialplan", "./dialplan"),
        ("/srv/callcontrol/prompts", "./prompts"),
    }


def test_what_became_of_calls_is_written_where_the_daemon_may_take_it_away(compose):
    folder = compose["services"]["freeswitch"]["environment"]["CALLCONTROL_CDR"]
    assert mounts(compose, "callcontrol")[folder] == mounts(compose, "freeswitch")[folder] == "cdr"
    assert f"-m 2770 {folder}" in (HOME / "Dockerfile").read_text()
    script = compose["services"]["freeswitch"]["command"][0]
    assert script.index("umask 077") < script.index("mkdir") < script.index("umask 027") < script.index("exec ")


def test_messages_of_mailboxes_are_kept_where_the_daemon_may_read_them(compose):
    folder = compose["services"]["freeswitch"]["environment"]["CALLCONTROL_VOICEMAIL"]
    assert mounts(compose, "callcontrol")[folder] == mounts(compose, "freeswitch")[folder] == "voicemail"
    assert re.search(f"-m 2770 .*{folder}\n", (HOME / "Dockerfile").read_text())


def test_every_variable_given_to_the_switch_is_one_its_configuration_reads(compose):
    known = (HOME / "freeswitch-conf" / "callcontrol" / "vars.xml").read_text()
    for name in compose["services"]["freeswitch"]["environment"]:
        assert f"=${name}" in known


def test_every_variable_of_the_switch_is_described():
    known = (HOME / "freeswitch-conf" / "callcontrol" / "vars.xml").read_text()
    described = (HOME / "docs" / "freeswitch.md").read_text()
    for name in re.findall(r"=\$CALLCONTROL_([A-Z_]+)\"", known):
        assert re.search(rf"^\| .*`{name}`.* \|", described, re.MULTILINE), name


def test_nothing_stops_a_daemon_before_its_conversations_had_their_time(compose, container):
    grace = int(compose["services"]["callcontrol"]["stop_grace_period"].removesuffix("s"))
    unit = (HOME / "docs" / "callcontrol.service").read_text()
    timeout = int(re.findall(r"^TimeoutStopSec=(\d+)$", unit, re.MULTILINE)[0])
    assert min(grace, timeout) > container.drain_seconds + 5


def test_the_image_is_built_from_files_that_exist_and_reach_the_builder():
    sent = {line[1:] for line in (HOME / ".dockerignore").read_text().splitlines() if line.startswith("!")}
    copied = re.findall(r"^COPY (?!--from)(.+) \S+$", (HOME / "Dockerfile").read_text(), re.MULTILINE)
    for name in " ".join(copied).split():
        assert (HOME / name).exists()
        assert name in sent


def test_every_metric_is_explained_to_the_operator():
    text = (HOME / "docs" / "operations.md").read_text()
    table = text.split("## Metrics")[1].split("## Alarms")[0]
    explained = set(re.findall(r"`([a-z_]+)(?:\{[a-z,]+\})?`", table.split("|---|---|")[1].replace("_total", "")))
    measured = {
        line.split()[2] for line in Metrics().text().decode().splitlines() if line.startswith("# TYPE callcontrol_")
    }
    own = {
        name.removeprefix("callcontrol_").removesuffix("_total") for name in measured if not name.endswith("_created")
    }
    assert own <= explained
