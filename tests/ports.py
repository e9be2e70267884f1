"""Ports for servers that must be told theirs before they start."""

from __future__ import annotations

import random
import socket
from contextlib import ExitStack

#: Below what the kernel gives to whoever asks for any port (net.ipv4.ip_local_port_range, 32768 on): between the choice
#: and the server's start nobody is given one of these by chance.
CHOICE = range(10_000, 20_000)


def free_ports(count: int) -> list[int]:
    """Different ports nobody uses at this moment, for TCP and UDP."""
    ports: list[int] = []
    with ExitStack() as held:
        while len(ports) < count:
            port = random.choice(CHOICE)
            try:
                for kind in (socket.SOCK_STREAM, socket.SOCK_DGRAM):
                    held.enter_context(socket.socket(type=kind)).bind(("127.0.0.1", port))
            except OSError:
                continue
            ports.append(port)
    return ports


def free_port() -> int:
    """One of them."""
    return free_ports(1)[0]
