"""Training in processes of their own: started, watched, paused and resumed; their state survives the backend.

Each has a folder of its own (`scumble_backend.training_runs`). The process is `python -m scumble_training.child
FOLDER`; it prints events, one a line, and reads the words "pause" and "cancel" from standard input: on either, and
when standard input ends, it writes a checkpoint and leaves.
"""

from __future__ import annotations

import contextlib
import importlib.util
import logging
import os
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from scumble_backend.config import Settings
from scumble_backend.errors import InternalError, JobUnreadable, RunBusy, TrainingFailed, from_os_error
from scumble_backend.job import Action, failure
from scumble_backend.pictures import thumbnails
from scumble_backend.serving.queue import JobQueue
from scumble_backend.training_runs import events
from scumble_backend.training_runs.events import Broken, Done, Preview, Progress
from scumble_backend.training_runs.job import TrainingJob, loss_network_place
from scumble_backend.training_runs.package import check_recipe, require_training
from scumble_backend.training_runs.run_folder import RunFolder, State, new_run, runs_in
from scumble_wire.errors import ScumbleError
from scumble_wire.messages import Failed, ImageInfo, JobState, PackInfo, Train, Trained, TrainPreview

log = logging.getLogger("scumble.training")

#: What a process has said, to be applied to the queue on the loop's thread at a time.
Event = Callable[[JobQueue, float], list[Action]]
#: Installs a pack file; (path, where it came from) -> what was installed. Raises ScumbleError.
Install = Callable[[Path, str], PackInfo]

#: The child, followed by the folder of its job.
COMMAND = (sys.executable, "-m", "scumble_training.child")

KEPT_DAYS = 14  # folders of cancelled and finished trainings
SAVE_S = 5.0  # the state is written no more often
PREVIEW_SIDE = 512  # pixels


@dataclass
class _Process:
    """A child that runs. `wish`: what it was asked to do."""

    name: str
    child: subprocess.Popen[str]
    wish: str = ""  # "", "pause" or "cancel"
    last: Done | Broken | None = None  # its last word
    began: float = field(default_factory=time.monotonic)
    saved: float = 0.0
    fraction: float = 0.0
    reader: threading.Thread | None = None


