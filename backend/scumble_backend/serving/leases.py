"""Who is there: each client holds a lease that any word from it renews. Pure: the caller passes the time."""

from __future__ import annotations

LAPSED = 256  # clients whose lease ran out and who may come back on the same connection


class Leases:
    """The clients of a backend by their connection, with the time of their last word (seconds, monotonic)."""

    def __init__(self, lease_s: float = 30.0) -> None:
        self.lease_s = lease_s
        self._said: dict[bytes, float] = {}
        self._lapsed: dict[bytes, None] = {}
        self._last_tick: float | None = None

    @property
    def clients(self) -> list[bytes]:
        return list(self._said)

    def greet(self, client: bytes, now: float) -> None:
        """A client said Hello."""
        self._lapsed.pop(client, None)
        self._said[client] = now

    def renew(self, client: bytes, now: float) -> bool:
        """Any word from a client. False: it never said Hello.

        A client that was silent for too long and comes back on its connection is welcome; its jobs are gone.
        """
        if client not in self._said and client not in self._lapsed:
            return False
        self.greet(client, now)
        return True

    def drop(self, client: bytes) -> None:
        """A client said Goodbye, or its connection is known to be gone."""
        self._said.pop(client, None)
        self._lapsed.pop(client, None)

    def tick(self, now: float) -> list[bytes]:
        """The clients whose lease has just run out. Call it often, after the messages that wait have been read."""
        slept = self._last_tick is not None and now - self._last_tick > self.lease_s / 2
        self._last_tick = now
        if slept:  # the machine or this process was asleep, and so perhaps were the clients: not their fault
            self._said = dict.fromkeys(self._said, now)
        gone = [client for client, said in self._said.items() if now - said > self.lease_s]
        for client in gone:
            del self._said[client]
            self._lapsed[client] = None
        while len(self._lapsed) > LAPSED:
            del self._lapsed[next(iter(self._lapsed))]
        return gone
