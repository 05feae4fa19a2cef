"""What `scumble style` and `scumble upscale` have in common: a picture file in, a job of the backend, a file out."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import typer

from scumble_backend.batch import work
from scumble_backend.batch.effect import Effect
from scumble_backend.pictures import reading, targets
from scumble_cli import connection
from scumble_cli.waiting import wait_for_result
from scumble_wire.messages import ImageResult


@dataclass(frozen=True)
class Done:
    """A result that is written. seconds: from the connection to the backend until the file was there."""

    output: Path
    result: ImageResult
    seconds: float
    notes: list[str]
    message: Any  # the job

    def tell(self, words: str, more: dict[str, Any], *, as_json: bool) -> None:
        """One line and the notes, or JSON. words: what was done, for people. more: the same, for programs."""
        if as_json:
            connection.print_json(
                {
                    "output": str(self.output),
                    **more,
                    "device": self.result.device,
                    "seconds": round(self.seconds, 3),
                    "network_seconds": round(self.result.network_seconds, 3),
                    "notes": self.notes,
                }
            )
            return
        typer.echo(f"{self.output}  ({words}, {self.result.device}, {self.seconds:.1f} s)")
        for note in self.notes:
            typer.echo(note, err=True)


def several(sources: Sequence[str], output: Path) -> bool:
    """Whether the results belong into a folder: of several pictures, or because a folder is named."""
    many = len(sources) > 1 or output.is_dir() or Path(sources[0]).is_dir()
    if many and output.suffix.lower() in targets.FORMATS and not output.is_dir():
        raise typer.BadParameter(f"For several pictures, name a folder: {output} is called like a picture.")
    return many


def run(source: Path, output: Path, effect: Effect, *, quiet: bool) -> Done:
    """Read, have it painted or enlarged, write. Whatever can be refused is refused before the backend is asked."""
    targets.check(output)
    prepared = work.prepare(reading.load(source, convert=effect.convert), output, effect)
    began = time.perf_counter()
    with connection.connect(launch=True) as client:
        result, pixels = wait_for_result(client, prepared.message, prepared.frames, quiet=quiet)
    notes = work.finish(output, prepared, result, pixels)
    return Done(output, result, time.perf_counter() - began, notes, prepared.message)
