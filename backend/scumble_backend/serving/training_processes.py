"""Training in processes of their own: started, watched, paused and resumed; their state survives the backend.

A job is a folder: `job.json` (what is to be learned), `painting.png`, `state.json` (how far it got), `errors.log`,
and what the child puts there. The child is `python -m scumble_training.child FOLDER`. It prints one JSON object a
line: {"event": "progress" | "preview" | "done" | "failed", ...}, and reads the lines "pause" and "cancel" from
standard input: on either, and when standard input ends, it writes a checkpoint and leaves.
"""

from __future__ import annotations

import contextlib
import importlib.util
import json
import logging
import os
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from scumble_backend.config import Settings
from scumble_backend.errors import InternalError, TrainingFailed, TrainingMissing, from_os_error
from scumble_backend.files import write_text
from scumble_backend.job import Action, failure
from scumble_backend.pictures import thumbnails
from scumble_backend.serving.queue import JobQueue
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
    last: dict[str, Any] = field(default_factory=dict)  # its last word: "done" or "failed"
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

    def found(self) -> list[tuple[str, Train, JobState, float]]:
        """Trainings of an earlier run that can go on: (name, message, state, fraction done).

        One that ran when the backend died counts as paused.
        """
        jobs: list[tuple[str, Train, JobState, float]] = []
        for folder in sorted(self._folder.iterdir()) if self._folder.is_dir() else ():
            try:
                state = json.loads((folder / "state.json").read_text(encoding="utf-8"))
                told = json.loads((folder / "job.json").read_text(encoding="utf-8"))["message"]
                message = Train(**{**told, "image": ImageInfo(**told["image"])})
                how: JobState = state["state"]
                fraction = float(state["fraction"])
            except (OSError, ValueError, KeyError, TypeError) as error:
                log.warning("%s is no training that can be resumed: %s", folder, error)
                continue
            if how in ("done", "cancelled") and time.time() - folder.stat().st_mtime > KEPT_DAYS * 86400:
                shutil.rmtree(folder, ignore_errors=True)
            elif how == "failed" or how == "cancelled":
                jobs.append((folder.name, message, how, fraction))
            elif how != "done":
                jobs.append((folder.name, message, "paused", fraction))
        return jobs

    def prepare(self, message: Train, frame: Any, settings: Settings, packs: Path) -> str:
        """Write a job's folder and return its name. For the packs' thread: it encodes a picture.

        Raises TrainingMissing, DiskFull, FileTrouble, PixelsDamaged.
        """
        if not self._command and importlib.util.find_spec("scumble_training") is None:
            raise TrainingMissing(
                "The training package is not installed.",
                remedy="Install again: `python3 installer/install.py install`.",
            )
        slug = "".join(c if c.isalnum() and c.isascii() else "-" for c in message.name.lower()).strip("-")[:40]
        stem = f"{slug or 'style'}-{time.strftime('%Y%m%d-%H%M%S')}"
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            folder = next(p for n in range(1, 10_000) if not (p := self._folder / f"{stem}-{n}").exists())
            folder.mkdir()
        except OSError as error:
            raise from_os_error(error, self._folder) from error
        try:
            painting = folder / "painting.png"
            _write_painting(message.image, frame, painting)
            job = {
                "painting": str(painting),
                "name": message.name,
                "quality": message.quality,
                "strength": message.strength,
                "photos": message.photos or settings.photos,
                "recipe": message.recipe,
                "device": settings.device,
                "loss_network": settings.loss_network,
                "packs_folder": str(packs),
                "resume": False,
                "message": asdict(message),
            }
            write_text(folder / "job.json", json.dumps(job, indent=1, ensure_ascii=False))
            _save_state(folder, "waiting", 0.0)
        except OSError as error:
            shutil.rmtree(folder, ignore_errors=True)
            raise from_os_error(error, folder) from error
        except ScumbleError:
            shutil.rmtree(folder, ignore_errors=True)
            raise
        return folder.name

    def run(self, name: str, *, again: bool, install: Install) -> None:
        """Start the process of a job; what comes of it is told."""
        folder = self._folder / name
        try:
            if again:
                job = json.loads((folder / "job.json").read_text(encoding="utf-8"))
                write_text(folder / "job.json", json.dumps({**job, "resume": True}, indent=1, ensure_ascii=False))
            with (folder / "errors.log").open("ab") as errors:
                child = subprocess.Popen(
                    [*(self._command or COMMAND), str(folder)],
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    stderr=errors,
                    text=True,
                    encoding="utf-8",
                    errors="replace",
                    env=_environment(os.environ),
                    cwd=folder,
                    creationflags=getattr(subprocess, "CREATE_NO_WINDOW", 0),
                )
        except (OSError, ValueError, ScumbleError) as error:
            text = f"Training could not be started: {error}"
            failed = failure(TrainingFailed(text, remedy="Resume it from the list of jobs."), name)
            self._tell(lambda queue, now: queue.failed(name, failed, now))
            return
        process = _Process(name, child)
        self._processes[name] = process
        process.reader = threading.Thread(
            target=self._read, args=(process, folder, install), name=f"training {name}", daemon=True
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

    def _read(self, process: _Process, folder: Path, install: Install) -> None:
        """Follow a process to its end. Whatever goes wrong here, the queue is told of an end."""
        name = process.name
        try:
            status = self._listen(process, folder)
            event = self._ended(process, folder, status, install)
        except Exception as error:
            log.exception("%s: its end could not be handled.", name)
            process.child.kill()  # does nothing to one that has ended
            broken = InternalError(
                f"Training ended, and what it left could not be used: {type(error).__name__}: {error}.",
                remedy="Resume it from the list of jobs. The log tells more; `scumble status` names it.",
            )
            _try_save(folder, "failed", process.fraction)
            failed = failure(broken, name)

            def event(queue: JobQueue, now: float) -> list[Action]:
                return queue.failed(name, failed, now)

        self._tell(event)

    def _listen(self, process: _Process, folder: Path) -> int:
        """Hear a process out; returns its exit status."""
        child, name = process.child, process.name
        assert child.stdout is not None
        _try_save(folder, "running", process.fraction)
        for line in child.stdout:
            try:
                told = json.loads(line)
                self._heard(process, folder, told)
            except (ValueError, KeyError, TypeError, AttributeError, OverflowError):
                log.warning("%s said something strange: %.200s", name, line.rstrip())
        child.stdout.close()
        status = child.wait()
        if child.stdin is not None:
            with contextlib.suppress(OSError):
                child.stdin.close()
        return status

    def _heard(self, process: _Process, folder: Path, told: dict[str, Any]) -> None:
        name, event = process.name, told["event"]
        if event == "progress":
            fraction, stage = float(told["fraction"]), str(told.get("stage") or "training")
            left = told.get("remaining_s")
            remaining_s = None if left is None else float(left)
            process.fraction = max(process.fraction, min(1.0, fraction))
            self._tell(lambda queue, now: queue.progressed(name, fraction, stage, now, remaining_s=remaining_s))
            if time.monotonic() - process.saved > SAVE_S:
                process.saved = time.monotonic()
                _try_save(folder, "running", process.fraction)
        elif event == "preview":
            try:
                info, pixels = thumbnails.decode(Path(told["path"]).read_bytes(), name, PREVIEW_SIDE)
            except (OSError, ScumbleError) as error:
                log.warning("%s: its preview can't be read: %s", name, error)
                return
            step, steps = int(told["step"]), int(told["steps"])
            style, content = float(told["style_loss"]), float(told["content_loss"])
            preview = TrainPreview(name, info, step, steps, style, content)
            self._tell(lambda queue, now: queue.showed(name, preview, (pixels,)))
        elif event in ("done", "failed"):
            process.last = told
        else:
            raise ValueError(event)

    def _ended(self, process: _Process, folder: Path, status: int, install: Install) -> Event:
        """What to tell the queue of a process that has ended."""
        name, last = process.name, process.last
        failed: Failed | None = None
        trained: Trained | None = None
        if last.get("event") == "done":
            try:
                pack = install(Path(str(last["pack"])), f"training {name}")
                seconds = time.monotonic() - process.began
                report, note = str(last.get("report") or ""), str(last.get("note") or "")
                trained = Trained(name, pack, report, float(last.get("seconds") or seconds), note)
            except KeyError:
                failed = failure(TrainingFailed("Training ended without a pack.", remedy="Resume it."), name)
            except ScumbleError as error:
                failed = failure(error, name)
        elif last.get("event") == "failed":
            code, text = str(last.get("code") or TrainingFailed.code), str(last.get("message") or "Training failed.")
            failed = Failed(code, text, str(last.get("remedy") or "Resume it."), name)
        elif not process.wish:
            ended = TrainingFailed(
                f"The training process ended unexpectedly ({status}): {_last_line(folder / 'errors.log')}",
                remedy="Resume it: it goes on from its last checkpoint.",
            )
            failed = failure(ended, name)
        if trained is not None:
            _try_save(folder, "done", 1.0)
            return lambda queue, now: queue.finished(name, trained, (), now)
        if failed is not None:
            log.warning("%s failed: %s %s", name, failed.message, failed.remedy)
            _try_save(folder, "failed", process.fraction)
            return lambda queue, now: queue.failed(name, failed, now)
        _try_save(folder, "cancelled" if process.wish == "cancel" else "paused", process.fraction)
        return lambda queue, now: queue.stopped(name, now)


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


def _write_painting(info: ImageInfo, frame: Any, path: Path) -> None:
    """The reference picture as an 8-bit RGB PNG, hidden parts filled; training sees no more than that."""
    from dataclasses import replace

    from scumble_backend.rendering import pixels

    eight = replace(info, depth="u8", order="RGB", transfer="srgb", frame=0)
    picture = pixels.unpack(info, frame)
    thumbnails.write_rgb(path, info.width, info.height, pixels.pack(picture, eight))


def _save_state(folder: Path, state: str, fraction: float) -> None:
    write_text(folder / "state.json", json.dumps({"state": state, "fraction": fraction}))


def _try_save(folder: Path, state: str, fraction: float) -> None:
    """A state that can't be written (full disk) costs no training: it is found as paused later."""
    try:
        _save_state(folder, state, fraction)
    except ScumbleError as error:
        log.warning("The state of %s could not be kept: %s", folder.name, error)


def _last_line(path: Path) -> str:
    try:
        lines = path.read_text(encoding="utf-8", errors="replace").strip().splitlines()
    except OSError:
        return "it said nothing"
    return lines[-1][:300] if lines else "it said nothing"
