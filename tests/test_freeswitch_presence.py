"""Telephones that watch each other: off unless the operator wants it, and never without an account."""

from __future__ import annotations

from pathlib import Path

import pytest
from pydantic import SecretStr

from callcontrol.directory import write_directory
from callcontrol.tenants import Extension, Tenant, Tenants
from tests.own_freeswitch import Conversation, Daemon, Running, running
from tests.sip_caller import Caller

pytestmark = pytest.mark.freeswitch

PASSWORD = "s3cret-of-33"


def office(folder: Path) -> None:
    def account(number: str) -> Extension:
        return Extension.model_construct(number=number, name="x", password=SecretStr(PASSWORD))

    extensions = {number: account(number) for number in ("33", "34")}
    acme = Tenant.model_construct(id="acme", domain="acme.example", region="DE", numbers={}, extensions=extensions)
    write_directory(folder / "directory", Tenants.of([acme]))


def watcher(switch: Running, password: str | None = PASSWORD) -> Caller:
    """The telephone of 33, which wants to watch 34."""
    return Caller(switch.extensions, "34", user="33", domain="acme.example", password=password)


def waits(daemon: Daemon, conversation: Conversation) -> None:
    daemon.calls.append(conversation.connect())
    conversation.execute("answer")
    conversation.stay()


def test_without_the_operators_word_nobody_watches_anybody(tmp_path: Path) -> None:
    office(tmp_path)
    with running(tmp_path) as switch, watcher(switch) as telephone:
        assert telephone.subscribe().final() in (405, 489, 501)


def test_a_lamp_lights_while_a_colleague_talks(tmp_path: Path) -> None:
    office(tmp_path)
    with running(tmp_path, CALLCONTROL_PRESENCE="true") as switch, Daemon(switch.daemon, waits):
        with watcher(switch, None) as stranger:
            assert stranger.subscribe().final() == 407
        with watcher(switch) as telephone:
            assert telephone.subscribe().final() in (200, 202)
            telephone.until(lambda: any("dialog-info" in notice for notice in telephone.notices), 5)
            with Caller(switch.extensions, "*10", user="34", domain="acme.example", password=PASSWORD) as colleague:
                assert colleague.dial().final() == 200
                telephone.until(lambda: any("<state>confirmed</state>" in notice for notice in telephone.notices), 5)
            telephone.until(lambda: "<state>terminated</state>" in telephone.notices[-1], 5)
