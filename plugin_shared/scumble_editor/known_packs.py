"""The packs that a plugin knows of, with their pictures."""

from __future__ import annotations

from collections.abc import Callable

from scumble_wire.messages import GetThumbnail, ImageInfo, PackInfo, Packs, Thumbnail

from .channel import Buffer, Delivery
from .words import tags_of

Picture = tuple[ImageInfo, Buffer]


class KnownPacks:
    """The newest list of packs; pictures are asked for when they are first shown."""

    def __init__(self, ask: Callable[[GetThumbnail], None]) -> None:
        self._ask = ask
        self.all: list[PackInfo] = []
        self.known = False  # False until the first list came
        self.revision = -1
        self.thumbnails: dict[str, Picture | None] = {}  # None: asked for, or has none
        self.paintings: dict[str, Picture | None] = {}  # the same of what the styles were learned from

    def take(self, packs: Packs) -> None:
        self.all, self.revision, self.known = list(packs.packs), packs.revision, True

    def take_picture(self, delivery: Delivery, message: Thumbnail) -> None:
        pictures = self.paintings if message.painting else self.thumbnails
        pictures[message.pack] = (message.image, delivery.frames[message.image.frame])

    def thumbnail(self, pack: str, side: int) -> Picture | None:
        """A pack's picture, or None: then it is asked for, once."""
        if pack not in self.thumbnails:
            self.thumbnails[pack] = None
            self._ask(GetThumbnail(pack, side))
        return self.thumbnails[pack]

    def painting(self, pack: str, side: int) -> Picture | None:
        """The painting that a style was learned from, or None: then it is asked for, once."""
        if pack not in self.paintings:
            self.paintings[pack] = None
            self._ask(GetThumbnail(pack, side, painting=True))
        return self.paintings[pack]

    def forget_unanswered(self) -> None:
        """Pictures that were asked for and didn't come are asked for again when they are next shown."""
        for pictures in (self.thumbnails, self.paintings):
            for name in [name for name, picture in pictures.items() if picture is None]:
                del pictures[name]

    def forget_pictures(self) -> None:
        """Packs came or went: their pictures may be others now."""
        self.thumbnails.clear()
        self.paintings.clear()

    def styles(self, search: str = "") -> list[PackInfo]:
        """Style packs whose title, authors, painting, description or tags hold every word searched for."""
        words = search.casefold().split()
        found = []
        for pack in self.all:
            told = [pack.title, pack.painting, pack.description, pack.id, *pack.authors, *pack.tags, *tags_of(pack)]
            text = " ".join(told).casefold()
            if pack.is_style and all(word in text for word in words):
                found.append(pack)
        return sorted(found, key=lambda pack: pack.title.casefold())

    def tags(self) -> list[str]:
        """Of all styles, in the user's language and its order, each once."""
        return sorted({tag for pack in self.all if pack.is_style for tag in tags_of(pack)}, key=str.casefold)

    def upscalers(self) -> list[PackInfo]:
        return [pack for pack in self.all if pack.kind == "upscale"]

    def pack(self, name: str) -> PackInfo | None:
        return next((pack for pack in self.all if pack.id == name), None)
