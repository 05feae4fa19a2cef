"""Threads that read, install and watch pack files, so that the loop never waits for a disk or a download.

One thread answers what takes a moment (lists, thumbnails, removing); others fetch, convert and install, which may
take an hour, and keep nobody else waiting.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Executor, Future, ThreadPoolExecutor, wait
from pathlib import Path
from typing import Any, TypeVar

from scumble_backend.errors import InternalError, QueueFull
from scumble_backend.packs.store import Folders, PackStore
from scumble_backend.serving.pack_requests import InstalledPacks, PackMessage, Reply, answer_with_file
from scumble_wire.errors import ScumbleError
from scumble_wire.messages import InspectPack, InstallPack, ListPacks, PackInfo, Packs

log = logging.getLogger("scumble.packs")

Post = Callable[[Callable[[], None]], None]

T = TypeVar("T")

LONG_THREADS = 4  # packs that are fetched, converted or installed at the same time
MAX_LONG = 64  # such requests that run or wait


class PackThreads:
    """What clients ask about packs, each on its thread.

    post: brings a call to the loop's thread, where all methods but `install` are called.
    changed: called on the loop's thread with the new revision when packs came or went, whichever program did it.
    """

    def __init__(self, folders: Folders, post: Post, changed: Callable[[int], None]) -> None:
        self._folders = folders
        self._post = post
        self._changed = changed
        self._installed = InstalledPacks(PackStore(folders))
        self._quick = ThreadPoolExecutor(1, thread_name_prefix="packs")
        self._long = ThreadPoolExecutor(LONG_THREADS, thread_name_prefix="pack files")
        self._paintings = ThreadPoolExecutor(1, thread_name_prefix="paintings")
        self._closed = False
        self._pending: set[Future[None]] = set()
        self._guard = threading.Lock()  # of `_pending` and `_closed`
        self._long_count = 0
        self._titles: dict[str, str] = {}  # pack -> title

    @property
    def folder(self) -> Path:
        """Where the user's packs lie."""
        return self._folders.user

    def title(self, pack: str) -> str:
        """A pack's title as last read; its id where it is not known."""
        return self._titles.get(pack, pack)

    def ask(self, message: PackMessage, frames: Sequence[Any], then: Callable[[Reply | ScumbleError], None]) -> None:
        """Answer a message; `then` gets the reply on the loop's thread. Raises QueueFull."""
        if isinstance(message, (InspectPack, InstallPack)):
            self._do_long(
                self._long,
                type(message).__name__,
                lambda: answer_with_file(PackStore(self._folders), message, frames),
                then,
            )
        else:
            self._do(self._quick, type(message).__name__, lambda: self._installed.answer(message), then)

    def do(self, what: str, work: Callable[[], T], then: Callable[[T | ScumbleError], None]) -> None:
        """Do `work` on a thread for paintings; `then` gets what came of it on the loop's thread. Raises QueueFull."""
        self._do_long(self._paintings, what, work, then)

    def _do_long(
        self, executor: Executor, what: str, work: Callable[[], T], then: Callable[[T | ScumbleError], None]
    ) -> None:
        if self._long_count >= MAX_LONG:
            raise QueueFull(
                f"{self._long_count} packs and paintings are being read already.",
                remedy="Wait until some are done, then try again.",
            )
        self._long_count += 1

        def done(outcome: T | ScumbleError) -> None:
            self._long_count -= 1
            then(outcome)

        self._do(executor, what, work, done)

    def _do(
        self, executor: Executor, what: str, work: Callable[[], T], then: Callable[[T | ScumbleError], None]
    ) -> None:
        def run() -> None:
            outcome: T | ScumbleError
            try:
                outcome = work()
            except ScumbleError as error:
                outcome = error
            except Exception as error:
                log.exception("%s failed unexpectedly.", what)
                outcome = InternalError(f"{what} failed: {error}", remedy="The log tells more.")
            self._post(lambda: then(outcome))

        self._submit(executor, run)

    def _submit(self, executor: Executor, run: Callable[[], None]) -> None:
        with self._guard:
            if self._closed:
                return
            future = executor.submit(run)
            self._pending.add(future)
        future.add_done_callback(self._forget)

    def _forget(self, future: Future[None]) -> None:
        with self._guard:
            self._pending.discard(future)

    def look(self) -> None:
        """See whether packs came or went. May be called from any thread."""
        self._submit(self._quick, self._look)

    def _look(self) -> None:
        try:
            changed = self._installed.look()
        except (ScumbleError, OSError) as error:
            log.warning("The packs' folder can't be read: %s", error)
            return
        if changed:
            revision = self._installed.revision
            self._post(lambda: self._has_changed(revision))

    def _has_changed(self, revision: int) -> None:
        self._changed(revision)
        self.learn_titles()

    def learn_titles(self) -> None:
        """Read the packs' titles."""
        self.ask(ListPacks(), (), self._learn)

    def _learn(self, outcome: Reply | ScumbleError) -> None:
        if not isinstance(outcome, ScumbleError) and isinstance(outcome[0], Packs):
            self._titles = {pack.id: pack.title for pack in outcome[0].packs}

    def install(self, path: Path, source: str) -> PackInfo:
        """Install a pack that training has made, on the caller's thread. Raises what `PackStore.install` raises."""
        pack = PackStore(self._folders).install(path, source=source)
        self.look()
        return pack.info()

    def close(self, patience_s: float) -> bool:
        """Finish what was asked for. False: a thread is still busy after `patience_s`."""
        with self._guard:
            self._closed = True
            pending = set(self._pending)
        for executor in (self._quick, self._long, self._paintings):
            executor.shutdown(wait=False)
        if wait(pending, patience_s).not_done:  # a download that hangs: what it has so far is kept beside the packs
            log.warning("Pack files are still being read or fetched.")
            return False
        return True
