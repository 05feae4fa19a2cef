"""The shelf of pictures to click: styles, styles on one's own picture, favorites, presets, last results, surprises.

What both editors' grids show, and what a click on it means. Pictures that have to be painted are painted small, one
after another and behind everything else.
"""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from scumble_wire.errors import ScumbleError
from scumble_wire.messages import ImageInfo, ImageResult, PackInfo

from .backend import Backend, Delivery, Job
from .choices import StyleChoices, read_choices
from .kept import Kept, KeptFile
from .known_packs import Picture
from .small_pictures import thumbnail
from .topics import attempt
from .variations import surprise
from .words import tr

#: view -> its name.
VIEWS = {
    "styles": "Styles",
    "here": "On this picture",
    "favorites": "Favorites",
    "used": "Last used",
    "presets": "Presets",
    "history": "Last results",
    "surprise": "Surprise me",
}

SIDE = 128  # pixels of a tile's picture


class StyleMissing(ScumbleError):
    """A preset or result names styles that aren't installed."""

    code = "style_missing"

    def __init__(self, title: str, missing: Sequence[str]) -> None:
        super().__init__(
            tr("“{title}” needs styles that aren't installed: {names}.", title=title, names=", ".join(missing)),
            remedy=tr("Install their packs first."),
        )


@dataclass(frozen=True)
class Tile:
    """key: names it in its view. choices: what a click chooses; None: the one style that `key` names.

    painting: what the style was learned from, for the tooltip.
    """

    key: str
    title: str
    about: str = ""
    picture: Picture | None = None
    choices: StyleChoices | None = None
    painting: Picture | None = None


@dataclass(frozen=True)
class Sample:
    """A small copy of the user's picture. picture_pixels, scale: see `Stylize`."""

    info: ImageInfo
    frame: Any
    picture_pixels: int = 0
    scale: float = 1.0


