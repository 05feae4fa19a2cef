"""Where the time of a call went, written as one JSON line to the file that SCUMBLE_TIMINGS names (for benchmarks)."""

from __future__ import annotations

import contextlib
import json
import os
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

from scumble_editor.backend import Delivery, Job
from scumble_wire.messages import ImageResult


class Stopwatch:
    """Seconds by part: reading, backend (with its network and the road there and back), inserting."""

    def __init__(self) -> None:
        self._start = time.perf_counter()
        self.parts: dict[str, float] = {}

    @contextlib.contextmanager
    def part(self, name: str) -> Iterator[None]:
        start = time.perf_counter()
        yield
        self.parts[name] = self.parts.get(name, 0.0) + time.perf_counter() - start

    def job(self, job: Job, delivery: Delivery) -> None:
        """Add a finished job: `road` is what is neither reading, nor worker, nor inserting."""
        result = delivery.message
        assert isinstance(result, ImageResult)
        whole = job.marks["arrived"] - job.marks["posted"]
        for name, seconds in (
            ("sending", job.marks["accepted"] - job.marks["posted"]),
            ("worker", result.seconds),
            ("network", result.network_seconds),
            ("road", whole - result.seconds),
        ):
            self.parts[name] = self.parts.get(name, 0.0) + seconds

    def write(self) -> None:
        _write({**self.parts, "total": time.perf_counter() - self._start})


def note_preview(job: Job, delivery: Delivery, shown: float) -> None:
    """One line for a preview: seconds from asking to arriving, to being shown, and of these in the worker."""
    result = delivery.message
    assert isinstance(result, ImageResult)
    asked = job.marks["posted"]
    _write({"preview": job.marks["arrived"] - asked, "shown": shown - asked, "worker": result.seconds})


def note_seen(**what: object) -> None:
    """What a preview's window shows now, for the tests: one line in a file of its own beside the times."""
    path = os.environ.get("SCUMBLE_TIMINGS")
    if path:
        _append(f"{path}.seen", what)


def note_opened() -> None:
    """A dialog is on the screen: seconds of this process's own work since GIMP has started it."""
    note_seen(opened=round(time.process_time(), 3))


def _write(parts: dict[str, float]) -> None:
    path = os.environ.get("SCUMBLE_TIMINGS")
    if path:
        _append(path, {name: round(seconds, 4) for name, seconds in parts.items()})


def _append(path: str, what: Mapping[str, object]) -> None:
    with Path(path).open("a", encoding="utf-8") as stream:
        stream.write(json.dumps(what) + "\n")
