"""Two daemons, one switch: one of them steers."""

from __future__ import annotations

from callcontrol.rooms.lease import RENEW_SECONDS, STALE_SECONDS, Lease


class Globals:
    """The global variables of a FreeSWITCH, with its conditional set (switch_core.c)."""

    def __init__(self) -> None:
        self.values: dict[str, str] = {"cc_steward": "nobody"}
        self.now = 0.0

    def api(self, command: str) -> str:
        verb, _, rest = command.partition(" ")
        if verb == "global_getvar":
            return self.values.get(rest, "")
        name, value, *old = rest.split("=")
        if not old or self.values.get(name) == old[0]:
            self.values[name] = value
        return "+OK"

    def lease(self, identity: str) -> Lease:
        return Lease(identity, self.api, lambda: self.now)


def test_the_first_daemon_steers_and_the_second_does_not() -> None:
    switch = Globals()
    first, second = switch.lease("a-8084"), switch.lease("a-8094")
    assert first.renew()
    assert not second.renew()
    assert first.renew()


def test_a_switch_that_nobody_ever_steered_is_claimed_at_the_second_look() -> None:
    switch = Globals()
    switch.values.clear()
    lease = switch.lease("a-8084")
    assert [lease.renew(), lease.renew()] == [False, True]


def test_the_second_takes_over_when_the_first_stands_still() -> None:
    switch = Globals()
    first, second = switch.lease("a-8084"), switch.lease("a-8094")
    first.renew()
    second.renew()
    switch.now += STALE_SECONDS
    assert second.renew()
    assert not first.renew()


def test_a_holder_that_renews_is_never_stale() -> None:
    switch = Globals()
    first, second = switch.lease("a-8084"), switch.lease("a-8094")
    for _ in range(20):
        assert first.renew()
        assert not second.renew()
        switch.now += RENEW_SECONDS


def test_a_restarted_daemon_goes_on_at_once() -> None:
    switch = Globals()
    assert switch.lease("a-8084").renew()
    assert switch.lease("a-8084").renew()


def test_a_daemon_that_ends_gives_the_lease_back() -> None:
    switch = Globals()
    first, second = switch.lease("a-8084"), switch.lease("a-8094")
    first.renew()
    first.give_back()
    assert second.renew()


def test_a_loser_does_not_give_back_what_it_has_not() -> None:
    switch = Globals()
    first, second = switch.lease("a-8084"), switch.lease("a-8094")
    first.renew()
    second.renew()
    second.give_back()
    assert not second.renew()
    assert first.renew()


def test_of_two_who_claim_in_the_same_moment_one_gets_it() -> None:
    switch = Globals()
    late = switch.lease("a-8094")

    def slowly(command: str) -> str:
        answer = switch.api(command)
        if command.startswith("global_getvar") and not late.held:
            late.renew()  # between the look and the claim
        return answer

    early = Lease("a-8084", slowly, lambda: switch.now)
    assert [early.renew(), late.held] == [False, True]
