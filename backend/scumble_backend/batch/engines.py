"""What carries out the jobs of a batch: the backend that editors use, too, or a device of this very process."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from scumble_backend.errors import HelloMissing, InternalError, JobCancelled, QueueFull
from scumble_wire.client import Client
from scumble_wire.errors import BackendFailed, BackendNotStarted, BackendSilent, ConnectionFailed, ConnectionLost
from scumble_wire.messages import Accepted, ImageResult, Stylize, Upscale

if TYPE_CHECKING:
    from scumble_backend.rendering.renderer import Renderer

#: So many backends may end while they have a picture, before the picture is held to be the reason.
ATTEMPTS = 4
_FULL_FOR_S = 600.0  # how long a full queue is waited for
_LOOK_S = 0.25  # between looks at whether the batch is to stop


class BackendEngine:
    """Jobs for a backend over a connection of its own. Belongs to one thread.

    A backend that ends in the middle of a job is followed by another one, which gets the job once more.
    """

    def __init__(self, connect: Callable[[], Client], stop: threading.Event) -> None:
        """connect: finds a backend, or starts one. stop: ends the job under way."""
        self._connect, self._stop = connect, stop
        self._client: Client | None = None

    def run(self, message: Any, frames: Sequence[Any]) -> tuple[ImageResult, Any]:
        """The result and its pixels. Raises BackendFailed, ConnectionLost and its kinds, JobCancelled."""
        attempts = 0
        while True:
            attempts += 1
            try:
                return self._once(message, frames)
            except (ConnectionLost, ConnectionFailed, BackendNotStarted) as error:
                self.close()
                if attempts == ATTEMPTS or isinstance(error, BackendSilent):
                    raise
            except BackendFailed as error:
                self.close()
                # The lease of a connection ends while a large picture is read or written.
                if attempts == ATTEMPTS or error.code != HelloMissing.code:
                    raise

    def close(self) -> None:
        """Leave the backend; what it still does for us ends."""
        client, self._client = self._client, None
        if client is not None:
            client.close()

    def _once(self, message: Any, frames: Sequence[Any]) -> tuple[ImageResult, Any]:
        give_up = time.monotonic() + _FULL_FOR_S
        while True:
            if self._client is None:
                self._client = self._connect()
            try:
                return self._answer(self._client, self._client.submit(message, frames))
            except BackendFailed as error:
                if error.code != QueueFull.code or time.monotonic() > give_up:
                    raise
            if self._stop.wait(1.0):
                raise JobCancelled

    def _answer(self, client: Client, number: int) -> tuple[ImageResult, Any]:
        job = ""
        while not self._stop.is_set():
            for event in client.poll(_LOOK_S):
                if event.request == number:
                    if isinstance(event.message, Accepted):
                        job = event.message.job
                    found = event.picture()
                    if found is not None:
                        return found
        if job:
            client.cancel(job)
            client.poll(_LOOK_S)
        raise JobCancelled


class OwnEngine:
    """A device of this process. May be used by several threads, which take turns."""

    def __init__(self, renderer: Renderer) -> None:
        self._renderer = renderer
        self._lock = threading.Lock()

    def run(self, message: Any, frames: Sequence[Any]) -> tuple[ImageResult, Any]:
        """The result and its pixels. Raises ScumbleError."""
        with self._lock:
            began = time.perf_counter()
            if isinstance(message, Stylize):
                made = self._renderer.stylize(message, frames, _unheard)
            elif isinstance(message, Upscale):
                made = self._renderer.upscale(message, frames, _unheard)
            else:
                raise InternalError(f"A batch can't run {type(message).__name__}.")
            seconds = time.perf_counter() - began
        name = self._renderer.device_name
        return ImageResult("", made.info, name, seconds, made.network_seconds, made.note), made.pixels

    def close(self) -> None:
        """Nothing: the device is freed with the process."""


def _unheard(fraction: float, stage: str) -> None:
    """Progress within one picture, which nobody follows."""
