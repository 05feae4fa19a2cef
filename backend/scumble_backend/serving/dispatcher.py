"""What the backend does with each message: no sockets here, and nothing that takes long.

All methods run on the loop's thread. Jobs go to the worker, pack files to the packs_thread, training to its
process; each of them reports through `post`, which brings a call back to the loop's thread.
"""

from __future__ import annotations

import logging
import os
import platform
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import lru_cache
from importlib import metadata
from typing import TYPE_CHECKING, Any

from scumble_backend import __version__, config
from scumble_backend.config import Places, Settings
from scumble_backend.errors import HelloMissing, InternalError, PixelsDamaged
from scumble_backend.job import Action, JobMessage, Send, Start, Stop, StopTraining
from scumble_backend.packs.store import PackStore
from scumble_backend.rendering.worker import Broken, DeviceState, Finished, Progressed, Report, Stopped, Worker
from scumble_backend.serving.leases import Leases
from scumble_backend.serving.pack_requests import Reply
from scumble_backend.serving.packs_thread import PacksThread, Post
from scumble_backend.serving.queue import JobQueue
from scumble_backend.serving.training_processes import Trainings
from scumble_wire import codec
from scumble_wire.errors import MalformedMessage, ScumbleError
from scumble_wire.messages import (
    PROTOCOL_VERSION,
    Alive,
    BackendMessage,
    Cancel,
    Configure,
    Copy,
    Done,
    Failed,
    GetStatus,
    GetThumbnail,
    Goodbye,
    Hello,
    ImageInfo,
    InspectPack,
    InstallPack,
    KeepAlive,
    ListJobs,
    ListPacks,
    PacksChanged,
    Pause,
    RemovePack,
    Resume,
    Shutdown,
    Status,
    Stylize,
    Train,
    Upscale,
    Watch,
    Welcome,
)

if TYPE_CHECKING:
    from scumble_backend.rendering.renderer import Renderer

log = logging.getLogger("scumble.dispatcher")

SendTo = Callable[[bytes, int, BackendMessage, Sequence[Any]], None]

LOOK_S = 2.0  # seconds between looks at the packs' folders, while somebody is there to be told
LOAD_AFTER_S = 3.0  # torch is loaded so long after the start, or when the first client has been greeted