class Shelf:
    """One for a docker or dialog. about: lines on a pack, for its tooltip."""

    def __init__(self, backend: Backend, kept: KeptFile, about: Callable[[PackInfo], str]) -> None:
        self._backend, self.kept, self._about = backend, kept, about
        self._listeners: list[Callable[[], None]] = []
        self._queue: deque[tuple[str, StyleChoices]] = deque()
        self._job: Job | None = None
        self._sample: Sample | None = None
        self._painted: dict[str, Picture] = {}
        self._choices = StyleChoices()
        self._surprises: list[StyleChoices] = []
        self.view = "styles"
        self.seed = 0
        backend.subscribe("packs", self._changed)
        backend.subscribe("thumbnails", self._changed)

    def subscribe(self, call: Callable[[], None]) -> None:
        """Call `call` when tiles or their pictures have changed."""
        self._listeners.append(call)

    @property
    def wants_sample(self) -> bool:
        """Whether the view shows the user's own picture."""
        return self.view in ("here", "surprise")

    def show(self, view: str, choices: StyleChoices) -> None:
        """Show another view. choices: of now; "surprise" takes a new seed each time."""
        self.drop()
        self.view, self._choices = view, choices
        if view == "surprise":
            self.seed += 1
            self._surprises = surprise(self._backend.styles(), self.seed, choices)
        self._changed()

    def paint(self, sample: Sample) -> None:
        """Paint what the view shows on a small copy of the user's picture."""
        self.drop()
        self._sample = sample
        if self.view == "here":
            plain = replace(self._choices, boldness=0.0)
            self._queue.extend((pack.id, replace(plain, style=pack.id)) for pack in self._backend.styles())
        elif self.view == "surprise":
            self._queue.extend((str(number), choices) for number, choices in enumerate(self._surprises))
        self._next()

    def drop(self) -> None:
        """Paint no more pictures; forget those that were painted."""
        self._queue.clear()
        self._painted.clear()
        job, self._job = self._job, None
        if job is not None:
            self._backend.cancel(job)

    def tiles(self, search: str = "") -> list[Tile]:
        """What the view shows; of styles only those that fit the search."""
        words = search.casefold().split()
        if self.view in ("presets", "history", "surprise"):
            found = {"presets": self._presets, "history": self._results, "surprise": self._surprise_tiles}[
                self.view
            ]()
            return [tile for tile in found if all(word in tile.title.casefold() for word in words)]
        packs = self._backend.styles(search)
        if self.view in ("favorites", "used"):
            names = self.kept.favorites() if self.view == "favorites" else self.kept.used()
            packs = sorted((p for p in packs if p.id in names), key=lambda pack: names.index(pack.id))
        return [self._style_tile(pack) for pack in packs]

    def chosen(self, key: str, search: str = "") -> StyleChoices | None:
        """What a click on a tile chooses; None: only its style. Raises StyleMissing."""
        for tile in self.tiles(search):
            if tile.key == key and tile.choices is not None:
                self.check(tile.choices, tile.title)
                return tile.choices
        return None

    def check(self, choices: StyleChoices, title: str) -> None:
        """Raises StyleMissing when a style isn't installed."""
        missing = [name for name in choices.packs if self._backend.pack(name) is None]
        if missing and self._backend.packs_known:
            raise StyleMissing(title, missing)

    def remember(self, choices: StyleChoices, title: str, info: ImageInfo, frame: Any) -> None:
        """A result was made. Raises OSError."""
        self.kept.add_result(Kept(title, choices, thumbnail(info, frame, SIDE)))
        if self.view in ("history", "used"):
            self._changed()

    def keep_preset(self, name: str, choices: StyleChoices, picture: tuple[ImageInfo, Any] | None) -> None:
        """picture: of the preview; None: that of a result made so, if there is one. Raises ValueError, OSError."""
        small = thumbnail(*picture, SIDE) if picture is not None else None
        made = [each.picture for each in self.kept.results() if each.choices == choices and small is None]
        self.kept.put_preset(name, choices, made[0] if made else small)
        self._changed()

    def remove_preset(self, name: str) -> None:
        """Raises OSError."""
        self.kept.remove_preset(name)
        self._changed()

    def set_favorite(self, pack: str, on: bool) -> None:
        """Raises OSError."""
        self.kept.set_favorite(pack, on)
        self._changed()

    # --- inside --------------------------------------------------------------------------------------------

    def _style_tile(self, pack: PackInfo) -> Tile:
        painted = self._painted.get(pack.id) if self.view == "here" else None
        picture = painted or self._backend.thumbnail(pack.id, SIDE)
        return Tile(pack.id, pack.title, self._about(pack), picture, painting=self._backend.painting(pack.id))

    def _presets(self) -> list[Tile]:
        tiles = [
            Tile(each.title, each.title, _words(each), each.picture, each.choices) for each in self.kept.presets()
        ]
        for pack in self._backend.packs:
            choices = settings_of(pack)
            if choices is not None:
                picture = self._backend.thumbnail(pack.id, SIDE)
                tiles.append(Tile(f"pack:{pack.id}", pack.title, self._about(pack), picture, choices))
        return tiles

    def _results(self) -> list[Tile]:
        return [
            Tile(str(number), each.title, _words(each), each.picture, each.choices)
            for number, each in enumerate(self.kept.results())
        ]

    def _surprise_tiles(self) -> list[Tile]:
        titles = self._backend.titles
        return [
            Tile(str(number), choices.layer_name(titles), choices.style, self._painted.get(str(number)), choices)
            for number, choices in enumerate(self._surprises)
        ]

    def _next(self) -> None:
        """Ask for the next picture; the one before is there, or could not be painted."""
        if not self._queue or self._sample is None:
            return
        key, choices = self._queue.popleft()
        sample = self._sample
        message = choices.message(sample.info, "batch", picture_pixels=sample.picture_pixels, scale=sample.scale)

        def done(job: Job, delivery: Delivery) -> None:
            if job is self._job and isinstance(delivery.message, ImageResult):
                image = delivery.message.image
                self._painted[key] = thumbnail(image, delivery.frames[image.frame], SIDE)
                self._changed()

        def ended(job: Job) -> None:
            if job is self._job:
                self._job = None
                self._next()

        self._job = self._backend.submit(message, [sample.frame], on_done=done, on_end=ended, listed=False)

    def _changed(self) -> None:
        for call in list(self._listeners):
            attempt(call)


def settings_of(pack: PackInfo) -> StyleChoices | None:
    """What an installed preset chooses; None for other packs."""
    if pack.kind != "mix":
        return None
    choices = read_choices(StyleChoices, json.loads(pack.settings or "{}"))
    return choices if choices.style else None


def _words(kept: Kept) -> str:
    return f"{kept.title}\n{kept.choices.style}"
