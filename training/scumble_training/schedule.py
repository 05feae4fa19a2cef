"""How long a run has taken, and how long it will take yet, from the times that its parts were measured to need."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from scumble_backend.files import write_bytes

RECENT = 0.9  # how much of the measured time of a unit stays when another one is measured


@dataclass
class Part:
    """One kind of work. A unit is a step of training or a picture that is painted."""

    left: float  # units
    cost: float  # of a unit against one of the other parts: what is guessed until it has been measured
    seconds: float | None = None  # a unit's, measured


class Schedule:
    """The work that is sure to come, part by part."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._parts: dict[str, Part] = {}
        self._last = clock()

    def expect(self, part: str, units: float, cost: float) -> None:
        """So many units of this part are to come. cost: of one, against the other parts' units."""
        known = self._parts.get(part)
        self._parts[part] = Part(units, cost, known.seconds if known else None)

    def begin(self) -> None:
        """What is measured next starts now."""
        self._last = self._clock()

    def did(self, part: str, units: float = 1.0) -> None:
        """So many units were worked on since `begin` or the last `did`."""
        now = self._clock()
        took = (now - self._last) / units
        self._last = now
        one = self._parts[part]
        one.left = max(0.0, one.left - units)
        one.seconds = took if one.seconds is None else RECENT * one.seconds + (1 - RECENT) * took

    def over(self, part: str) -> None:
        """This part is done, whatever was expected of it."""
        if part in self._parts:
            self._parts[part].left = 0.0

    def remaining_s(self) -> float | None:
        """Seconds until the end; None before anything was measured.

        A part that has not begun takes as long for its cost as those that were measured did for theirs.
        """
        measured = [part.seconds / part.cost for part in self._parts.values() if part.seconds is not None]
        if not measured:
            return None
        usual = sum(measured) / len(measured)
        return sum(
            part.left * (usual * part.cost if part.seconds is None else part.seconds) for part in self._parts.values()
        )


@dataclass
class Clock:
    """The seconds of all sittings of a run, kept in a file."""

    path: Path
    before: float = 0.0
    began: float = field(default_factory=time.monotonic)

    @classmethod
    def of(cls, path: Path) -> Clock:
        """Going on from the file; from 0 where there is none."""
        try:
            return cls(path, float(json.loads(path.read_text(encoding="utf-8"))["seconds"]))
        except (OSError, ValueError, KeyError, TypeError):
            return cls(path)

    @property
    def seconds(self) -> float:
        return self.before + time.monotonic() - self.began

    def save(self) -> None:
        """Raises DiskFull, FileTrouble."""
        write_bytes(self.path, json.dumps({"seconds": round(self.seconds, 1)}).encode())
