"""The folder of a run: job.json, state.json, a lock, what went wrong, and what the process leaves there.

Every stage of a training ("quick", "probe", "full") has a folder of its own in it, with its checkpoint.
"""

from __future__ import annotations

import contextlib
import json
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from scumble_backend import plain_data
from scumble_backend.errors import JobUnreadable, RunBusy, StoreBusy, from_os_error
from scumble_backend.files import locked, write_text
from scumble_backend.training_runs.job import TrainingJob

State = Literal["waiting", "running", "paused", "done", "cancelled", "failed"]


@dataclass(frozen=True)
class RunState:
    """How far a run is. fraction: 0 .. 1. "done": its pack is installed."""

    state: State
    fraction: float


class RunFolder:
    """One run. Nothing is read before it is asked for."""

    def __init__(self, path: Path) -> None:
        self.path = path

    @property
    def name(self) -> str:
        return self.path.name

    @property
    def painting(self) -> Path:
        """Where the reference picture lies if the job has no other place for it."""
        return self.path / "painting.png"

    @property
    def shown(self) -> Path:
        """Where the picture lies that previews show painted."""
        return self.path / "shown.png"

    @property
    def errors(self) -> Path:
        """What the process wrote to standard error, of all sittings."""
        return self.path / "errors.log"

    # --- what it is to learn -----------------------------------------------------------------------------

    def write_job(self, job: TrainingJob) -> None:
        """Raises DiskFull, FileTrouble."""
        write_text(self.path / "job.json", json.dumps(plain_data.plain(job), indent=1, ensure_ascii=False))

    def job(self) -> TrainingJob:
        """With whole paths of its pictures. Raises JobUnreadable that names what is wrong."""
        file = self.path / "job.json"
        try:
            job = plain_data.read(TrainingJob, json.loads(file.read_text(encoding="utf-8")), "job")
        except (OSError, ValueError) as error:
            raise JobUnreadable(
                f"{file} doesn't say what to learn: {error}.", remedy="Start the training again from its painting."
            ) from error
        shown = self.path / job.shown if job.shown is not None else None
        return replace(job, painting=self.path / job.painting, shown=shown)

    # --- how far it is -----------------------------------------------------------------------------------

    def save_state(self, state: State, fraction: float) -> None:
        """Raises DiskFull, FileTrouble."""
        write_text(self.path / "state.json", json.dumps(plain_data.plain(RunState(state, fraction))))

    def state(self) -> RunState:
        """A run that is said to be running while nobody works in it was interrupted: it is paused.

        Raises JobUnreadable.
        """
        file = self.path / "state.json"
        try:
            found = plain_data.read(RunState, json.loads(file.read_text(encoding="utf-8")), "state")
        except (OSError, ValueError) as error:
            raise JobUnreadable(f"{file} can't be read: {error}.", remedy="Start the training again.") from error
        if found.state == "running" and not self.busy:
            return RunState("paused", found.fraction)
        return found

    def checkpoint_time(self) -> float:
        """When its newest checkpoint was written, in seconds since 1970; 0 where there is none yet."""
        return max((file.stat().st_mtime for file in self.path.glob("*/checkpoint.pt")), default=0.0)

    # --- who works in it ---------------------------------------------------------------------------------

    @contextlib.contextmanager
    def held(self) -> Iterator[None]:
        """Work in it; the system frees the lock of a process that dies. Raises RunBusy, FileTrouble."""
        with contextlib.ExitStack() as stack:
            try:
                stack.enter_context(locked(self.path / "run.lock", timeout_s=0.0))
            except StoreBusy as error:
                raise RunBusy(
                    f"Another program is working on the training {self.name}.",
                    remedy="Pause it there first, or wait for its end.",
                ) from error
            yield

    @property
    def busy(self) -> bool:
        """Whether some process works in it just now."""
        try:
            with self.held():
                return False
        except RunBusy:
            return True


def new_run(runs: Path, title: str) -> RunFolder:
    """Make the folder of a new run, named after its style and the time. Raises DiskFull, FileTrouble."""
    slug = "".join(c if c.isalnum() and c.isascii() else "-" for c in title.lower()).strip("-")[:40]
    stem = f"{slug or 'style'}-{time.strftime('%Y%m%d-%H%M%S')}"
    try:
        runs.mkdir(parents=True, exist_ok=True)
        for number in range(1, 10_000):
            path = runs / (stem if number == 1 else f"{stem}-{number}")
            with contextlib.suppress(FileExistsError):
                path.mkdir()
                return RunFolder(path)
    except OSError as error:
        raise from_os_error(error, runs) from error
    raise from_os_error(FileExistsError(), runs)


def runs_in(runs: Path) -> list[RunFolder]:
    """All runs, by name."""
    return [RunFolder(path) for path in sorted(runs.iterdir()) if path.is_dir()] if runs.is_dir() else []


def interrupted(runs: Path, painting: Path | None = None) -> RunFolder | None:
    """The run to go on with: the one that was learning last, and only without such a one the newest that never began.

    painting: only runs of this picture count. Runs that are finished, cancelled or being worked on don't.
    """
    candidates: list[tuple[float, float, RunFolder]] = []
    for run in runs_in(runs):
        try:
            job, state = run.job(), run.state().state
        except JobUnreadable:
            continue
        if state in ("done", "cancelled", "running") or (painting is not None and job.painting != painting):
            continue
        if not run.busy:
            candidates.append((run.checkpoint_time(), (run.path / "job.json").stat().st_mtime, run))
    return max(candidates, key=lambda one: one[:2])[2] if candidates else None
