"""What clients ask about packs, answered from the store; on other threads than the loop's, as it takes time."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from scumble_backend.errors import PackDamaged, PackUnknown, file_missing, from_os_error
from scumble_backend.packs import adding, download
from scumble_backend.packs.foreign import Answers
from scumble_backend.packs.store import PackStore
from scumble_backend.pictures import thumbnails
from scumble_wire.messages import (
    BackendMessage,
    Done,
    GetThumbnail,
    ImageInfo,
    InspectPack,
    InstallPack,
    ListPacks,
    PackDetails,
    Packs,
    RemovePack,
    Thumbnail,
)

Reply = tuple[BackendMessage, Sequence[Any]]
PackMessage = ListPacks | GetThumbnail | InspectPack | InstallPack | RemovePack

LARGEST_THUMBNAIL = 1024  # pixels a side
DETAILS_SIDE = 256  # pixels; the picture in PackDetails


class InstalledPacks:
    """Answers about the packs that are installed: each takes a moment only. Not for use by two threads at once."""

    def __init__(self, store: PackStore) -> None:
        self._store = store
        self._state = ""
        self.revision = 0  # changes whenever a pack comes or goes

    def look(self) -> bool:
        """See whether packs have come or gone since the last look, whoever did it."""
        state = self._store.state()
        changed = state != self._state
        first = not self._state
        self._state = state
        if changed:
            self.revision += 1
        return changed and not first

    def answer(self, message: ListPacks | GetThumbnail | RemovePack) -> Reply:
        """Raises ScumbleError."""
        if isinstance(message, ListPacks):
            self.look()
            return Packs([pack.info() for pack in self._store.list(message.kind)], self.revision), ()
        if isinstance(message, GetThumbnail):
            return self._thumbnail(message)
        self._store.remove(message.pack)
        self._store.remove_unused_bases()
        return Done(), ()

    def _thumbnail(self, message: GetThumbnail) -> Reply:
        pack = self._store.get(message.pack)
        raw = pack.painting_bytes() if message.painting else pack.thumbnail_bytes()
        if raw is None:
            raise PackUnknown(f"The pack {message.pack!r} has no picture.", remedy="It can be used without one.")
        info, pixels = thumbnails.decode(raw, message.pack, max(1, min(message.side, LARGEST_THUMBNAIL)))
        return Thumbnail(message.pack, info, message.painting), (pixels,)


def answer_with_file(store: PackStore, message: InspectPack | InstallPack, frames: Sequence[Any]) -> Reply:
    """Look into a pack or install it; it may have to be downloaded or converted first. Raises ScumbleError.

    It comes by its path or address or, traveling as a frame, lies in a temporary folder for as long as it takes.
    """
    handle = _inspect if isinstance(message, InspectPack) else _install
    if message.path:
        return handle(store, message.path, message, message.file_name)
    if not frames:
        raise PackDamaged("No pack was sent: there is neither a path nor a frame.", remedy="Choose a file.")
    name = Path(message.file_name.replace("\\", "/")).name or "pack.scumble"
    try:
        with tempfile.TemporaryDirectory(prefix="scumble-") as folder:
            path = Path(folder) / name
            path.write_bytes(frames[0])
            return handle(store, str(path), message, name)
    except OSError as error:
        raise from_os_error(error, "the temporary folder") from error


def _inspect(store: PackStore, what: str, message: Any, name: str) -> Reply:
    del message
    path = Path(what).expanduser()
    if not path.is_file():
        raise file_missing(path)
    look = adding.look(store, path, name=name)
    shape, sent = _picture(look.thumbnail, look.info.id)
    details = PackDetails(look.info, look.size_bytes, look.installed, look.replaces, look.warning, look.needs, shape)
    return details, sent


def _install(store: PackStore, what: str, message: Any, name: str) -> Reply:
    if not download.is_address(what):
        what = str(Path(what).expanduser())
    packs = adding.add(
        store,
        what,
        answers=Answers(title=message.title, license=message.license),
        trust_changed_key=message.trust_changed_key,
        source=name,
    )
    pack = packs[-1]
    shape, sent = _picture(pack.thumbnail_bytes(), pack.id)
    return PackDetails(pack.info(), pack.path.stat().st_size, True, thumbnail=shape), sent


def _picture(raw: bytes | None, name: str) -> tuple[ImageInfo | None, Sequence[bytes]]:
    if raw is None:
        return None, ()
    info, pixels = thumbnails.decode(raw, name, DETAILS_SIDE)
    return info, (pixels,)
