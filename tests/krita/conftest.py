"""The plugin as it is built, importable without Krita and Qt: everything but widgets and layers."""

from __future__ import annotations

import importlib
import subprocess
import sys
import types
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest

SOURCE = Path(__file__).resolve().parents[2]
PLUGIN = SOURCE / "plugin_krita"


@pytest.fixture(scope="session")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What Krita's resource folder holds after the plugin was imported: pykrita/ and actions/."""
    out = tmp_path_factory.mktemp("krita-resources")
    subprocess.run([sys.executable, str(PLUGIN / "build.py"), str(out), "--folder"], check=True, capture_output=True)
    return out


@pytest.fixture(scope="session")
def module(built: Path) -> Iterator[Callable[[str], ModuleType]]:
    """module("model") is scumble_krita.model of the built plugin; the package's own __init__ would want Krita."""
    package = types.ModuleType("scumble_krita")
    package.__path__ = [str(built / "pykrita" / "scumble_krita")]
    layers = types.ModuleType("scumble_krita.layers")
    layers.__path__ = [str(built / "pykrita" / "scumble_krita" / "layers")]
    sys.modules |= {"scumble_krita": package, "scumble_krita.layers": layers}
    yield lambda name: importlib.import_module(f"scumble_krita.{name}")
    for name in [name for name in sys.modules if name.split(".")[0] == "scumble_krita"]:
        del sys.modules[name]


class Recorded:
    """A transport that keeps what is posted and delivers what the test puts in."""

    def __init__(self) -> None:
        self.posted: list[tuple[int, Any, Sequence[Any]]] = []
        self.coming: list[Any] = []
        self.closed = False

    def post(self, message: Any, frames: Sequence[Any] = ()) -> int:
        self.posted.append((len(self.posted) + 1, message, frames))
        return len(self.posted)

    def receive(self) -> list[Any]:
        coming, self.coming = self.coming, []
        return coming

    def close(self) -> None:
        self.closed = True

    def last(self, kind: str) -> tuple[int, Any, Sequence[Any]]:
        return next(entry for entry in reversed(self.posted) if type(entry[1]).__name__ == kind)

    def count(self, kind: str) -> int:
        return sum(type(message).__name__ == kind for _, message, _ in self.posted)


class Canvas:
    """An editor with one document and one layer, which remembers what was put into it."""

    def __init__(self, messages: ModuleType) -> None:
        self.m = messages
        self.current: Any = "layer"
        self.painted = 0
        self.closed = False
        self.note = ""
        self.trouble: Exception | None = None
        self.inserted: list[tuple[str, Any]] = []
        self.shown: list[Any] = []
        self.hidden = 0
        self.copies = 0
        self.fail_on_insert: Exception | None = None
        self.built: list[float] = []
        self.kept: list[tuple[Any, str]] = []  # what made each result, and what it replaced
        self.made: Any = None
        self.scale = 0.1  # of the small copies
        self.sides: list[int] = []  # of the small copies
        self.parts: list[Any] = []
        self.asked: list[tuple[str, str]] = []  # what was taken or shown small: source, and what was left out

    def _check(self) -> None:
        if self.trouble is not None:
            raise self.trouble

    def key(self) -> Any:
        return self.current if self.trouble is None else None

    def fingerprint(self, source: str = "layer") -> Any:
        return self.painted

    def is_open(self, place: Any) -> bool:
        return not self.closed

    def _taken(self, scale: float, places: Sequence[str] = ()) -> Any:
        self._check()
        image, place = self.m.ImageInfo(4, 3, "u8", "BGRA"), SimpleNamespace(name="Sketch")
        masks = {each: bytes([255] * 12) for each in places}
        return SimpleNamespace(
            image=image, frame=bytes(48), place=place, picture_pixels=4800, scale=scale, masks=masks
        )

    def extent(self, source: str) -> tuple[int, int] | None:
        return (4, 3)

    def mask_names(self) -> list[str]:
        return ["Sky"]

    def layer_names(self) -> list[str]:
        return ["Sketch"]

    def take(
        self,
        mark_size: Callable[[int], float],
        places: Sequence[str] = (),
        source: str = "layer",
        without: str = "",
    ) -> list[Any]:
        self.asked.append((source, without))
        return [self._taken(1.0, places)]

    def take_exactly(self, *, need_selection: bool = False) -> list[Any]:
        return [self._taken(1.0)]

    def take_reference(self, source: str, path: str = "") -> Any:
        self._check()
        return self.m.ImageInfo(4, 3, "u8", "BGRA"), bytes(48)

    def small_reference(self, source: str, path: str, side: int) -> Any:
        return self.take_reference(source, path)

    def small_copy(
        self,
        side: int,
        detail: bool,
        places: Sequence[str] = (),
        at: tuple[float, float] = (0.5, 0.5),
        source: str = "layer",
        without: str = "",
    ) -> Any:
        self.sides.append(side)
        self.asked.append((source, without))
        taken = self._taken(self.scale, places)
        self.copies += 1
        return taken

    def insert(self, taken: Any, image: Any, frame: Any, name: str, choices: Any = None, replaces: str = "") -> str:
        if self.fail_on_insert is not None:
            raise self.fail_on_insert
        self.inserted.append((name, frame))
        self.kept.append((choices, replaces))
        return self.note

    insert_enlarged = insert

    def edit_again(self) -> Any:
        self._check()
        return self.made, "the painted layer"

    def show_preview(self, place: Any, image: Any, frame: Any) -> None:
        self.shown.append(frame)

    def hide_preview(self) -> None:
        self.hidden += 1

    def plan_document(self) -> Any:
        self._check()
        info = self.m.ImageInfo(4, 3, "u8", "BGRA")
        self.parts = [SimpleNamespace(image=info, frame=bytes(48), result=None) for _ in range(2)]
        return SimpleNamespace(name="Page", pixels=lambda: list(self.parts))

    def build_document(self, plan: Any, factor: float) -> str:
        self.built.append(factor)
        return "Left out: Blur."


@pytest.fixture
def dispatcher(module: Callable[[str], ModuleType], tmp_path: Path) -> Any:
    """A model over a recorded transport and an editor of the test's own; `dispatcher.come(...)` delivers."""
    messages, backend = module("scumble_wire.messages"), module("scumble_editor.backend")
    choices, model = module("scumble_editor.choices"), module("model")
    road, canvas, now = Recorded(), Canvas(messages), [0.0]
    made = model.Model(
        backend.Backend(road, clock=lambda: now[0]), canvas, choices.ChoicesFile(tmp_path / "krita.json"),
        clock=lambda: now[0],
    )  # fmt: skip

    def come(ticket: int, *said: Any, frames: Sequence[Any] = ()) -> None:
        road.coming += [backend.Delivery(ticket, each, frames) for each in said]
        made.pump()

    packs = [
        messages.PackInfo("wave", "Great Wave", "affine"),
        messages.PackInfo("night", "Starry Night", "affine"),
        messages.PackInfo("faithful", "Faithful", "upscale"),
    ]
    made.start()
    come(road.last("ListPacks")[0], messages.Packs(packs, 1))
    return SimpleNamespace(model=made, road=road, canvas=canvas, come=come, m=messages, now=now, module=module)
