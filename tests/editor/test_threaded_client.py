"""The thread between an editor and its client, with a client made of a socket pair."""

from __future__ import annotations

import socket
import threading
import time
import weakref
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest

from scumble_editor.channel import Broken, Delivery
from scumble_editor.threaded_client import ThreadedClient
from scumble_wire.errors import BackendNotStarted, ConnectionLost, MalformedMessage
from scumble_wire.messages import Alive, Failed, KeepAlive


class EchoClient:
    """Answers every message with Alive, from another thread's point of view like the real one."""

    def __init__(self) -> None:
        self.near, self.far = socket.socketpair()
        self.near.setblocking(False)
        self.requests: list[int] = []
        self.answers: list[int] = []
        self.wants_write = False
        self.closed = False
        self.break_next = False
        self.threads: set[str] = set()

    def submit(self, message: Any, frames: Any = ()) -> int:
        self.threads.add(threading.current_thread().name)
        self.requests.append(len(self.requests) + 100)
        self.answers.append(self.requests[-1])
        return self.requests[-1]

    def poll(self, timeout_s: float = 0.0) -> list[Any]:
        if self.break_next and self.answers:
            raise ConnectionLost("gone", remedy="Try again.")
        answers, self.answers = self.answers, []
        return [SimpleNamespace(request=number, message=Alive(), frames=[b"f"]) for number in answers]

    def fileno(self) -> int:
        return self.near.fileno()

    def close(self) -> None:
        self.closed = True
        self.near.close()
        self.far.close()


def until(condition: Callable[[], Any], timeout_s: float = 5.0) -> Any:
    end = time.monotonic() + timeout_s
    while time.monotonic() < end:
        found = condition()
        if found:
            return found
        time.sleep(0.005)
    raise AssertionError("did not happen in time")


def test_answers_come_back_under_the_tickets_they_were_posted_with() -> None:
    client, woken = EchoClient(), threading.Event()
    threaded_client = ThreadedClient(lambda: client, woken.set)  # type: ignore[arg-type,return-value]
    tickets = [threaded_client.post(KeepAlive()) for _ in range(3)]
    got: list[Any] = []
    until(lambda: got.extend(threaded_client.receive()) or len(got) == 3)
    assert [delivery.ticket for delivery in got] == tickets
    assert got[0].message == Alive() and got[0].frames == [b"f"]
    assert woken.is_set() and client.threads == {"scumble-client"}
    threaded_client.close()
    assert client.closed


def test_a_backend_that_cannot_be_reached_is_told_and_the_next_message_tries_again() -> None:
    client, tries = EchoClient(), []

    def connect() -> Any:
        tries.append(1)
        if len(tries) == 1:
            raise BackendNotStarted("no backend", remedy="Install it.")
        return client

    threaded_client = ThreadedClient(connect)
    threaded_client.post(KeepAlive())
    (broken,) = until(threaded_client.receive)
    assert isinstance(broken, Broken) and broken.last_ticket == 1
    assert isinstance(broken.error, BackendNotStarted)
    ticket = threaded_client.post(KeepAlive())
    assert until(threaded_client.receive)[0].ticket == ticket
    threaded_client.close()


def test_a_fault_of_ours_in_the_thread_is_told_and_the_next_message_tries_again() -> None:
    client, tries = EchoClient(), []

    def connect() -> Any:
        tries.append(1)
        if len(tries) == 1:
            raise KeyError("a fault of ours")
        return client

    threaded_client = ThreadedClient(connect)
    threaded_client.post(KeepAlive())
    (broken,) = until(threaded_client.receive)
    assert isinstance(broken, Broken) and isinstance(broken.error, KeyError)
    threaded_client.post(KeepAlive())
    assert isinstance(until(threaded_client.receive)[0], Delivery)
    threaded_client.close()


def test_a_message_that_cannot_be_sent_fails_alone() -> None:
    client = EchoClient()
    sound = client.submit

    def submit(message: Any, frames: Any = ()) -> int:
        if message == "too large":
            raise MalformedMessage("Stylize takes 9000000 bytes.")
        if message == "in pieces":
            raise ValueError("A frame's memory must lie in one piece, row by row.")
        return sound(message, frames)

    client.submit = submit  # type: ignore[method-assign]
    threaded_client = ThreadedClient(lambda: client)  # type: ignore[arg-type,return-value]
    tickets = [threaded_client.post(message) for message in ("too large", "in pieces", KeepAlive())]  # type: ignore[arg-type]
    got: list[Any] = []
    until(lambda: got.extend(threaded_client.receive()) or len(got) == 3)
    answers = {delivery.ticket: delivery.message for delivery in got}
    assert answers[tickets[2]] == Alive()
    for ticket, words in zip(tickets, ("9000000 bytes", "in one piece"), strict=False):
        assert isinstance(answers[ticket], Failed) and words in answers[ticket].message
    threaded_client.close()


def test_a_break_comes_once_after_what_came_before_it() -> None:
    client = EchoClient()
    threaded_client = ThreadedClient(lambda: client)  # type: ignore[arg-type,return-value]
    threaded_client.post(KeepAlive())
    until(lambda: not client.answers and client.requests)
    client.break_next = True
    threaded_client.post(KeepAlive())
    until(lambda: client.closed)
    got: list[Any] = []
    until(lambda: got.extend(threaded_client.receive()) or len(got) == 2)
    assert isinstance(got[0], Delivery) and isinstance(got[1], Broken) and isinstance(got[1].error, ConnectionLost)
    assert threaded_client.receive() == []
    threaded_client.close()


def test_closing_without_ever_posting_needs_no_thread() -> None:
    threaded_client = ThreadedClient(lambda: pytest.fail("connected"))  # type: ignore[arg-type,return-value]
    threaded_client.close()
    assert threading.active_count() >= 1


def test_pixels_are_let_go_once_they_are_sent() -> None:
    class Pixels(bytearray):
        pass

    client = EchoClient()
    road = ThreadedClient(lambda: client)  # type: ignore[arg-type, return-value]
    sent = Pixels(8)
    seen = weakref.ref(sent)
    road.post(KeepAlive(), [sent])
    del sent
    until(road.receive)
    assert until(lambda: seen() is None)
    road.close()
