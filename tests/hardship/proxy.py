"""A proxy of ours between an editor and the backend's TCP port, for sockets that are slow or are cut."""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from dataclasses import dataclass


@dataclass
class Plan:
    """What happens to a connection. Counted in bytes of both directions."""

    cut_after: int | None = None  # None: never
    chunk: int = 1 << 16  # bytes sent on at a time
    pause_s: float = 0.0  # after each chunk
    cut_at: float | None = None  # time.monotonic() of the cut


class Proxy:
    """Listens at `port`; the next connection follows `plan`."""

    def __init__(self, target: int) -> None:
        self._target = target
        self.plan = Plan()
        self._server = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._server.getsockname()[1]
        threading.Thread(target=self._serve, daemon=True).start()

    def close(self) -> None:
        self._server.close()

    def _serve(self) -> None:
        while True:
            try:
                near, _ = self._server.accept()
            except OSError:
                return
            far = socket.create_connection(("127.0.0.1", self._target))
            plan, counted = self.plan, [0]
            for one, other in ((near, far), (far, near)):
                threading.Thread(target=_relay, args=(one, other, plan, counted), daemon=True).start()


def _relay(one: socket.socket, other: socket.socket, plan: Plan, counted: list[int]) -> None:
    with contextlib.suppress(OSError):
        while data := one.recv(plan.chunk):
            counted[0] += len(data)
            if plan.cut_after is not None and counted[0] > plan.cut_after:
                other.sendall(data[: len(data) // 2])
                plan.cut_at = time.monotonic()
                break
            other.sendall(data)
            if plan.pause_s:
                time.sleep(plan.pause_s)
    for each in (one, other):
        with contextlib.suppress(OSError):
            each.shutdown(socket.SHUT_RDWR)
        each.close()
