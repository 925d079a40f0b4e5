"""The workers meet before TensorFlow begins, which would wait for them without a word and hear no signal meanwhile.

The chief listens where TensorFlow will listen afterwards. The others go there and say their number, or why they cannot
take part; the chief tells all. A message is a line of JSON. No TensorFlow here, so that mistakes are told without it.
"""

from __future__ import annotations

import contextlib
import json
import select
import socket
import time
from collections.abc import Iterator, Sequence
from typing import Any

from tfvae._support.printing import printable, say

PATIENCE = 600.0
"""Seconds in which all have to come."""
TOLD = 30.0
"""Seconds for which a worker that ends early is there to tell the others."""
_QUIET = 2.0  # seconds before it is said who is missing
_LOOK = 0.2  # seconds between two looks
_LONGEST = 2**16  # bytes of a message
_SHOWN = 4  # missing workers that are named
_begun = False


def meet(addresses: Sequence[str], mine: int, failure: str = "", patience: float = PATIENCE) -> None:
    """Returns when all workers are here.

    Args:
        addresses: of all workers, `host:port`; the first one is the chief's.
        mine: number of this one.
        failure: why this one cannot take part; then the others are told, for `TOLD` seconds at most.
        patience: seconds in which all have to come.

    Raises:
        OSError: a worker has ended or cannot take part, did not come, or an address cannot be used. All get the same
            sentence. Nothing is raised about a `failure` of one's own.
    """
    global _begun
    _begun = True
    try:
        (_as_chief if mine == 0 else _as_worker)(addresses, mine, failure, patience)
    except _NotTogether as error:
        if not failure:
            raise OSError(f"The {len(addresses)} workers did not all come together: {error}") from None


def has_begun() -> bool:
    """Whether this process has met others, who hear of its end by themselves."""
    return _begun


class _NotTogether(Exception):
    """Why not, a sentence."""


class _Notice:
    """Says once whom this process waits for, if that takes longer than a moment."""

    def __init__(self, patience: float):
        self.missing: Sequence[str] = ()
        self._start, self._patience, self._has_said = time.monotonic(), patience, False

    def look(self) -> None:
        if self._has_said or not self.missing or time.monotonic() - self._start < _QUIET:
            return
        self._has_said = True
        number = len(self.missing)
        say(
            f"Waiting for {number} other {'process' if number == 1 else 'processes'}, {_listed(self.missing)}, for "
            f"{self._patience / 60:.0f} minutes at most. `--strategy one` works alone.",
            err=True,
        )


def _as_chief(addresses: Sequence[str], mine: int, failure: str, patience: float) -> None:
    here: dict[int, socket.socket] = {}
    told: set[int] = set()
    notice, end = _Notice(patience), time.monotonic() + (TOLD if failure else patience)
    with contextlib.ExitStack() as held:
        server = held.enter_context(_listening(addresses[0]))
        while len(here) + len(told) < len(addresses) - 1 and time.monotonic() < end:
            for ready in select.select([server, *here.values()], [], [], _LOOK)[0]:
                if ready is server:
                    connection = held.enter_context(server.accept()[0])
                    said = _received(connection, addresses, here)
                else:  # who waits has nothing more to say: it is gone
                    number = next(each for each in here if here[each] is ready)
                    del here[number]
                    told.add(number)
                    said = f"worker {number}, {addresses[number]}, ended before all were there."
                if said and not failure:
                    failure, end = said, min(end, time.monotonic() + TOLD)
            missing = [each for number, each in enumerate(addresses) if number not in {0, *here, *told}]
            if failure:
                told |= set(here)
                _tell(here, failure=failure)
                here.clear()
            elif missing != notice.missing:
                _tell(here, missing=missing)
            notice.missing = [] if failure else missing
            notice.look()
        if notice.missing:
            failure = f"{_listed(notice.missing)} did not come within {patience / 60:.0f} minutes."
        _tell(here, **({"failure": failure} if failure else {"go": True}))
    if failure:
        raise _NotTogether(failure)


def _received(connection: socket.socket, addresses: Sequence[str], here: dict[int, socket.socket]) -> str:
    """Lets a worker in, and gives why it cannot take part; strangers are sent away."""
    connection.settimeout(2.0)
    message = _heard(connection)
    number = message.get("worker")
    if not isinstance(number, int) or not 0 < number < len(addresses):
        connection.close()
        return ""
    if number in here:
        said = f"two processes say that they are worker {number}."
        _tell({number: connection}, failure=said)
        return said
    here[number] = connection
    if message.get("addresses") != list(addresses):
        return f"worker {number} names other processes than the chief."
    said = str(message.get("failure", ""))
    return f"worker {number}, {addresses[number]}, cannot take part: {printable(said)}" if said else ""


