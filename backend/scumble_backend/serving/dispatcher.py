"""What the backend does with each message: no sockets here, and nothing that takes long.

All methods run on the loop's thread. Jobs go to the worker, pack files to threads of their own, a training to its
process; each of them reports through `post`, which brings a call back to the loop's thread.
"""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Callable, Sequence
from typing import Any

from scumble_backend import __version__, config
from scumble_backend.config import Places, Settings
from scumble_backend.errors import HelloMissing, InternalError
from scumble_backend.job import JobMessage, failure
from scumble_backend.packs.store import PackStore
from scumble_backend.serving.frames import check_frames
from scumble_backend.serving.lanes import Lanes, SendTo
from scumble_backend.serving.leases import Leases
from scumble_backend.serving.pack_requests import Reply
from scumble_backend.serving.pack_threads import PackThreads, Post
from scumble_backend.serving.status import status
from scumble_wire import codec
from scumble_wire.errors import MalformedMessage, ScumbleError, WrongProtocol
from scumble_wire.messages import (
    PROTOCOL_VERSION,
    Alive,
    BackendMessage,
    Cancel,
    Configure,
    Copy,
    Done,
    GetStatus,
    GetThumbnail,
    Goodbye,
    Hello,
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
    Stylize,
    Train,
    Upscale,
    Watch,
    Welcome,
)

