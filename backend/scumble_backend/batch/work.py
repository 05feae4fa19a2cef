"""The three steps of a task: read, have it painted or enlarged, write. Single pictures go the same way."""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Protocol

from scumble_backend.batch import sequences
from scumble_backend.batch.effect import Effect
from scumble_backend.batch.inputs import Source
from scumble_backend.batch.journal import Entry, Journal, sha256_of
from scumble_backend.batch.outcome import Outcome, failed
from scumble_backend.batch.plan import Task, foreign
from scumble_backend.batch.sequences import Shared
from scumble_backend.errors import InternalError, JobCancelled, OutOfMemory, UnreadableImage, from_os_error
from scumble_backend.files import make_folder
from scumble_backend.pictures import reading, targets, writing
from scumble_backend.pictures.loaded import Loaded
from scumble_wire import sequence
from scumble_wire.errors import ScumbleError
from scumble_wire.messages import ImageResult, Stylize

log = logging.getLogger("scumble.batch")


class Engine(Protocol):
    """What carries out a job's message: a backend, or a device of this process."""

    def run(self, message: Any, frames: Sequence[Any]) -> tuple[ImageResult, Any]:
        """The result and its pixels. Raises ScumbleError."""
        ...


@dataclass(frozen=True)
class Prepared:
    """A picture that was read, and the job that its effect makes of it."""

    loaded: Loaded
    message: Any
    frames: list[Any]
    made_by: str = ""  # what a PNG file keeps of the effect


def prepare(loaded: Loaded, output: Path, effect: Effect, context: Shared | None = None) -> Prepared:
    """What can be refused is refused here, before the device is asked.

    context: of a frame, what it shares with its neighbors.
    Raises UnwritableImage, DiskFull, FileTrouble, FactorWrong.
    """
    info = loaded.info
    factor = effect.factor_for(info)
    size = (max(1, round(info.width * factor)), max(1, round(info.height * factor)))
    file_bytes = size[0] * size[1] * info.channels * loaded.samples.values.dtype.itemsize
    targets.check(output, alpha=info.has_alpha, size=size, sample_bytes=file_bytes)
    message, masks = effect.message(info), effect.masks(info)
    made_by = effect.made_by if output.suffix.lower() == ".png" else ""
    if context is None or not isinstance(message, Stylize):
        return Prepared(loaded, message, [loaded.pixels, *masks], made_by)
    numbers = list(range(1 + len(masks), 1 + len(masks) + len(context.anchors)))
    message = replace(message, anchor_frames=numbers, anchor_weights=[weight for _, weight in context.anchors])
    return Prepared(
        loaded, message, [context.pixels, *masks, *(anchor.pixels for anchor, _ in context.anchors)], made_by
    )


def finish(
    output: Path, prepared: Prepared, result: ImageResult, pixels: Any, check: Callable[[Path], None] | None = None
) -> list[str]:
    """Write the result; returns what has to be told of it. Raises as `writing.save`."""
    loaded = prepared.loaded
    if prepared.made_by:
        told = loaded.samples.metadata
        told = replace(told, texts=[*told.texts, ("Scumble", prepared.made_by)])
        loaded = replace(loaded, samples=replace(loaded.samples, metadata=told))
    writing.save(output, loaded, result.image, pixels, check=check)
    return list(dict.fromkeys([*loaded.notes, *([result.note] if result.note else [])]))


def load(source: Source, *, convert: bool) -> Loaded:
    """Raises as `reading.load`."""
    return reading.load(Path(source.path), convert=convert, page=source.page)


class Hand:
    """Carries out tasks, one after the other or, by several threads, some at a time. Never raises for a task.

    convert: colors to sRGB, for networks that know no others; the same for all tasks of a batch.
    workers: threads that use it.
    """

    def __init__(self, journal: Journal, *, convert: bool, workers: int = 1) -> None:
        self._journal = journal
        self._convert = convert
        keep = 2 * sequence.WINDOW + sequence.ANCHORS + workers
        self._frames = sequences.Frames(self._load, keep)

    def carry_out(self, task: Task, engine: Engine) -> Outcome:
        """Read, paint or enlarge, write, record."""
        try:
            return self._carry_out(task, engine)
        except JobCancelled:
            raise
        except ScumbleError as error:
            return failed(task.source.title, task.output, error)
        except MemoryError:
            trouble = OutOfMemory("The memory did not suffice.", remedy="Use fewer --workers, or smaller pictures.")
            return failed(task.source.title, task.output, trouble)
        except Exception as error:
            log.exception("%s failed unexpectedly.", task.source.title)
            broken = InternalError(
                f"The picture failed: {type(error).__name__}: {error}.", remedy="Please report it."
            )
            return failed(task.source.title, task.output, broken)

    def _carry_out(self, task: Task, engine: Engine) -> Outcome:
        target, own = task.target, Path(task.source.path)
        if os.path.lexists(target) and not task.replace and self._is_done(task):
            return Outcome(task.source.title, str(target))
        try:
            file, sha256 = own.stat(), sha256_of(own)
        except OSError as error:
            raise from_os_error(error, own, "read") from error
        if not file.st_size:
            raise UnreadableImage(f"{own} is empty: it has no bytes.", remedy="Copy it once more from where it was.")
        if task.context is None:
            loaded, context = self._load(task.source), None
        else:
            loaded, context = self._frame(task.source, task.context)
        make_folder(target.parent)
        prepared = prepare(loaded, target, task.job.effect, context)
        began = time.perf_counter()
        result, pixels = engine.run(prepared.message, prepared.frames)
        waited = time.perf_counter() - began

        def record(temporary: Path) -> None:
            made = temporary.stat()
            entry = Entry(
                output=task.output,
                options=task.job.key,
                source=task.source.path,
                page=task.source.page,
                bytes=file.st_size,
                mtime_ns=file.st_mtime_ns,
                sha256=sha256,
                made_bytes=made.st_size,
                made_mtime_ns=made.st_mtime_ns,
                made_sha256=sha256_of(temporary),
            )
            self._journal.record(entry, task.job.options)

        notes = finish(target, prepared, result, pixels, record)
        return Outcome(
            task.source.title,
            str(target),
            notes=tuple(notes),
            device=result.device,
            pixels=loaded.info.width * loaded.info.height,
            network_seconds=result.network_seconds,
            waited_seconds=waited,
        )

    def _load(self, source: Source) -> Loaded:
        return load(source, convert=self._convert)

    def _is_done(self, task: Task) -> bool:
        """Something lies there: an older result, or that of an attempt whose process was lost before it could tell.

        Raises NameTaken for anything else.
        """
        self._journal.refresh()
        state = self._journal.state(task.output, task.source.path, task.source.page, task.job.key)
        if state == "foreign":
            raise foreign(task)
        return state == "done"

    def _frame(self, source: Source, context: sequences.Context) -> tuple[Loaded, Shared]:
        """A frame, and what it shares with others; of these, one that can't be read is left out."""
        kept = self._frames.get(source)
        neighbors = [one for other in context.neighbors if (one := self._readable(other)) is not None]
        anchors = [(one, share) for other, share in context.anchors if (one := self._readable(other)) is not None]
        # A copy: writing adds notes to it, and the one that is kept serves other frames, too.
        loaded = replace(kept, samples=replace(kept.samples, notes=list(kept.samples.notes)))
        return loaded, Shared.of(loaded, neighbors, anchors)

    def _readable(self, source: Source) -> Loaded | None:
        try:
            return self._frames.get(source)
        except ScumbleError:  # told when it is its own turn
            return None
