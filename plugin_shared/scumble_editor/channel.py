"""What carries messages between a plugin and the backend, as the plugin sees it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple, Protocol

from scumble_wire.messages import BackendMessage, ClientMessage

Buffer = Any  # bytes, bytearray, memoryview: whatever has the buffer protocol


class Delivery(NamedTuple):
    """Something that came: which ticket it answers (0: nobody's), what it says, its raw frames."""

    ticket: int
    message: BackendMessage
    frames: Sequence[Buffer]


class Broken(NamedTuple):
    """The connection ended, or could not be made: no ticket up to `last_ticket` will be answered any more."""

    error: Exception  # a ScumbleError; anything else is a mistake of ours
    last_ticket: int


class Channel(Protocol):
    """Carries messages without ever waiting; `threaded_client.ThreadedClient` is the real one."""

    def post(self, message: ClientMessage, frames: Sequence[Buffer] = ()) -> int:
        """Queue a message; returns its ticket, a number that grows."""

    def receive(self) -> list[Delivery | Broken]:
        """What came since the last call, in its order."""

    def close(self) -> None: ...