log = logging.getLogger("scumble.dispatcher")

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
        folders = (store or PackStore()).folders
        self._packs = PackThreads(folders, post, self._packs_changed)
        self._lanes = Lanes(
            send=send,
            post=post,
            settings=settings,
            folders=folders,
            trainings=places.trainings,
            install=self._packs.install,
            clock=clock,
        )
        self._queue = self._lanes.queue
        self._looked = clock()
        self.leaving = False  # set once Shutdown has been asked for

    def start(self) -> None:
        """Start the threads; take up trainings of an earlier run."""
        self._lanes.start()
        self._packs.learn_titles()

    # --- from the loop -----------------------------------------------------------------------------------

    def receive(self, client: bytes, header: bytes, frames: Sequence[Any]) -> None:
        """Handle one message; every one but Goodbye is answered."""
        try:
            message, request = codec.decode(header)
        except MalformedMessage as error:
            self._leases.renew(client, self._clock())
            self._fail(client, error.request, error)
            return
        what = type(message).__name__
        self._answering(client, request, what, lambda: self._handle(client, request, message, frames))

    def tick(self) -> None:
        """Call it a few times a second, after the messages that wait."""
        now = self._clock()
        for client in self._leases.tick(now):
            log.info("A client has not been heard of for %.0f s; its jobs are stopped.", self._leases.lease_s)
            self._lanes.carry_out(self._queue.abandon(client, now))
        if now - self._began > LOAD_AFTER_S:
            self._lanes.load()
        if self._leases.clients and now - self._looked > LOOK_S:
            self._looked = now
            self._packs.look()

    def lost(self, client: bytes) -> None:
        """The connection of a client is known to be gone."""
        self._leases.drop(client)
        self._lanes.carry_out(self._queue.abandon(client, self._clock()))

    def close(self, patience_s: float = 10.0) -> bool:
        """Stop everything; training writes its checkpoint. False: a thread is still busy after `patience_s`."""
        idle = self._lanes.close(patience_s)
        return self._packs.close(patience_s) and idle

    # --- messages ----------------------------------------------------------------------------------------

    def _answering(self, client: bytes, request: int, what: str, work: Callable[[], None]) -> None:
        """Do what answers a request; whatever goes wrong becomes the answer."""
        try:
            work()
        except ScumbleError as error:
            self._fail(client, request, error)
        except Exception as error:
            log.exception("%s could not be handled.", what)
            text = f"{what} could not be handled: {type(error).__name__}."
            self._fail(client, request, InternalError(text, remedy="The log tells more; `scumble status` names it."))

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
            self._submit(client, request, message, frames)
        elif isinstance(message, Cancel):
            self._lanes.carry_out(self._queue.cancel(client, request, message.job, now))
        elif isinstance(message, Pause):
            self._lanes.carry_out(self._queue.pause(client, request, message.job, now))
        elif isinstance(message, Resume):
            self._lanes.carry_out(self._queue.resume(client, request, message.job, now))
        elif isinstance(message, Watch):
            self._lanes.carry_out(self._queue.watch(client, request, message.job))
        elif isinstance(message, ListJobs):
            self._lanes.take_up_runs()
            self._answer(client, request, self._queue.listing(client))
        elif isinstance(message, (ListPacks, GetThumbnail, InspectPack, InstallPack, RemovePack)):
            changes, what = isinstance(message, (InstallPack, RemovePack)), type(message).__name__

            def answer(reply: Reply | ScumbleError) -> None:
                self._answering(client, request, what, lambda: self._tell_packs(client, request, reply, changes))

            self._packs.ask(message, frames, answer)
        elif isinstance(message, GetStatus):
            self._answer(client, request, self._status())
        elif isinstance(message, Configure):
            self._configure(message)
            self._answer(client, request, self._status())
        elif isinstance(message, Shutdown):
            self._shut_down(client, request)
        else:
            name = type(message).__name__
            raise MalformedMessage(f"{name} is what the backend sends, not a client.", remedy="Update the plugin.")

    def _greet(self, client: bytes, request: int, message: Hello, now: float) -> None:
        if message.protocol != PROTOCOL_VERSION:
            older = "the plugin" if message.protocol < PROTOCOL_VERSION else "the backend"
            raise WrongProtocol(
                f"{message.client} speaks protocol {message.protocol}, this backend {PROTOCOL_VERSION}.",
                remedy=f"Update {older}.",
            )
        self._leases.greet(client, now)
        log.info("%s %s has connected.", message.client[:40], message.client_version[:40])
        self._answer(client, request, Welcome(__version__, PROTOCOL_VERSION, self._leases.lease_s, os.getpid()))
        self._lanes.load()

    def _submit(
        self,
        client: bytes,
        request: int,
        message: JobMessage,
        frames: Sequence[Any],
    ) -> None:
        check_frames(message, frames)
        if isinstance(message, Train):
            self._prepare_training(client, request, message, frames)
            return
        self._lanes.submit(client, request, message, frames, title=self._title(message))

    def _prepare_training(self, client: bytes, request: int, message: Train, frames: Sequence[Any]) -> None:
        """The reference picture is written to disk on another thread; then the job stands in the queue."""
        settings, packs, lanes = self._settings, self._packs.folder, self._lanes
        refused = self._queue.refusal(client, ())
        if refused is not None:
            raise refused

        def submit(outcome: str | ScumbleError) -> None:
            if isinstance(outcome, ScumbleError):
                raise outcome
            lanes.submit_training(client, request, message, outcome)

        self._packs.do(
            "Train",
            lambda: lanes.trainings.prepare(message, frames, settings, packs),
            lambda outcome: self._answering(client, request, "Train", lambda: submit(outcome)),
        )

    def _title(self, message: JobMessage) -> str:
        size = f"{message.image.width} x {message.image.height}"
        if isinstance(message, Stylize):
            names = [self._packs.title(style.pack) for style in message.styles]
            return f"{' + '.join(names)} on {size}"
        if isinstance(message, Upscale):
            return f"{size}, {message.factor:g} times"
        return f"Copy of {size}"

    def _configure(self, wish: Configure) -> None:
        settings = self._settings.changed(wish)
        if settings != self._settings:
            config.save(self._places.settings, settings)  # if the disk is full, nothing has changed
            self._settings = settings
            self._lanes.configure(settings)

    def _shut_down(self, client: bytes, request: int) -> None:
        self._lanes.stop_painting()
        self._answer(client, request, Done())
        log.info("A client asked the backend to stop.")
        self.leaving = True

    def _status(self) -> BackendMessage:
        return status(
            self._settings,
            self._places,
            self._packs.folder,
            self._lanes.device,
            self._queue,
            clients=len(self._leases.clients),
            uptime_s=self._clock() - self._began,
        )

    # --- packs -------------------------------------------------------------------------------------------

    def _tell_packs(self, client: bytes, request: int, outcome: Reply | ScumbleError, changes: bool) -> None:
        if isinstance(outcome, ScumbleError):
            raise outcome
        message, frames = outcome
        self._send(client, request, message, frames)
        if changes:
            self._packs.look()

    def _packs_changed(self, revision: int) -> None:
        for client in self._leases.clients:
            self._send(client, 0, PacksChanged(revision), ())

    # --- answers -----------------------------------------------------------------------------------------

    def _answer(self, client: bytes, request: int, message: BackendMessage) -> None:
        self._send(client, request, message, ())

    def _fail(self, client: bytes, request: int, error: ScumbleError) -> None:
        log.info("Refused a request: %s", error)
        self._answer(client, request, failure(error))
