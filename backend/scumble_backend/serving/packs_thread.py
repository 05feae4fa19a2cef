"""The packs' thread: reads, installs and watches pack files, so that the loop never waits for a disk."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from concurrent.futures import TimeoutError as FutureTimeout
from pathlib import Path
from typing import Any, TypeVar

from scumble_backend.errors import InternalError
from scumble_backend.packs.store import PackStore
from scumble_backend.serving.pack_requests import PackMessage, PackRequests, Reply
from scumble_wire.errors import ScumbleError
from scumble_wire.messages import ListPacks, PackInfo, Packs

log = logging.getLogger("scumble.packs_thread")

Post = Callable[[Callable[[], None]], None]

T = TypeVar("T")


class PacksThread:
    """The only one who touches the pack_requests.

    post: brings a call to the loop's thread, where all methods but `install` are called.
    changed: called on the loop's thread with the new revision when packs came or went, whichever program did it.
    """

    def __init__(self, store: PackStore, post: Post, changed: Callable[[int], None]) -> None:
        self._pack_requests = PackRequests(store)
        self._post = post
        self._changed = changed
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="packs")
        self._titles: dict[str, str] = {}  # pack -> title

    @property
    def folder(self) -> Path:
        """Where the user's packs lie."""
        return self._pack_requests.store.folders.user

    def title(self, pack: str) -> str:
        """A pack's title as last read; its id where it is not known."""
        return self._titles.get(pack, pack)

    def ask(self, message: PackMessage, frames: Sequence[Any], then: Callable[[Reply | ScumbleError], None]) -> None:
        """Answer a message; `then` gets the reply on the loop's thread."""
        self.do(type(message).__name__, lambda: self._pack_requests.answer(message, frames), then)

    def do(self, what: str, work: Callable[[], T], then: Callable[[T | ScumbleError], None]) -> None:
        """Do `work` on the packs' thread; `then` gets what came of it on the loop's."""

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

        self._thread.submit(run)

    def look(self) -> None:
        """See whether packs came or went."""
        self._thread.submit(self._look)

    def _look(self) -> None:
        try:
            changed = self._pack_requests.look()
        except (ScumbleError, OSError) as error:
            log.warning("The packs' folder can't be read: %s", error)
            return
        if changed:
            revision = self._pack_requests.revision
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
        """Install a pack and wait for it; for a thread of a training. Raises what `PackStore.install` raises."""
        pack = self._thread.submit(self._pack_requests.install, path, source).result()
        self.look()
        return pack.info()

    def close(self, patience_s: float) -> bool:
        """Finish what was asked for. False: the thread is still busy after `patience_s`."""
        last = self._thread.submit(lambda: None)
        self._thread.shutdown(wait=False)
        try:
            last.result(patience_s)
        except FutureTimeout:  # a download that hangs: what it has so far is only a temporary file
            log.warning("The packs' thread is still busy.")
            return False
        return True