class Dispatcher:
    """The backend without its sockets."""

    def __init__(
        self,
        *,
        send: SendTo,
        post: Post,
        places: Places,
        settings: Settings,
        store: PackStore | None = None,
        lease_s: float = 30.0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._send = send
        self._post = post
        self._places = places
        self._settings = settings
        self._clock = clock
        self._began = clock()
        self._leases = Leases(lease_s)
        self._queue = JobQueue()
        self._device = DeviceState()
        store = store or PackStore()
        folders = store.folders

        def renderer(settings: Settings) -> Renderer:
            from scumble_backend.rendering.renderer import Renderer  # this import is what loads torch

            return Renderer(settings, PackStore(folders))

        self._worker = Worker(lambda report: post(lambda: self._reported(report)), settings, renderer)
        self._loading = False
        self.packs_thread = PacksThread(store, post, self._packs_changed)
        self._looked = clock()
        self._trainings = Trainings(places.trainings, self._trained_file)
        self.leaving = False  # set once Shutdown has been asked for

    def start(self) -> None:
        """Start the threads; take up trainings of an earlier run."""
        self._worker.start()
        self.packs_thread.learn_titles()
        for name, message, state, fraction in self._trainings.found():
            self._queue.restore(name, message, state, fraction=fraction)

    # --- from the loop -----------------------------------------------------------------------------------

    def receive(self, client: bytes, header: bytes, frames: Sequence[Any]) -> None:
        """Handle one message; every one but Goodbye is answered."""
        try:
            message, request = codec.decode(header)
        except MalformedMessage as error:
            self._leases.renew(client, self._clock())
            self._fail(client, getattr(error, "request", 0), error)
            return
        try:
            self._handle(client, request, message, frames)
        except ScumbleError as error:
            self._fail(client, request, error)
        except Exception as error:
            log.exception("%s could not be handled.", type(message).__name__)
            text = f"{type(message).__name__} could not be handled: {type(error).__name__}."
            self._fail(client, request, InternalError(text, remedy="The log tells more; `scumble status` names it."))

    def tick(self) -> None:
        """Call it a few times a second, after the messages that wait."""
        now = self._clock()
        for client in self._leases.tick(now):
            log.info("A client has not been heard of for %.0f s; its jobs are stopped.", self._leases.lease_s)
            self._carry_out(self._queue.abandon(client, now))
        if now - self._began > LOAD_AFTER_S:
            self._load()
        if self._leases.clients and now - self._looked > LOOK_S:
            self._looked = now
            self.packs_thread.look()

    def lost(self, client: bytes) -> None:
        """The connection of a client is known to be gone."""
        self._leases.drop(client)
        self._carry_out(self._queue.abandon(client, self._clock()))

    def close(self, patience_s: float = 10.0) -> bool:
        """Stop everything; training writes its checkpoint. False: a thread is still busy after `patience_s`."""
        self._trainings.close(patience_s)
        idle = self._worker.leave(patience_s)
        return self.packs_thread.close(patience_s) and idle

    # --- messages ----------------------------------------------------------------------------------------

    def _handle(self, client: bytes, request: int, message: Any, frames: Sequence[Any]) -> None:
        now = self._clock()
        if isinstance(message, Hello):
            self._greet(client, request, message, now)
        elif not self._leases.renew(client, now):
            raise HelloMissing(
                "The first message of a connection must be Hello.", remedy="Connect again, or update the plugin."
            )
        elif isinstance(message, KeepAlive):
            self._answer(client, request, Alive())
        elif isinstance(message, Goodbye):
            self.lost(client)
        elif isinstance(message, (Stylize, Upscale, Copy, Train)):
            self._submit(client, request, message, frames, now)
        elif isinstance(message, Cancel):
            self._carry_out(self._queue.cancel(client, request, message.job, now))
        elif isinstance(message, Pause):
            self._carry_out(self._queue.pause(client, request, message.job, now))
        elif isinstance(message, Resume):
            self._carry_out(self._queue.resume(client, request, message.job, now))
        elif isinstance(message, Watch):
            self._carry_out(self._queue.watch(client, request, message.job))
        elif isinstance(message, ListJobs):
            self._answer(client, request, self._queue.listing(client))
        elif isinstance(message, (ListPacks, GetThumbnail, InspectPack, InstallPack, RemovePack)):
            changes = isinstance(message, (InstallPack, RemovePack))
            self.packs_thread.ask(
                message, frames, lambda reply: self._packs_answered(client, request, reply, changes)
            )
        elif isinstance(message, GetStatus):
            self._answer(client, request, self.status())
        elif isinstance(message, Configure):
            self._configure(message)
            self._answer(client, request, self.status())
        elif isinstance(message, Shutdown):
            self._shut_down(client, request, now)
        else:
            name = type(message).__name__
            raise MalformedMessage(f"{name} is what the backend sends, not a client.", remedy="Update the plugin.")

    def _greet(self, client: bytes, request: int, message: Hello, now: float) -> None:
        if message.protocol != PROTOCOL_VERSION:
            older = "the plugin" if message.protocol < PROTOCOL_VERSION else "the backend"
            self._answer(
                client,
                request,
                Failed(
                    "wrong_protocol",
                    f"{message.client} speaks protocol {message.protocol}, this backend {PROTOCOL_VERSION}.",
                    f"Update {older}.",
                ),
            )
            return
        self._leases.greet(client, now)
        log.info("%s %s has connected.", message.client[:40], message.client_version[:40])
        self._answer(client, request, Welcome(__version__, PROTOCOL_VERSION, self._leases.lease_s, os.getpid()))
        self._load()

    def _submit(
        self,
        client: bytes,
        request: int,
        message: JobMessage,
        frames: Sequence[Any],
        now: float,
    ) -> None:
        check_frames(message, frames)
        if isinstance(message, Train):
            self._prepare_training(client, request, message, frames[message.image.frame])
            return
        self._carry_out(self._queue.submit(client, request, message, frames, now, title=self._title(message)))

    def _prepare_training(self, client: bytes, request: int, message: Train, frame: Any) -> None:
        """The reference picture is written to disk on the packs' thread; then the job stands in the queue."""
        settings, packs = self._settings, self.packs_thread.folder

        def submit(name: str) -> None:
            self._carry_out(
                self._queue.submit(client, request, message, (), self._clock(), name=name, title=self._title(message))
            )

        self.packs_thread.do(
            "Train",
            lambda: self._trainings.prepare(message, frame, settings, packs),
            lambda outcome: (
                self._fail(client, request, outcome) if isinstance(outcome, ScumbleError) else submit(outcome)
            ),
        )

    def _title(self, message: JobMessage) -> str:
        size = f"{message.image.width} x {message.image.height}"
        if isinstance(message, Stylize):
            names = [self.packs_thread.title(style.pack) for style in message.styles]
            return f"{' + '.join(names)} on {size}"
        if isinstance(message, Upscale):
            return f"{size}, {message.factor:g} times"
        return message.name if isinstance(message, Train) else f"Copy of {size}"

    def _configure(self, wish: Configure) -> None:
        settings = self._settings.changed(wish)
        if settings != self._settings:
            config.save(self._places.settings, settings)  # if the disk is full, nothing has changed
            self._settings = settings
            self._worker.configure(settings)

    def _shut_down(self, client: bytes, request: int, now: float) -> None:
        for job in self._queue.listing(client).jobs:
            if job.kind != "train" and job.state in ("waiting", "running"):
                self._carry_out(self._queue.cancel(b"", 0, job.job, now))
        self._answer(client, request, Done())
        log.info("A client asked the backend to stop.")
        self.leaving = True

    def status(self) -> Status:
        settings, device = self._settings, self._device
        return Status(
            backend_version=__version__,
            protocol=PROTOCOL_VERSION,
            pid=os.getpid(),
            uptime_s=self._clock() - self._began,
            device=device.device or device.trouble,
            device_setting=settings.device,
            memory_budget_mb=settings.memory_budget_mb,
            idle_release_s=float(settings.idle_release_s),
            loaded_networks=list(device.networks),
            device_memory_mb=device.memory_mb,
            jobs_waiting=self._queue.count("waiting"),
            jobs_running=self._queue.count("running"),
            clients=len(self._leases.clients),
            log_file=str(self._places.log),
            packs_folder=str(self.packs_thread.folder),
            loss_network=settings.loss_network,
            photos=settings.photos,
            versions=dict(_versions()),
        )

    # --- packs -------------------------------------------------------------------------------------------

    def _packs_answered(self, client: bytes, request: int, outcome: Reply | ScumbleError, changes: bool) -> None:
        if isinstance(outcome, ScumbleError):
            self._fail(client, request, outcome)
            return
        message, frames = outcome
        self._send(client, request, message, frames)
        if changes:
            self.packs_thread.look()

    def _packs_changed(self, revision: int) -> None:
        for client in self._leases.clients:
            self._send(client, 0, PacksChanged(revision), ())

    # --- jobs --------------------------------------------------------------------------------------------

    def _reported(self, report: Report) -> None:
        """The worker has said something."""
        now = self._clock()
        if isinstance(report, Progressed):
            self._carry_out(self._queue.progressed(report.job, report.fraction, report.stage, now))
        elif isinstance(report, Finished):
            self._carry_out(self._queue.finished(report.job, report.message, report.frames, now))
        elif isinstance(report, Broken):
            self._carry_out(self._queue.failed(report.job, report.failure, now))
        elif isinstance(report, Stopped):
            self._carry_out(self._queue.stopped(report.job, now))
        elif isinstance(report, DeviceState):
            self._device = report

    def _trained_file(self, event: Callable[[JobQueue, float], list[Action]]) -> None:
        """A training process has said something; called on its reader's thread."""
        self._post(lambda: self._carry_out(event(self._queue, self._clock())))

    def _carry_out(self, actions: Sequence[Action]) -> None:
        for action in actions:
            if isinstance(action, Send):
                self._send(action.client, action.request, action.message, action.frames)
            elif isinstance(action, Stop):
                self._worker.stop(action.job)
            elif isinstance(action, StopTraining):
                self._trainings.stop(action.job, pause=action.pause)
            elif isinstance(action, Start) and isinstance(action.message, Train):
                self._trainings.run(action.job, again=action.again, install=self.packs_thread.install)
            elif isinstance(action, Start):
                self._worker.run(action)

    def _load(self) -> None:
        if not self._loading:
            self._loading = True
            self._worker.load()

    # --- answers -----------------------------------------------------------------------------------------

    def _answer(self, client: bytes, request: int, message: BackendMessage) -> None:
        self._send(client, request, message, ())

    def _fail(self, client: bytes, request: int, error: ScumbleError) -> None:
        log.info("Refused a request: %s", error)
        self._answer(client, request, Failed(error.code, error.message, error.remedy))


@lru_cache(maxsize=1)
def _versions() -> dict[str, str]:
    """Looked up without importing anything."""
    versions = {"python": platform.python_version(), "scumble": __version__}
    for name in ("torch", "pyzmq", "numpy"):
        try:
            versions[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            versions[name] = "missing"
    return versions


def check_frames(message: JobMessage, frames: Sequence[Any]) -> None:
    """Raise PixelsDamaged unless the frames that a message speaks of are there and as long as they should be."""
    _check_frame(message.image, frames)
    for style in message.styles if isinstance(message, Stylize) else ():
        if style.mask_frame is not None:
            mask = replace(message.image, depth="u8", order="GRAY", transfer="srgb", frame=style.mask_frame)
            _check_frame(mask, frames)


def _check_frame(info: ImageInfo, frames: Sequence[Any]) -> None:
    try:
        if info.frame >= len(frames):
            raise ValueError(f"frame {info.frame} was not sent.")
        info.check_payload(memoryview(frames[info.frame]).nbytes)
    except ValueError as error:
        raise PixelsDamaged(
            f"The pixels do not fit their description: {error}", remedy="Update the plugin; nothing was painted."
        ) from error
