"""The one thread that owns the device. It takes jobs, runs them, and reports; torch is imported here, lazily.

A more urgent job is run inside a progress call of the running one, so a preview does not wait for a long painting.
Everything the thread says goes through one callback, called from this thread; the receiver must pass it on.
"""

from __future__ import annotations

import logging
import os
import queue
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from scumble_backend.config import Settings
from scumble_backend.errors import InternalError, JobCancelled
from scumble_backend.job import Start, failure
from scumble_wire.errors import ScumbleError
from scumble_wire.messages import BackendMessage, Copy, Failed, ImageResult, Stylize, Upscale

if TYPE_CHECKING:
    from scumble_backend.rendering.renderer import Renderer

log = logging.getLogger("scumble.worker")

#: Loads torch and returns the device with its networks.
MakeRenderer = Callable[[Settings], "Renderer"]

#: Free memory goes back to the system when there has been nothing to do for so long, and so often at most between
#: jobs: the next one has to ask for it again.
TIDY_EVERY_S = 5.0

#: How many layers and sizes ideep, PyTorch's way to oneDNN, remembers: by itself 1,024 of a kind, which come to some
#: ten megabytes, scattered, where every picture has another size. A painting has 25.
REMEMBERED_SIZES = ("LRU_CACHE_CAPACITY", "128")


# --- reports ---------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Progressed:
    job: str
    fraction: float
    stage: str


@dataclass(frozen=True, slots=True)
class Finished:
    job: str
    message: BackendMessage
    frames: Sequence[Any]


@dataclass(frozen=True, slots=True)
class Broken:
    """The job ended with an error."""

    job: str
    failure: Failed


@dataclass(frozen=True, slots=True)
class Stopped:
    """The job ended because it was asked to."""

    job: str


@dataclass(frozen=True, slots=True)
class DeviceState:
    """What the device is and holds."""

    device: str = ""  # "" while torch still loads
    networks: tuple[str, ...] = ()
    memory_mb: float = 0.0
    trouble: str = ""  # why there is no device, in words
    further: tuple[str, ...] = ()  # settings of more devices like it, where "auto" was asked for


Report = Progressed | Finished | Broken | Stopped | DeviceState


