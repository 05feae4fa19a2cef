"""What `scumble style` and `scumble upscale` have in common: a picture file in, a job of the backend, a file out."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import typer

from scumble_backend.pictures import reading, targets, writing
from scumble_cli import connection
from scumble_cli.waiting import wait_for_result
from scumble_wire.messages import ImageInfo, ImageResult


@dataclass(frozen=True)
class Done:
    """A result that is written. seconds: from the connection to the backend until the file was there."""

    output: Path
    result: ImageResult
    seconds: float
    notes: list[str]

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


def run(
    source: Path,
    output: Path,
    message_for: Callable[[ImageInfo], Any],
    *,
    factor: float = 1.0,
    convert: bool,
    quiet: bool,
) -> Done:
    """Read, have it painted or enlarged, write. Whatever can be refused is refused before the backend is asked.

    message_for: makes the job's message. factor: by which the sides grow. convert: colors to sRGB for the network.
    """
    targets.check(output)
    loaded = reading.load(source, convert=convert)
    message = message_for(loaded.info)
    size = (max(1, round(loaded.info.width * factor)), max(1, round(loaded.info.height * factor)))
    file_bytes = size[0] * size[1] * loaded.info.channels * loaded.samples.values.dtype.itemsize
    targets.check(output, alpha=loaded.info.has_alpha, size=size, sample_bytes=file_bytes)
    began = time.perf_counter()
    with connection.connect(launch=True) as client:
        result, pixels = wait_for_result(client, message, [loaded.pixels], quiet=quiet)
    writing.save(output, loaded, result.image, pixels)
    seconds = time.perf_counter() - began
    notes = list(dict.fromkeys([*loaded.notes, *([result.note] if result.note else [])]))
    return Done(output, result, seconds, notes)
