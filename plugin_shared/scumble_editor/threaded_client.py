"""A transport for an editor: a thread owns the `Client`, so that the editor's main thread never waits for a socket.

`post` and `receive` are for the main thread and never block. The backend is looked for, or started, when the first
message is posted, and again after a connection broke. Nothing but bytes crosses the thread's border: no object
of the editor is ever touched here.
"""

from __future__ import annotations

import contextlib
import selectors
import socket
import threading
from collections import deque
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from scumble_wire.errors import ConnectionLost, ScumbleError
from scumble_wire.messages import ClientMessage

from .backend import Delivery

if TYPE_CHECKING:
    from scumble_wire.client import Client

Buffer = Any


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
        self._incoming: deque[Delivery | ScumbleError] = deque()
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
                self._thread = threading.Thread(
                    target=self._run, args=(heard,), name="scumble-threaded_client", daemon=True
                )
                self._thread.start()
            self._ring()
        return ticket

    def receive(self) -> list[Delivery]:
        """What came since the last call; raises the error that broke the connection, after what came before it."""
        arrived: list[Delivery] = []
        with self._lock:
            while self._incoming:
                if isinstance(self._incoming[0], ScumbleError):
                    if arrived:
                        break
                    error = self._incoming.popleft()
                    assert isinstance(error, ScumbleError)
                    raise error
                item = self._incoming.popleft()
                assert isinstance(item, Delivery)
                arrived.append(item)
            more = bool(self._incoming)
        if more:
            self._wake()
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

    def _deliver(self, items: Sequence[Delivery | ScumbleError]) -> None:
        if items:
            with self._lock:
                self._incoming.extend(items)
            self._wake()

    def _run(self, heard: socket.socket) -> None:
        error: ScumbleError | None = None
        with heard:
            try:
                client = self._connect()
                try:
                    self._carry(client, heard)
                finally:
                    client.close()
            except ScumbleError as broken:
                error = broken
            except OSError as broken:
                error = ConnectionLost(f"The connection broke: {broken}.", remedy="Try again.")
            with self._lock:
                self._thread = None
                if self._waker is not None:
                    self._waker.close()
                    self._waker = None
                self._outgoing.clear()
                if error is not None:
                    self._incoming.append(error)
        if error is not None:
            self._wake()

    def _carry(self, client: Client, heard: socket.socket) -> None:
        numbers: dict[int, int] = {}  # the client's request number -> ticket
        with selectors.DefaultSelector() as selector:  # select() can't watch the high descriptors of a busy editor
            selector.register(heard, selectors.EVENT_READ)
            selector.register(client.fileno(), selectors.EVENT_READ)
            while True:
                with self._lock:
                    batch, closing = list(self._outgoing), self._closing
                    self._outgoing.clear()
                for ticket, message, frames in batch:
                    numbers[client.submit(message, frames)] = ticket
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
