"""The backend as a procedure sees it: connect when first needed, run a job to its end, show GIMP's progress.

When GIMP's Cancel ends this process, the backend notices the vanished client and stops the job.
"""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from gi.repository import Gimp, GLib

from scumble_editor.backend import Backend, Delivery, Job, JobMessage
from scumble_editor.threaded_client import ThreadedClient
from scumble_editor.words import Problem
from scumble_wire import launch
from scumble_wire.client import Client
from scumble_wire.errors import ScumbleError, TimedOut
from scumble_wire.messages import Cancelled, ImageInfo, ImageResult, ListPacks, Train

from . import VERSION
from .texts import _

ANSWER_S = 60.0  # longest wait for a short answer; starting a backend from nothing is part of it


class Stopped(ScumbleError):
    """The job was cancelled, here or from another window."""

    code = "cancelled"


class Told(ScumbleError):
    """A problem that already stands in plain words."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(problem.headline, remedy=problem.remedy)
        self.code = problem.code
        self.problem = problem


def connect() -> Client:
    """The backend that runs, or the installed one, started. Raises ScumbleError."""
    return Client.connect(name="gimp", version=VERSION, launch=launch.find_command, timeout_s=ANSWER_S)


class Session:
    """A `Backend` and its threaded_client for the life of one procedure call."""

    def __init__(self, dial: Callable[[], Client] = connect) -> None:
        self._bell = threading.Event()
        self._in_main_loop = False
        self.backend = Backend(ThreadedClient(dial, self._arrived))

    def __enter__(self) -> Session:
        return self

    def __exit__(self, *_ignored: object) -> None:
        self.backend.close()

    def _arrived(self) -> None:
        """Called in the threaded_client's thread."""
        self._bell.set()
        if self._in_main_loop:
            GLib.idle_add(self._pump_once)

    def _pump_once(self) -> bool:
        self.backend.pump()
        return False  # an idle call of GLib: not again

    @contextlib.contextmanager
    def main_loop(self) -> Iterator[None]:
        """While a dialog runs: what arrives is routed by GLib's loop."""
        self._in_main_loop = True
        try:
            yield
        finally:
            self._in_main_loop = False
            self.backend.preview.drop()

    def _wait(self, seconds: float) -> None:
        self._bell.wait(seconds)
        self._bell.clear()
        self.backend.pump()

    def ask(self, message: Any, frames: Sequence[Any] = (), timeout_s: float = ANSWER_S) -> Delivery:
        """Send a message and wait for its one answer. Raises ScumbleError."""
        answers: list[Delivery] = []
        problems: list[Problem] = []
        self.backend.ask(message, frames, on_answer=answers.append, on_problem=problems.append)
        end = time.monotonic() + timeout_s
        while not answers and not problems:
            if time.monotonic() > end:
                raise TimedOut(
                    "The backend did not answer in time.", remedy=_("Stop it with `scumble stop`, try again.")
                )
            self._wait(0.2)
        if problems:
            raise Told(problems[0])
        return answers[0]

    def load_packs(self) -> None:
        """Let `backend.packs` be known. Raises ScumbleError."""
        if not self.backend.packs_known:
            self.ask(ListPacks())

    def start(self, message: Train, frames: Sequence[Any]) -> None:
        """Start a training that goes on without us. Raises ScumbleError when it was refused."""
        self.until_accepted(self.backend.submit(message, frames))

    def until_accepted(self, job: Job) -> None:
        """Wait until a job has reached the backend's queue. Raises ScumbleError when it was refused."""
        while job.open and not job.id:
            self._wait(0.1)
        if job.problem is not None and not job.id:
            raise Told(job.problem)

    def run(self, message: JobMessage, frames: Sequence[Any], steps: Steps) -> tuple[Job, Delivery]:
        """Run a job to its end, showing GIMP's progress. Raises Stopped or another ScumbleError."""
        results: list[Delivery] = []
        job = self.backend.submit(message, frames, on_done=lambda _job, delivery: results.append(delivery))
        while job.open:
            self._wait(0.1)
            if job.open:
                steps.show(job.fraction, job.text)
        if job.state == "cancelled":
            raise Stopped(_("Cancelled. Nothing was changed."))
        if job.problem is not None:
            raise Told(job.problem)
        if isinstance(results[0].message, Cancelled):
            raise Stopped(_("Cancelled. Nothing was changed."))
        return job, results[0]


def picture_of(delivery: Delivery) -> tuple[ImageInfo, Any]:
    """A result's picture: how its pixels lie, and the pixels."""
    result = delivery.message
    assert isinstance(result, ImageResult)
    return result.image, delivery.frames[result.image.frame]


class Steps:
    """GIMP's progress bar for a run over several layers: each has its share, and the bar never falls back."""

    PULSE_S = 0.1  # every update waits for GIMP, so they stay few

    def __init__(self, title: str, count: int = 1) -> None:
        self._count, self._done, self._shown, self._when = count, 0, -1.0, 0.0
        self._text = title
        Gimp.progress_init(title)

    def show(self, fraction: float, text: str = "") -> None:
        """fraction: of the current layer, 0 .. 1."""
        total = min(1.0, (self._done + fraction) / self._count)
        now = time.monotonic()
        if now - self._when < self.PULSE_S or (total <= self._shown and text == self._text):
            return
        if text and text != self._text:
            Gimp.progress_set_text(text)
            self._text = text
        if total > self._shown:
            Gimp.progress_update(total)
        self._shown, self._when = max(total, self._shown), now

    def next(self) -> None:
        self._done += 1
        self._when = 0.0
        self.show(0.0)

    def end(self) -> None:
        Gimp.progress_end()
