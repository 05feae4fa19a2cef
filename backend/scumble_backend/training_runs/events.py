"""What a training process tells, one JSON object a line: {"event": "progress", "fraction": 0.5, ...}."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

from scumble_backend import plain_data

#: What a person wishes of a running training, as words on the process's standard input.
PAUSE, CANCEL = "pause", "cancel"


@dataclass(frozen=True)
class Progress:
    fraction: float  # 0 .. 1 of the whole run
    remaining_s: float | None  # None: not known yet
    stage: str  # "loading", "choosing", "training", "measuring" or "writing"


@dataclass(frozen=True)
class Preview:
    path: Path  # a JPEG
    step: int
    steps: int
    style_loss: float
    content_loss: float


@dataclass(frozen=True)
class Done:
    pack: Path  # the .scumble file; not installed yet
    report: Path
    seconds: float  # of all sittings
    note: str = ""  # for the person; empty: nothing to tell


@dataclass(frozen=True)
class Broken:
    """The training failed; the code is that of an error of `scumble_backend.errors`."""

    code: str
    message: str
    remedy: str = ""


Event = Progress | Preview | Done | Broken

_NAMES: dict[str, type[Event]] = {"progress": Progress, "preview": Preview, "done": Done, "failed": Broken}


def to_line(event: Event) -> str:
    """The event as a line, with its end."""
    name = next(name for name, kind in _NAMES.items() if isinstance(event, kind))
    return json.dumps({"event": name, **plain_data.plain(event)}) + "\n"


def from_line(line: str) -> Event:
    """Raises ValueError for a line that is not an event of ours."""
    told = json.loads(line)
    kind = _NAMES.get(str(told.pop("event", ""))) if isinstance(told, dict) else None
    if kind is None:
        raise ValueError("the line tells no event that is known")
    return plain_data.read(kind, told, kind.__name__.lower())
