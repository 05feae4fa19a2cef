"""A transport for `scumble_wire.client.Client` that plays a script instead of a socket.

Real code, no mock: messages pass through the codec in both directions. For the tests of the client and both plugins.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from scumble_wire import codec
from scumble_wire.client import Client
from scumble_wire.errors import ConnectionLost
from scumble_wire.messages import Alive, BackendMessage, ClientMessage, Hello, KeepAlive, Message, Welcome
from scumble_wire.zmtp import Buffer

#: One answer: the message and its raw frames.
Answer = tuple[BackendMessage, Sequence[Buffer]]
Script = Callable[[ClientMessage, list[bytes]], Sequence[Answer | BackendMessage]]

WELCOME = Welcome(backend_version="0.1.0", protocol=1, lease_s=30.0, pid=1)


@dataclass
class ScriptedTransport:
    """Answers each message with what `script` returns for it; Hello and KeepAlive are answered unless it does so.

    sent: what the client has said, as (message, request, frames). lost: set it to let the next pump fail.
    """

    script: Script = lambda message, frames: ()
    welcome: BackendMessage = WELCOME
    sent: list[tuple[Message, int, list[bytes]]] = field(default_factory=list)
    lost: ConnectionLost | None = None
    closed: bool = False
    silent: bool = False  # True: KeepAlive goes unanswered, as by a backend that hangs
    last_moved: float = field(default_factory=time.monotonic)
    wants_write: bool = False
    _waiting: deque[list[bytearray | memoryview]] = field(default_factory=deque)

    def client(self) -> Client:
        return Client(self, name="test", version="1.0", timeout_s=1.0)

    def say(self, message: BackendMessage, request: int = 0, frames: Sequence[Buffer] = ()) -> None:
        """Let the backend say something by itself."""
        self.say_raw([codec.encode(message, request), *frames])

    def say_raw(self, parts: Sequence[Buffer]) -> None:
        self._waiting.append([bytearray(part) for part in parts])

    @property
    def messages(self) -> list[Message]:
        """What the client has said, without Hello."""
        return [message for message, _, _ in self.sent if not isinstance(message, Hello)]

    # --- the transport ---------------------------------------------------------------------------------------

    def send(self, parts: Sequence[Buffer]) -> None:
        message, request = codec.decode(bytes(parts[0]))
        frames = [bytes(part) for part in parts[1:]]
        self.sent.append((message, request, frames))
        answers = list(self.script(message, frames))  # type: ignore[arg-type]
        if not answers and isinstance(message, Hello):
            answers = [self.welcome]
        if not answers and isinstance(message, KeepAlive) and not self.silent:
            answers = [Alive()]
        for answer in answers:
            self.say(answer[0], request, answer[1]) if isinstance(answer, tuple) else self.say(answer, request)

    def receive(self) -> list[bytearray | memoryview] | None:
        return self._waiting.popleft() if self._waiting else None

    def pump(self) -> None:
        if self.lost is not None:
            raise self.lost

    def wait(self, timeout_s: float) -> None:
        time.sleep(min(timeout_s, 0.005))

    def fileno(self) -> int:
        return -1

    def close(self) -> None:
        self.closed = True
