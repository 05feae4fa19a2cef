"""An artist with a picture that must never be half-changed, whatever happens to the backend.

`Artist.work` submits a job and takes what comes: the whole right result, which becomes the picture, or words that say
what happened and leave the picture as it was. Anything else is an AssertionError: other pixels, half of them, two
ends, an end without words, or none in time.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from backend_stage import photo

from scumble_wire.client import Client
from scumble_wire.errors import ConnectionFailed, ConnectionLost, ScumbleError, TimedOut
from scumble_wire.messages import (
    FINAL,
    Accepted,
    Cancelled,
    Copy,
    Failed,
    ImageInfo,
    ImageResult,
    StyleChoice,
    Stylize,
    Upscale,
)

INFO = ImageInfo(48, 32)
PIXELS = photo(INFO.width, INFO.height)
END_S = 240.0  # seconds, the loading of PyTorch among them; a job that has not ended then hangs

Job = Stylize | Upscale | Copy

#: One of each kind of work.
JOBS: tuple[Job, ...] = (
    Stylize(INFO, [StyleChoice("wave")]),
    Stylize(INFO, [StyleChoice("whole")], priority="preview"),
    Stylize(INFO, [StyleChoice("wave", 0.5), StyleChoice("night", 0.5)], colors="picture", priority="batch"),
    Upscale(INFO, 2.0, "bicubic"),
    Copy(INFO),
)


@dataclass
class Tally:
    """What came of many jobs."""

    done: int = 0
    failed: dict[str, int] = field(default_factory=dict)  # by the error's code
    told_s: list[float] = field(default_factory=list)  # from the fault to the message that tells of it

    @property
    def total(self) -> int:
        return self.done + sum(self.failed.values())

    def count(self, code: str) -> None:
        self.failed[code] = self.failed.get(code, 0) + 1

    def __str__(self) -> str:
        codes = ", ".join(f"{code} {number}" for code, number in sorted(self.failed.items()))
        line = f"{self.total} jobs: {self.done} whole results; {codes or 'no failures'}"
        if self.told_s:
            ordered = sorted(self.told_s)
            line += f"; told after {ordered[len(ordered) // 2] * 1000:.0f} ms (median), {ordered[-1]:.2f} s (worst)"
        return line


class Artist:
    """connect: gives a new connection. right: the whole result of each of `jobs`, painted without faults."""

    def __init__(
        self, connect: Callable[[], Client], right: Sequence[bytes] = (), jobs: Sequence[Job] = JOBS
    ) -> None:
        self._connect = connect
        self._jobs = jobs
        self._client: Client | None = None
        self.picture: bytes = PIXELS
        self.right = list(right)
        self.tally = Tally()

    def learn(self) -> list[bytes]:
        """Paint each job once, undisturbed."""
        for job in self._jobs:
            message, frames = self._follow(job, lambda client, name: None)
            assert isinstance(message, ImageResult), message
            self.right.append(frames)
        return self.right

    def work(
        self,
        number: int,
        disturb: Callable[[Client, str], None] = lambda client, name: None,
        struck: Callable[[], float | None] = lambda: None,
    ) -> str:
        """Do one of the jobs. disturb: called once with connection and job. struck: asked at the end when the fault
        came (time.monotonic()); None: it didn't.

        Returns "done" or the code of what it was told.
        """
        job, before = self._jobs[number % len(self._jobs)], self.picture
        try:
            message, frames = self._follow(job, disturb)
        except (ConnectionLost, ConnectionFailed, TimedOut) as error:
            assert error.message and error.remedy, "an error says what to do"
            self.close()
            return self._told(error.code, struck())
        if isinstance(message, ImageResult):
            assert frames == self.right[number % len(self._jobs)], "a result is whole and right"
            self.picture = frames
            self.tally.done += 1
            return "done"
        assert self.picture is before
        if isinstance(message, Cancelled):
            return self._told("cancelled", struck())
        assert isinstance(message, Failed) and message.message and message.remedy, message
        return self._told(message.code, struck())

    def _told(self, code: str, struck: float | None) -> str:
        self.tally.count(code)
        if struck is not None:
            self.tally.told_s.append(time.monotonic() - struck)
        return code

    def _follow(self, job: Job, disturb: Callable[[Client, str], None]) -> tuple[Any, bytes]:
        """The last message of a job's stream, and its pixels."""
        if self._client is None:
            self._client = self._connect()
        client = self._client
        number = client.submit(job, [PIXELS])
        deadline, disturbed = time.monotonic() + END_S, False
        while time.monotonic() < deadline:
            for event in client.poll(0.02):
                if event.request != number:
                    continue
                if isinstance(event.message, Accepted) and not disturbed:
                    disturbed = True
                    disturb(client, event.message.job)
                elif isinstance(event.message, FINAL):
                    assert not [late for late in client.poll(0) if late.request == number], "one end"
                    return event.message, b"".join(bytes(frame) for frame in event.frames)
        raise AssertionError(f"{type(job).__name__} has not ended after {END_S:.0f} s")

    def close(self) -> None:
        if self._client is not None:
            with contextlib.suppress(ScumbleError):
                self._client.close()
            self._client = None
