"""Picture files for the tests of their room: made here, and those beside the checkout with the right answer known."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from scumble_backend.pictures import reading, writing
from scumble_backend.pictures.loaded import Loaded
from scumble_backend.pictures.png_chunks import SIGNATURE, Chunk

CASES = Path(__file__).resolve().parents[3] / "shared/cases"


@pytest.fixture(autouse=True)
def _rescued_elsewhere(monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory) -> None:
    monkeypatch.setenv("SCUMBLE_HOME", str(tmp_path_factory.mktemp("home")))


@pytest.fixture
def case() -> Callable[[str], Path]:
    """A file of `../shared/cases`; skips the test where these aren't there."""

    def find(name: str) -> Path:
        if not (CASES / name).is_file():
            pytest.skip(f"{CASES / name} is not there: this case stays untested")
        return CASES / name

    return find


def png(path: Path, values: Any, *chunks: tuple[bytes, bytes], bits: int = 8, color: int | None = None) -> Path:
    """A PNG by hand, with chunks as they are given. values: (H, W, channels), or (H, row bytes) with `color`."""
    values = np.asarray(values)
    height, width = values.shape[:2]
    if color is None:
        color = {1: 0, 2: 4, 3: 2, 4: 6}[values.shape[2]]
    if bits == 1:
        width *= 8
    raw = values.astype(">u2" if bits == 16 else "u1").reshape(height, -1).view(np.uint8)
    rows = b"".join(b"\0" + row.tobytes() for row in raw)
    header = struct.pack(">IIBBBBB", width, height, bits, color, 0, 0, 0)
    parts = [Chunk(b"IHDR", header), *(Chunk(*one) for one in chunks), Chunk(b"IDAT", zlib.compress(rows))]
    path.write_bytes(SIGNATURE + b"".join(part.encode() for part in [*parts, Chunk(b"IEND", b"")]))
    return path


def through(source: Path, target: Path, *, convert: bool = True, painted: float = 0.0) -> Loaded:
    """Read, change every sample by `painted` (of white), write: what the commands do around the network."""
    loaded = reading.load(source, convert=convert)
    values = loaded.sent.copy()
    if painted:
        full = {"u8": 255, "u16": 65535}.get(loaded.info.depth, 1)
        colors = slice(0, loaded.info.channels - loaded.info.has_alpha)
        values[..., colors] = (values[..., colors] + values.dtype.type(painted * full)).astype(values.dtype)
    writing.save(target, loaded, loaded.info, values.tobytes())
    return loaded
