"""The channel of an editor: a thread owns the `Client`, so that the editor's main thread never waits for a socket.

`post` and `receive` are for the main thread and never block. The backend is looked for, or started, when the first
message is posted, and again after a connection broke. Nothing but bytes crosses the thread's border: no object
of the editor is ever touched here. However the thread ends, `receive` says why.
"""

from __future__ import annotations

import contextlib
import logging
import selectors
import socket
import threading
from collections import deque
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from scumble_wire.errors import ConnectionLost, MalformedMessage, ScumbleError
from scumble_wire.messages import ClientMessage, Failed

from .channel import Broken, Buffer, Delivery

if TYPE_CHECKING:
    from scumble_wire.client import Client

log = logging.getLogger("scumble")


class ThreadedClient:
    """Carries messages between `Backend` and one `Client` at a time.

    connect: makes a connected Client; called in the thread, may take long, raises ScumbleError.
    wake: called in the thread whenever `receive` has something new; must be safe to call there.
    """

    PULSE_S = 1.0  # longest sleep: the client renews its lease inside `poll`

    def __init__(self, connect: Callable[[], Client], wake: Callable[[], None] = lambda: None) -> None:
        self._connect = connect
        self._wake = wake
        self._lock = threading.Lock()
        self._outgoing: deque[tuple[int, ClientMessage, Sequence[Buffer]]] = deque()
        self._incoming: deque[Delivery | Broken] = deque()
        self._tickets = 0
        self._closing = False
        self._thread: threading.Thread | None = None
        self._waker: socket.socket | None = None  # a byte written to it wakes the thread

    def post(self, message: ClientMessage, frames: Sequence[Buffer] = ()) -> int:
        """Queue a message; returns its ticket. Frames must stay unchanged until they are sent."""
        with self._lock:
            self._tickets += 1
            ticket = self._tickets
            self._outgoing.append((ticket, message, frames))
            if self._thread is None and not self._closing:
                self._waker, heard = socket.socketpair()
                self._waker.setblocking(False)
                heard.setblocking(False)
                self._thread = threading.Thread(target=self._run, args=(heard,), name="scumble-client", daemon=True)
                self._thread.start()
            self._ring()
        return ticket

    def receive(self) -> list[Delivery | Broken]:
        """What came since the last call; a `Broken` stands behind what came before the connection ended."""
        with self._lock:
            arrived = list(self._incoming)
            self._incoming.clear()
        return arrived

    def close(self, timeout_s: float = 2.0) -> None:
        """Say goodbye and end the thread; waits for it at most timeout_s."""
        with self._lock:
            self._closing = True
            thread = self._thread
            self._ring()
        if thread is not None:
            thread.join(timeout_s)

    def _ring(self) -> None:
        if self._waker is not None:
            with contextlib.suppress(BlockingIOError):  # a full pipe: the thread is awake anyway
                self._waker.send(b"!")

    # --- in the thread -----------------------------------------------------------------------------------

    def _deliver(self, items: Sequence[Delivery]) -> None:
        if items:
            with self._lock:
                self._incoming.extend(items)
            self._wake()

    def _run(self, heard: socket.socket) -> None:
        with heard:
            error = self._until_the_end(heard)
            with self._lock:
                self._thread = None
                if self._waker is not None:
                    self._waker.close()
                    self._waker = None
                self._outgoing.clear()
                if error is not None:
                    self._incoming.append(Broken(error, self._tickets))
        if error is not None:
            self._wake()

    def _until_the_end(self, heard: socket.socket) -> Exception | None:
        """Connect and carry messages until the editor closes (None) or something goes wrong."""
        try:
            client = self._connect()
            try:
                self._carry(client, heard)
            finally:
                client.close()
        except ScumbleError as error:
            return error
        except OSError as error:
            return ConnectionLost(f"The connection broke: {error}.", remedy="Try again.")
        except Exception as error:
            log.exception("The thread that talks to the backend has failed.")
            return error
        return None

    def _carry(self, client: Client, heard: socket.socket) -> None:
        numbers: dict[int, int] = {}  # the client's request number -> ticket
        with selectors.DefaultSelector() as selector:  # select() can't watch the high descriptors of a busy editor
            selector.register(heard, selectors.EVENT_READ)
            selector.register(client.fileno(), selectors.EVENT_READ)
            while True:
                with self._lock:
                    batch, closing = list(self._outgoing), self._closing
                    self._outgoing.clear()
                self._send(client, batch, numbers)
                batch.clear()  # while this thread sleeps it must not hold the pixels of a job
                events = client.poll(0)
                self._deliver([Delivery(numbers.get(each.request, 0), each.message, each.frames) for each in events])
                if closing:
                    return
                if not events:
                    write = selectors.EVENT_WRITE if client.wants_write else 0
                    selector.modify(client.fileno(), selectors.EVENT_READ | write)
                    selector.select(self.PULSE_S)
                    with contextlib.suppress(BlockingIOError):
                        while heard.recv(4096):
                            pass

    def _send(
        self, client: Client, batch: Sequence[tuple[int, ClientMessage, Sequence[Buffer]]], numbers: dict[int, int]
    ) -> None:
        for ticket, message, frames in batch:
            try:
                numbers[client.submit(message, frames)] = ticket
            except (MalformedMessage, ValueError, TypeError) as error:  # it fails alone; the rest goes on
                self._deliver([Delivery(ticket, _refusal(error), ())])


def _refusal(error: Exception) -> Failed:
    """What a message gets that can't be sent."""
    text = error.message if isinstance(error, MalformedMessage) else str(error)
    return Failed(MalformedMessage.code, text, "Nothing was changed. Please report it with a diagnosis.")