def _as_worker(addresses: Sequence[str], mine: int, failure: str, patience: float) -> None:
    notice, failure = _Notice(patience), failure or _why_taken(addresses[mine])
    notice.missing = [] if failure else [each for number, each in enumerate(addresses) if number != mine]
    end = time.monotonic() + (TOLD if failure else patience)
    hello = {"worker": mine, "addresses": list(addresses), "failure": failure}
    while time.monotonic() < end:
        try:
            with _connected(addresses[0]) as connection:
                _send(connection, hello)
                if _wait_for_the_chief(connection, addresses[0], notice, end):
                    return
        except OSError:  # it is not there yet
            pass
        except _NotTogether:
            if failure:
                break  # it is told
            raise
        notice.look()
        time.sleep(_LOOK)
    raise _NotTogether(failure or f"the chief, {addresses[0]}, did not come within {patience / 60:.0f} minutes.")


def _wait_for_the_chief(connection: socket.socket, address: str, notice: _Notice, end: float) -> bool:
    """Whether all are there; False if the connection ends without a word, as that of a proxy does."""
    buffer, last, has_spoken = b"", time.monotonic(), False
    while time.monotonic() < end:
        if not select.select([connection], [], [], _LOOK)[0]:
            if not has_spoken and time.monotonic() - last > TOLD:
                raise _NotTogether(f"what answers at {address} is no chief; another program may have that port.")
            notice.look()
            continue
        try:
            received = connection.recv(_LONGEST)
        except ConnectionError:
            received = b""
        buffer += received
        if not received or len(buffer) > 16 * _LONGEST:
            break
        *lines, buffer = buffer.split(b"\n")
        for message in map(_read, lines):
            has_spoken = True
            if message.get("go"):
                return True
            if "failure" in message:
                raise _NotTogether(printable(message["failure"]))
            notice.missing = list(map(str, message.get("missing", ())))
    if has_spoken:
        raise _NotTogether(f"the chief, {address}, ended before all were there.")
    return False


def _tell(those: dict[int, socket.socket], **message: Any) -> None:
    for connection in those.values():
        with contextlib.suppress(OSError):  # it is gone, which the next look finds
            _send(connection, message)


@contextlib.contextmanager
def _listening(address: str) -> Iterator[socket.socket]:
    """A socket at the port of one's own address, on all interfaces."""
    port, server = _host_and_port(address)[1], None
    for dual in (True, False) if socket.has_dualstack_ipv6() else (False,):  # a system may know IPv6 and not allow it
        family = socket.AF_INET6 if dual else socket.AF_INET
        with contextlib.suppress(OSError):
            server = server or socket.create_server(("", port), family=family, dualstack_ipv6=dual, backlog=512)
    if server is None:
        raise _NotTogether(f"{address} cannot be listened at; another program may have that port.")
    with server:
        yield server


def _why_taken(address: str) -> str:
    """Why TensorFlow could not listen there; nothing if it can."""
    try:
        with _listening(address):
            return ""
    except _NotTogether as error:
        return str(error)


def _connected(address: str) -> socket.socket:
    connection = socket.create_connection(_host_and_port(address), timeout=5.0)
    connection.settimeout(5.0)
    return connection


def _host_and_port(address: str) -> tuple[str, int]:
    host, _, port = address.rpartition(":")
    if not port.isdecimal() or int(port) > 65535:
        raise _NotTogether(f"{address} has no number of a port.")
    return host.strip("[]"), int(port)


def _send(connection: socket.socket, message: dict[str, Any]) -> None:
    connection.sendall(json.dumps(message).encode() + b"\n")


def _heard(connection: socket.socket) -> dict[str, Any]:
    """The first line, or nothing that can be read."""
    try:
        with connection.makefile("rb") as file:
            return _read(file.readline(_LONGEST))
    except OSError:
        return {}


def _read(line: bytes) -> dict[str, Any]:
    try:
        message = json.loads(line)
    except (ValueError, RecursionError):
        return {}
    return message if isinstance(message, dict) else {}


def _listed(addresses: Sequence[str]) -> str:
    return ", ".join(addresses[:_SHOWN]) + (", ..." if len(addresses) > _SHOWN else "")
