"""The course of a run: one JSON object a line, means over stretches of steps, cut back when a run is resumed."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from scumble_backend.errors import from_os_error

Line = dict[str, float]


class History:
    """Writes means of `stretch` steps to a file and keeps them."""

    def __init__(self, path: Path, *, first_step: int = 0, stretch: int = 10) -> None:
        """first_step: where the run goes on; lines after it are of steps that will come again and are dropped."""
        self.path = path
        self.stretch = stretch
        self.lines = [line for line in read_history(path) if line["step"] <= first_step]
        self._sums: Line = {}
        self._count = 0
        try:
            path.write_text("".join(json.dumps(line) + "\n" for line in self.lines), encoding="utf-8")
        except OSError as error:
            raise from_os_error(error, path) from error

    def add(self, step: int, steps: int, losses: Mapping[str, float], pictures_per_s: float) -> None:
        """The losses of a step, of so many steps. Raises DiskFull."""
        for name, value in losses.items():
            self._sums[name] = self._sums.get(name, 0.0) + value
        self._count += 1
        if step % self.stretch and step < steps:
            return
        line = {name: value / self._count for name, value in self._sums.items()}
        line = {"step": step, **line, "pictures_per_s": pictures_per_s}
        self._sums, self._count = {}, 0
        self.lines.append(line)
        try:
            with self.path.open("a", encoding="utf-8") as file:
                file.write(json.dumps({name: round(value, 6) for name, value in line.items()}) + "\n")
        except OSError as error:
            raise from_os_error(error, self.path) from error

    @property
    def last(self) -> Line:
        return self.lines[-1] if self.lines else {}


def read_history(path: Path) -> list[Line]:
    """The lines of a file, a torn last one (a kill in mid-word) left out."""
    lines: list[Line] = []
    try:
        text = path.read_text(encoding="utf-8")
    except OSError:
        return []
    for line in text.splitlines():
        try:
            told: Any = json.loads(line)
        except ValueError:
            break
        lines.append(told)
    return lines
