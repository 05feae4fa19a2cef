"""The queue with its lanes, the workers and the training processes: what the queue decides is carried out here.

All methods run on the loop's thread; workers and processes report through `post`.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from scumble_backend.config import Settings
from scumble_backend.errors import InternalError
from scumble_backend.job import Action, JobMessage, Send, Start, Stop, StopTraining, failure
from scumble_backend.packs.store import Folders, PackStore
from scumble_backend.rendering.worker import Broken, DeviceState, Finished, Progressed, Report, Stopped
from scumble_backend.serving.device_workers import DeviceWorkers
from scumble_backend.serving.pack_threads import Post
from scumble_backend.serving.queue import JobQueue
from scumble_backend.serving.training_processes import Install, Trainings
from scumble_wire.messages import BackendMessage, Failed, Train

if TYPE_CHECKING:
    from scumble_backend.rendering.renderer import Renderer

log = logging.getLogger("scumble.jobs")

SendTo = Callable[[bytes, int, BackendMessage, Sequence[Any]], None]


class Lanes:
    """All jobs, waiting and running.

    install: what installs the packs that trainings make, on a thread of theirs.
    """

    def __init__(
        self,
        *,
        send: SendTo,
        post: Post,
        settings: Settings,
        folders: Folders,
        trainings: Path,
        install: Install,
        clock: Callable[[], float],
    ) -> None:
        self._send = send
        self._post = post
        self._install = install
        self._clock = clock
        self.queue = JobQueue()
        self.trainings = Trainings(trainings, self._training_told)

        def renderer(settings: Settings) -> Renderer:
            from scumble_backend.rendering.renderer import Renderer  # this import is what loads torch

            return Renderer(settings, PackStore(folders))

        self._workers = DeviceWorkers(
            settings, renderer, post=post, reported=self._reported, opened=self._device_ready
        )
        self._device_setting = settings.device
        self._loading = False

    @property
    def device(self) -> DeviceState:
        """What the devices are and hold."""
        return self._workers.state

    def start(self) -> None:
        """Start the workers; take up trainings of an earlier run."""
        self._workers.start()
        self.take_up_runs()

    def take_up_runs(self) -> None:
        """Trainings that lie on disk and are not in the queue: of an earlier backend, or of the command line."""
        for name, message, state, fraction in self.trainings.found(self.queue.knows):
            self.queue.restore(name, message, state, fraction=fraction)

    def load(self) -> None:
        """Load torch, if that hasn't been asked for yet."""
        if not self._loading:
            self._loading = True
            self._workers.load()

    def configure(self, settings: Settings) -> None:
        """Use other settings from the next job on."""
        if settings.device != self._device_setting:
            self._device_setting = settings.device
            self.queue.close_lanes()
        self._workers.configure(settings)

    def submit(
        self, client: bytes, request: int, message: JobMessage, frames: Sequence[Any], *, title: str, name: str = ""
    ) -> None:
        """Queue a job, and begin it if its lane is free."""
        now = self._clock()
        self.carry_out(self.queue.submit(client, request, message, frames, now, name=name, title=title))

    def submit_training(self, client: bytes, request: int, message: Train, folder: str) -> None:
        """Queue a training whose folder has been prepared. Raises QueueFull; the folder is then gone."""
        refused = self.queue.refusal(client, ())
        if refused is not None:
            self.trainings.discard(folder)
            raise refused
        self.submit(client, request, message, (), title=message.name, name=folder)

    def stop_painting(self) -> None:
        """Cancel everything but trainings."""
        now = self._clock()
        for job in self.queue.listing(b"").jobs:
            if job.kind != "train" and job.state in ("waiting", "running"):
                self.carry_out(self.queue.cancel(b"", 0, job.job, now))

    def close(self, patience_s: float) -> bool:
        """Stop everything; training writes its checkpoint. False: a worker is still busy after `patience_s`."""
        self.trainings.close(patience_s)
        return self._workers.leave(patience_s)

    def carry_out(self, actions: Sequence[Action]) -> None:
        """Each action on its own: what goes wrong with one costs no other, and a job that can't begin has failed."""
        for action in actions:
            try:
                self._carry_out(action)
            except Exception as error:
                log.exception("%s could not be carried out.", type(action).__name__)
                broken = InternalError(
                    f"The job failed: {type(error).__name__}.", remedy="The picture is unchanged. The log tells more."
                )
                if isinstance(action, Start):
                    self.carry_out(self.queue.failed(action.job, failure(broken, action.job), self._clock()))
                elif isinstance(action, Send) and not isinstance(action.message, Failed):
                    self._send(action.client, action.request, failure(broken), ())

    def _carry_out(self, action: Action) -> None:
        if isinstance(action, Send):
            self._send(action.client, action.request, action.message, action.frames)
        elif isinstance(action, Stop):
            self._workers.stop(action.job)
        elif isinstance(action, StopTraining):
            self.trainings.stop(action.job, pause=action.pause)
        elif isinstance(action.message, Train):
            self.trainings.run(action.job, install=self._install)
        else:
            self._workers.run(action)

    def _reported(self, report: Report) -> None:
        """A worker has said something of its job."""
        now = self._clock()
        if isinstance(report, Progressed):
            self.carry_out(self.queue.progressed(report.job, report.fraction, report.stage, now))
        elif isinstance(report, Finished):
            self.carry_out(self.queue.finished(report.job, report.message, report.frames, now))
        elif isinstance(report, Broken):
            self.carry_out(self.queue.failed(report.job, report.failure, now))
        elif isinstance(report, Stopped):
            self.carry_out(self.queue.stopped(report.job, now))

    def _device_ready(self, lane: int) -> None:
        self.carry_out(self.queue.open_lane(lane, self._clock()))

    def _training_told(self, event: Callable[[JobQueue, float], list[Action]]) -> None:
        """A training process has said something; called on its reader's thread."""
        self._post(lambda: self.carry_out(event(self.queue, self._clock())))