class Trainings:
    """The training jobs of this user. Methods are for the loop's thread unless they say otherwise."""

    def __init__(self, folder: Path, tell: Callable[[Event], None], command: Sequence[str] = ()) -> None:
        self._folder = folder
        self._tell = tell
        self._command = tuple(command)
        self._processes: dict[str, _Process] = {}
        self._prepared: set[str] = set()  # runs of this backend's own

    def found(self, known: Callable[[str], bool] = lambda name: False) -> list[tuple[str, Train, JobState, float]]:
        """Runs that can go on, of an earlier backend or from the command line: (name, message, state, fraction done).

        known: names to leave out, as that of a run that is just being prepared. A run whose process died counts as
        paused. Long finished ones are removed.
        """
        jobs: list[tuple[str, Train, JobState, float]] = []
        for run in runs_in(self._folder):
            if run.name in self._prepared or known(run.name):
                continue
            try:
                job, state = run.job(), run.state()
            except JobUnreadable as error:
                log.warning("%s can't be resumed: %s", run.path, error)
                continue
            old = time.time() - run.path.stat().st_mtime > KEPT_DAYS * 86400
            if state.state in ("done", "cancelled") and old:
                shutil.rmtree(run.path, ignore_errors=True)
            elif state.state == "failed" or state.state == "cancelled":
                jobs.append((run.name, _message(job), state.state, state.fraction))
            elif state.state != "done" and not run.busy:
                jobs.append((run.name, _message(job), "paused", state.fraction))
        return jobs

    def prepare(self, message: Train, frames: Sequence[Any], settings: Settings, packs: Path) -> str:
        """Make the folder of a new run and return its name. For the packs' thread: it encodes a picture.

        Raises TrainingMissing, RecipeInvalid, DiskFull, FileTrouble, PixelsDamaged.
        """
        if not self._command:
            require_training()
        check_recipe(message.recipe)
        run = new_run(self._folder, message.name)
        self._prepared.add(run.name)
        photos = message.photos or settings.photos
        job = TrainingJob(
            name=message.name,
            painting=run.painting.relative_to(run.path),
            quality=message.quality,
            strength=message.strength,
            photos=Path(photos).expanduser() if photos else None,
            recipe=message.recipe,
            device=settings.device,
            loss_network=loss_network_place(None, settings.loss_network, os.environ),
            packs_folder=packs,
            shown=run.shown.relative_to(run.path) if message.shown is not None else None,
        )
        try:
            _write_picture(message.image, frames, run.painting)
            if message.shown is not None:
                _write_picture(message.shown, frames, run.shown)
            run.write_job(job)
            run.save_state("waiting", 0.0)
        except OSError as error:
            shutil.rmtree(run.path, ignore_errors=True)
            raise from_os_error(error, run.path) from error
        except ScumbleError:
            shutil.rmtree(run.path, ignore_errors=True)
            raise
        return run.name

    def run(self, name: str, *, install: Install) -> None:
        """Start the process of a run, which goes on from its checkpoint; what comes of it is told."""
        run = RunFolder(self._folder / name)
        try:
            if run.state().state == "done":
                raise TrainingFailed(
                    "This training was finished from the command line meanwhile.", remedy="Its style is installed."
                )
            fraction = run.state().fraction
            with run.held():
                pass  # else another program works on it: told before a process is started
            with run.errors.open("ab") as errors:
                child = subprocess.Popen(
                    [*(self._command or COMMAND), str(run.path)],
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    stderr=errors,
                    text=True,
                    encoding="utf-8",
                    errors="replace",
                    env=_environment(os.environ),
                    cwd=run.path,
                    creationflags=getattr(subprocess, "CREATE_NO_WINDOW", 0),
                )
        except (OSError, ScumbleError) as error:
            trouble = from_os_error(error, run.path, "train in") if isinstance(error, OSError) else error
            failed = failure(trouble, name)
            self._tell(lambda queue, now: queue.failed(name, failed, now))
            return
        process = _Process(name, child, fraction=fraction)
        self._processes[name] = process
        process.reader = threading.Thread(
            target=self._read, args=(process, run, install), name=f"training {name}", daemon=True
        )
        process.reader.start()

    def discard(self, name: str) -> None:
        """Remove the folder of a job that was prepared and then not taken."""
        shutil.rmtree(self._folder / name, ignore_errors=True)

    def stop(self, name: str, *, pause: bool) -> None:
        """Ask a process to write its checkpoint and leave."""
        process = self._processes.get(name)
        if process is not None:
            process.wish = "pause" if pause else "cancel"
            _say(process.child, process.wish)

    def close(self, patience_s: float) -> None:
        """Pause what runs, and wait for the checkpoints; what takes too long is ended."""
        running = [process for process in self._processes.values() if process.child.poll() is None]
        for process in running:
            process.wish = process.wish or "pause"
            _say(process.child, process.wish)
        deadline = time.monotonic() + patience_s
        for process in running:
            try:
                process.child.wait(max(0.1, deadline - time.monotonic()))
            except subprocess.TimeoutExpired:
                log.warning("%s did not pause in time: it will go on from an earlier checkpoint.", process.name)
                process.child.kill()
            if process.reader is not None:
                process.reader.join(5.0)

    # --- on the reader's thread --------------------------------------------------------------------------

    def _read(self, process: _Process, run: RunFolder, install: Install) -> None:
        """Follow a process to its end. Whatever goes wrong here, the queue is told of an end."""
        name = process.name
        try:
            status = self._listen(process, run)
            event = self._ended(process, run, status, install)
        except Exception as error:
            log.exception("%s: its end could not be handled.", name)
            process.child.kill()  # does nothing to one that has ended
            broken = InternalError(
                f"Training ended, and what it left could not be used: {type(error).__name__}: {error}.",
                remedy="Resume it from the list of jobs. The log tells more; `scumble status` names it.",
            )
            _try_save(run, "failed", process.fraction)
            failed = failure(broken, name)

            def event(queue: JobQueue, now: float) -> list[Action]:
                return queue.failed(name, failed, now)

        self._tell(event)

    def _listen(self, process: _Process, run: RunFolder) -> int:
        """Hear a process out; returns its exit status."""
        child, name = process.child, process.name
        assert child.stdout is not None
        _try_save(run, "running", process.fraction)
        for line in child.stdout:
            try:
                event = events.from_line(line)
            except (ValueError, OverflowError):
                log.warning("%s said something strange: %.200s", name, line.rstrip())
            else:
                self._heard(process, run, event)
        child.stdout.close()
        status = child.wait()
        if child.stdin is not None:
            with contextlib.suppress(OSError):
                child.stdin.close()
        return status

    def _heard(self, process: _Process, run: RunFolder, event: events.Event) -> None:
        name = process.name
        if isinstance(event, Progress):
            fraction, stage, remaining_s = event.fraction, event.stage, event.remaining_s
            process.fraction = max(process.fraction, min(1.0, fraction))
            self._tell(lambda queue, now: queue.progressed(name, fraction, stage, now, remaining_s=remaining_s))
            if time.monotonic() - process.saved > SAVE_S:
                process.saved = time.monotonic()
                _try_save(run, "running", process.fraction)
        elif isinstance(event, Preview):
            try:
                info, pixels = thumbnails.decode(event.path.read_bytes(), name, PREVIEW_SIDE)
            except (OSError, ScumbleError) as error:
                log.warning("%s: its preview can't be read: %s", name, error)
                return
            preview = TrainPreview(name, info, event.step, event.steps, event.style_loss, event.content_loss)
            self._tell(lambda queue, now: queue.showed(name, preview, (pixels,)))
        else:
            process.last = event

    def _ended(self, process: _Process, run: RunFolder, status: int, install: Install) -> Event:
        """What to tell the queue of a process that has ended."""
        name, last = process.name, process.last
        failed: Failed | None = None
        trained: Trained | None = None
        if isinstance(last, Done):
            try:
                pack = install(last.pack, f"training {name}")
                trained = Trained(name, pack, str(last.report), last.seconds, last.note)
            except ScumbleError as error:
                failed = failure(error, name)
        elif isinstance(last, Broken):
            failed = Failed(last.code, last.message, last.remedy, name)
        elif not process.wish:
            ended = TrainingFailed(
                f"The training process ended unexpectedly ({status}): {_last_line(run.errors)}",
                remedy="Resume it: it goes on from its last checkpoint.",
            )
            failed = failure(ended, name)
        if trained is not None:
            _try_save(run, "done", 1.0)
            return lambda queue, now: queue.finished(name, trained, (), now)
        if failed is not None:
            log.warning("%s failed: %s %s", name, failed.message, failed.remedy)
            if failed.code != RunBusy.code:  # else its state is kept by whoever works on it
                _try_save(run, "failed", process.fraction)
            return lambda queue, now: queue.failed(name, failed, now)
        _try_save(run, "cancelled" if process.wish == "cancel" else "paused", process.fraction)
        return lambda queue, now: queue.stopped(name, now)


