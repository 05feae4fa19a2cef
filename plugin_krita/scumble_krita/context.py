"""What every part of the model shares: the backend, the editor, a clock, who listens, and where mistakes go."""

from __future__ import annotations

import functools
import logging
import time
import traceback
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Concatenate, Literal, ParamSpec, Protocol, TypeVar

from scumble_editor.backend import Backend
from scumble_editor.choices import StyleChoices
from scumble_editor.made import Made
from scumble_wire.errors import ScumbleError
from scumble_wire.messages import ImageInfo

log = logging.getLogger("scumble")

Topic = Literal["choices", "preview", "pack_file"]


class Taken(Protocol):
    """Pixels for the wire. place: where they came from and where a result goes; only the editor looks into it."""

    @property
    def image(self) -> ImageInfo: ...

    @property
    def frame(self) -> Any: ...

    @property
    def place(self) -> Any: ...

    @property
    def picture_pixels(self) -> int:
        """Of the whole picture that the image is a part or a small copy of."""

    @property
    def scale(self) -> float:
        """Pixels of the image per pixel of the picture, along a side."""

    @property
    def masks(self) -> Mapping[str, Any]:
        """Of the places asked for, one byte a pixel of the image."""


class Editor(Protocol):
    """What the model needs of an editor: `layers.canvas.KritaCanvas`, or the tests' own. Raises Troubles."""

    def key(self) -> Any:
        """Changes when another document, layer or selection becomes current; None: there is nothing to paint."""

    def fingerprint(self, source: str = "layer") -> Any:
        """Changes when what is painted, or the selection, was worked on; a few samples, so it is quick."""

    def is_open(self, place: Any) -> bool: ...

    def extent(self, source: str) -> tuple[int, int] | None:
        """Width and height, in pixels, of what would be enlarged: "layer" (or the selection on it) or "document"."""

    def mask_names(self) -> list[str]:
        """Masks of the document that a style can be bound to."""

    def layer_names(self) -> list[str]:
        """Layers of the document that a style can be bound to, by their brightness or opacity."""

    def take(
        self,
        mark_size: Callable[[int], float],
        places: Sequence[str] = (),
        source: str = "layer",
        without: str = "",
    ) -> Sequence[Taken]:
        """The selected layers, or one picture. mark_size: of the brush marks on so many pixels; 1: as learned.

        places: those of `StyleChoices.mask_places`; with the selection among them, it does not confine the painting.
        source: as in StyleChoices. without: a layer, as `edit_again` names it, that is not in the picture.
        """

    def take_exactly(self, *, need_selection: bool = False) -> Sequence[Taken]: ...

    def take_reference(self, source: str, path: str = "") -> tuple[ImageInfo, Any]: ...

    def small_reference(self, source: str, path: str, side: int) -> tuple[ImageInfo, Any]:
        """What `take_reference` would take, no side longer than `side`, as u8."""

    def small_copy(
        self,
        side: int,
        detail: bool,
        places: Sequence[str] = (),
        at: tuple[float, float] = (0.5, 0.5),
        source: str = "layer",
        without: str = "",
    ) -> Taken:
        """What is painted as u8 BGRA, at most `side` pixels long; detail: what lies around `at`, in its true size.

        at: as parts of the width and height. source, without: as with `take`.
        """

    def insert(
        self, taken: Any, image: ImageInfo, frame: Any, name: str, choices: StyleChoices, replaces: str = ""
    ) -> str:
        """Put a result above its source and keep what made it. Returns what has to be said about it; empty: nothing.

        replaces: a layer, as `edit_again` names it, that goes when the new one is there.
        """

    def take_frames(self, mark_size: Callable[[int], float], places: Sequence[str] = ()) -> Any:
        """The keyframes of the current layer, as `layers.frames.Frames`. Raises NoFrames."""

    def insert_frames(self, painted: Any, name: str, choices: StyleChoices) -> str:
        """Put the layer with the painted frames above its source; returns what has to be said about it."""

    def edit_again(self) -> tuple[Made, str]:
        """What made the current layer, and its name for `insert`; empty where the layer it was painted from is gone.

        That layer becomes the current one. Raises NotPainted.
        """

    def insert_enlarged(self, taken: Any, image: ImageInfo, frame: Any, name: str) -> str: ...

    def show_preview(self, place: Any, image: ImageInfo, frame: Any) -> None: ...

    def hide_preview(self) -> None: ...

    def plan_document(self) -> Any: ...

    def build_document(self, plan: Any, factor: float) -> str: ...


class LastTraceback(logging.Handler):
    """Keeps the traceback of our own newest mistake, for the diagnosis. `scumble_editor` logs its own there, too."""

    text = ""

    def emit(self, record: logging.LogRecord) -> None:
        if record.exc_info and record.exc_info[1] is not None:
            self.text = "".join(traceback.format_exception(record.exc_info[1]))


@dataclass
class Context:
    """A context lasts as long as its Model."""

    backend: Backend
    canvas: Editor
    clock: Callable[[], float] = time.perf_counter  # seconds
    mistakes: LastTraceback = field(default_factory=LastTraceback)
    _listeners: list[tuple[Topic, Callable[[], None]]] = field(default_factory=list)

    def subscribe(self, topic: Topic, call: Callable[[], None]) -> None:
        self._listeners.append((topic, call))

    def changed(self, topic: Topic) -> None:
        for each, call in list(self._listeners):
            if each == topic:
                call()


class Part:
    """A part of the model."""

    def __init__(self, context: Context) -> None:
        self.context = context
        self.backend = context.backend
        self.canvas = context.canvas


Self = TypeVar("Self", bound=Part)
Given = ParamSpec("Given")
Result = TypeVar("Result")


def told(method: Callable[Concatenate[Self, Given], Result]) -> Callable[Concatenate[Self, Given], Result | None]:
    """For a method that a click or a signal calls: what goes wrong in it is told in words, and it returns None."""

    @functools.wraps(method)
    def run(self: Self, /, *given: Given.args, **named: Given.kwargs) -> Result | None:
        try:
            return method(self, *given, **named)
        except ScumbleError as error:
            self.backend.report(error)
        except Exception as error:  # the edge: past it Krita would show a traceback
            log.exception("%s failed.", method.__qualname__)
            self.backend.report(error)
        return None

    return run
