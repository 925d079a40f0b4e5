"""Workers that come together, or do not, and hear why. They are threads here, and TensorFlow takes no part."""

import json
import socket
import threading
import time

import pytest

from faults import fault
from processes import free_ports
from tfvae.parallel import meeting

SOON = 8.0  # seconds, far below `meeting.TOLD`


@pytest.fixture
def addresses():
    return [f"127.0.0.1:{port}" for port in free_ports(3)]


def met(calls, deadline=SOON):
    """What each call of `meet` raised, if anything; in threads of their own."""
    raised = {}

    def attend(number, arguments):
        try:
            meeting.meet(*arguments)
            raised[number] = None
        except OSError as error:
            raised[number] = str(error)

    threads = [threading.Thread(target=attend, args=each, daemon=True) for each in enumerate(calls)]
    for each in threads:
        each.start()
    end = time.monotonic() + deadline
    for each in threads:
        each.join(max(0.0, end - time.monotonic()))
    assert len(raised) == len(calls), raised
    return [raised[number] for number in range(len(calls))]


@fault("workers")
def test_all_go_on_when_all_are_there(addresses):
    assert met([(addresses, number) for number in range(3)]) == [None, None, None]


@fault("workers")
@pytest.mark.parametrize("unlucky", [0, 1, 2])
def test_an_early_end_is_told_to_all(addresses, unlucky):
    said = met([(addresses, number, "no such option" if number == unlucky else "") for number in range(3)])
    assert said[unlucky] is None  # it has said so itself
    others = [each for number, each in enumerate(said) if number != unlucky]
    assert all(
        each.startswith("The 3 workers did not all come together: ") and "no such option" in each for each in others
    )


@fault("workers")
def test_other_processes_than_the_chiefs_are_named(addresses):
    said = met([(addresses, 0), (addresses, 1), ([addresses[0], "b:1", addresses[2]], 2)])
    assert all("worker 2 names other processes than the chief." in each for each in said)


@fault("workers")
@pytest.mark.parametrize("number", [0, 1])
def test_who_does_not_come_is_named(addresses, number):
    (said,) = met([(addresses, number, "", 0.3)])
    assert ("127.0.0.1:" in said) and ("did not come within 0 minutes." in said)


@fault("workers")
def test_one_that_goes_away_while_all_wait_ends_the_wait(addresses, monkeypatch):
    monkeypatch.setattr(meeting, "TOLD", 1.0)  # for which the chief is there to tell the last one
    addresses = [*addresses, f"127.0.0.1:{free_ports(1)[0]}"]  # the last one never comes

    def go_away():
        with socket.create_connection(("127.0.0.1", int(addresses[0].split(":")[1]))) as connection:
            connection.sendall(json.dumps({"worker": 2, "addresses": addresses}).encode() + b"\n")
            time.sleep(0.3)

    timer = threading.Timer(0.3, go_away)
    timer.start()
    said = met([(addresses, 0), (addresses, 1)])
    assert all("worker 2, " in each and "ended before all were there." in each for each in said)


@fault("workers")
@pytest.mark.parametrize("junk", [b"", b"GET / HTTP/1.1\r\n\r\n", b"[" * 9000 + b"\n", b'{"worker": 99}\n', b"\xff\n"])
def test_strangers_are_sent_away(addresses, junk):
    def visit():
        with socket.create_connection(("127.0.0.1", int(addresses[0].split(":")[1]))) as connection:
            connection.sendall(junk)

    threading.Timer(0.2, visit).start()
    slow = [*addresses]
    started = time.monotonic()

    def late(number):
        time.sleep(0.6)
        return met([(slow, number)])

    threads = [threading.Thread(target=late, args=(number,), daemon=True) for number in (1, 2)]
    for each in threads:
        each.start()
    assert met([(addresses, 0)], deadline=2 * SOON) == [None]
    assert time.monotonic() - started < SOON


@fault("environments")
def test_it_says_whom_it_waits_for_and_the_way_out(addresses, monkeypatch, capsys):
    monkeypatch.setattr(meeting, "_QUIET", 0.2)
    met([(addresses, 0, "", 0.8)])
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith(f"Waiting for 2 other processes, {addresses[1]}, {addresses[2]}, for 0 minutes at most. ")
    assert line.endswith("`--strategy one` works alone.")


@fault("workers")
def test_another_program_at_the_chiefs_port_is_named(addresses, monkeypatch):
    monkeypatch.setattr(meeting, "TOLD", 0.5)
    with socket.create_server(("127.0.0.1", int(addresses[0].split(":")[1]))):
        (said,) = met([(addresses, 1)])
        assert f"what answers at {addresses[0]} is no chief" in said
        (said,) = met([(addresses, 0)])
        assert f"{addresses[0]} cannot be listened at; another program may have that port." in said