def _message(job: TrainingJob) -> Train:
    """The message that would have asked for a run; its picture lies in the run's folder and is not sent again."""
    photos = str(job.photos or "")
    return Train(ImageInfo(1, 1), job.name, job.quality, job.strength, photos, job.recipe)


def _say(child: subprocess.Popen[str], word: str) -> None:
    assert child.stdin is not None
    with contextlib.suppress(OSError, ValueError):  # it has just left
        child.stdin.write(word + "\n")
        child.stdin.flush()


def _environment(environ: Mapping[str, str]) -> dict[str, str]:
    """So that a child finds the packages that this process found, installed or not."""
    ours = []
    for package in ("scumble_backend", "scumble_training"):
        spec = importlib.util.find_spec(package)
        if spec is not None and spec.origin:
            ours.append(str(Path(spec.origin).parents[1]))
    paths = [*dict.fromkeys(ours), *filter(None, [environ.get("PYTHONPATH", "")])]
    return {**environ, "PYTHONPATH": os.pathsep.join(paths), "PYTHONUNBUFFERED": "1", "PYTHONUTF8": "1"}


def _write_picture(info: ImageInfo, frames: Sequence[Any], path: Path) -> None:
    """A picture of a message as an 8-bit RGB PNG, hidden parts filled; training sees no more than that."""
    from dataclasses import replace

    from scumble_backend.rendering import pixels

    eight = replace(info, depth="u8", order="RGB", transfer="srgb", frame=0)
    picture = pixels.unpack(info, frames[info.frame])
    thumbnails.write_rgb(path, info.width, info.height, pixels.pack(picture, eight))


def _try_save(run: RunFolder, state: State, fraction: float) -> None:
    """A state that can't be written (full disk) costs no training: it is found as paused later."""
    try:
        run.save_state(state, fraction)
    except ScumbleError as error:
        log.warning("The state of %s could not be kept: %s", run.name, error)


def _last_line(path: Path) -> str:
    try:
        lines = path.read_text(encoding="utf-8", errors="replace").strip().splitlines()
    except OSError:
        return "it said nothing"
    return lines[-1][:300] if lines else "it said nothing"