class Worker:
    """A thread with an inbox. All public methods may be called from any thread and return at once."""

    def __init__(self, report: Callable[[Report], None], settings: Settings, make: MakeRenderer) -> None:
        self._report = report
        self._settings = settings
        self._make = make
        self._renderer: Renderer | None = None
        self._jobs: deque[Start] = deque()  # taken between jobs and, when more urgent, inside one
        self._chores: queue.SimpleQueue[Callable[[], None] | None] = queue.SimpleQueue()
        self._stops: set[str] = set()
        self._shaken = False  # something unforeseen happened: the next job loads the device again
        self._inner_s = 0.0  # time that more urgent jobs took from the running one
        self._leaving = False
        self._loading = False
        self._tidied = time.monotonic()
        self._untidy = False  # jobs have run since then
        self._thread = threading.Thread(target=self._run, name="worker", daemon=True)

    def start(self) -> None:
        os.environ.setdefault(*REMEMBERED_SIZES)  # read while PyTorch is loaded, by whichever thread needs it first
        self._thread.start()

    def load(self) -> None:
        """Load torch and warm the device up, if that isn't done yet."""
        self._chores.put(self._load_quietly)

    def run(self, start: Start) -> None:
        """Take a job. While another one runs, it must be a more urgent one; see `serving.queue.JobQueue`."""
        self._jobs.append(start)
        self._chores.put(self._next_job)

    def stop(self, job: str) -> None:
        """Stop a job at its next progress call."""
        self._stops.add(job)

    def configure(self, settings: Settings) -> None:
        """Use other settings from the next job on; a new device is loaded at once."""
        self._chores.put(lambda: self._configure(settings))

    def retire(self) -> None:
        """Give the device back after what runs; the next job loads it again."""
        self._chores.put(self._give_back)

    def leave(self, timeout_s: float) -> bool:
        """End the thread after the running job, which is told to stop. False: it still runs after `timeout_s`.

        Loading torch can't be stopped and nobody needs it any more: then there is no waiting.
        """
        self._leaving = True
        self._chores.put(None)
        deadline = time.monotonic() + timeout_s
        while self._thread.is_alive() and not self._loading and time.monotonic() < deadline:
            self._thread.join(0.05)
        return not self._thread.is_alive()

    # --- the thread --------------------------------------------------------------------------------------

    def _run(self) -> None:
        while True:
            patience_s, then = self._when_idle()
            try:
                chore = self._chores.get(timeout=patience_s)
            except queue.Empty:
                chore = then
            if chore is None:
                return
            try:
                chore()
            except Exception:  # a lost device raises anything; the thread has to outlive it
                log.exception("The worker could not do what it was asked to.")

    def _when_idle(self) -> tuple[float | None, Callable[[], None]]:
        """For how many seconds to wait for work, None for any time, and what to do after them."""
        idle_s = self._settings.idle_release_s
        if self._renderer is None or not self._renderer.holds_memory:
            idle_s = 0
        if self._untidy and not 0 < idle_s <= TIDY_EVERY_S:
            return TIDY_EVERY_S, self._tidy
        return idle_s or None, self._forget

    def _tidy(self) -> None:
        self._tidied, self._untidy = time.monotonic(), False
        if self._renderer is not None:
            self._renderer.tidy()

    def _load_quietly(self) -> None:
        """Load; trouble is kept for the jobs, which load again and tell it."""
        if self._leaving:
            return
        try:
            self._load()
        except ScumbleError as error:
            log.warning("No device: %s", error)

    def _load(self) -> Renderer:
        if self._renderer is None:
            began = time.perf_counter()
            self._loading = True
            try:
                self._renderer = self._make(self._settings)
            except ScumbleError as error:
                self._report(DeviceState(trouble=str(error)))
                raise
            except Exception as error:  # a damaged PyTorch raises anything; the thread has to outlive it
                log.exception("PyTorch can't be loaded.")
                trouble = InternalError(
                    f"PyTorch can't be loaded: {error}",
                    remedy="Install again: `python3 installer/install.py install`.",
                )
                self._report(DeviceState(trouble=str(trouble)))
                raise trouble from error
            finally:
                self._loading = False
            log.info("Ready on %s after %.1f s.", self._renderer.device_name, time.perf_counter() - began)
            self._tell_state()
        return self._renderer

    def _tell_state(self) -> None:
        renderer = self._renderer
        if renderer is None:
            return
        try:
            state = DeviceState(
                renderer.device_name, tuple(renderer.loaded), renderer.memory_mb, further=renderer.further
            )
        except RuntimeError as error:  # a device that is lost can't tell how much memory it has, either
            log.warning("The device does not answer: %s", error)
            state = DeviceState(trouble=f"{renderer.device_name} does not answer.")
        self._report(state)

    def _configure(self, settings: Settings) -> None:
        old, self._settings = self._settings, settings
        if self._renderer is None:
            return
        if old.device != settings.device:
            self._renderer.release()
            self._renderer = None
            self._report(DeviceState())
            self._load_quietly()
        else:
            self._renderer.configure(settings)
            self._tell_state()

    def _give_back(self) -> None:
        renderer, self._renderer = self._renderer, None
        if renderer is not None:
            renderer.release()

    def _forget(self) -> None:
        log.info("Idle for %.0f s: the device's memory is freed.", self._settings.idle_release_s)
        if self._renderer is not None:
            self._renderer.release()
            self._tell_state()

    def _next_job(self) -> None:
        if self._jobs:  # it may have been run inside another one
            self._work(self._jobs.popleft())
            self._untidy = True
        if time.monotonic() - self._tidied > TIDY_EVERY_S:
            self._tidy()
        if self._shaken:
            self._shaken = False
            renderer, self._renderer = self._renderer, None
            if renderer is not None:
                renderer.release()

    def _work(self, start: Start) -> None:
        """Run one job to its end and report it, whatever happens."""
        name = start.job
        try:
            self._report(self._outcome(start))
        except JobCancelled:
            self._report(Stopped(name))
        except ScumbleError as error:
            log.info("%s failed: %s", name, error)
            self._report(Broken(name, failure(error, name)))
        except Exception as error:
            log.exception("%s failed unexpectedly.", name)
            self._shaken = True
            text = f"The job failed: {type(error).__name__}: {str(error).splitlines()[0] if str(error) else ''}"
            remedy = "The picture is unchanged. The log tells more; `scumble status` names it."
            self._report(Broken(name, failure(InternalError(text, remedy=remedy), name)))
        finally:
            self._stops.discard(name)
        self._tell_state()

    def _outcome(self, start: Start) -> Finished:
        began, inner_before = time.perf_counter(), self._inner_s

        def progress(fraction: float, stage: str) -> None:
            while self._jobs and not self._leaving:
                self._work_inside(self._jobs.popleft())
            if self._leaving or start.job in self._stops:
                raise JobCancelled()
            self._report(Progressed(start.job, fraction, stage))

        progress(0.0, "loading")
        message = start.message
        if isinstance(message, Copy):
            seconds = time.perf_counter() - began
            device = "" if self._renderer is None else self._renderer.device_name
            result = ImageResult(start.job, replace(message.image, frame=0), device, seconds, 0.0)
            return Finished(start.job, result, (start.frames[message.image.frame],))
        renderer = self._load()
        if isinstance(message, Stylize):
            made = renderer.stylize(message, start.frames, progress)
        elif isinstance(message, Upscale):
            made = renderer.upscale(message, start.frames, progress)
        else:
            raise InternalError(f"The worker can't run {type(message).__name__}.")
        seconds = time.perf_counter() - began - (self._inner_s - inner_before)
        network_s = min(seconds, made.network_seconds)
        result = ImageResult(start.job, made.info, renderer.device_name, seconds, network_s, made.note)
        return Finished(start.job, result, (made.pixels,))

    def _work_inside(self, start: Start) -> None:
        began = time.perf_counter()
        before = self._inner_s
        self._work(start)
        self._inner_s = before + time.perf_counter() - began
