"""Keeping a finished picture that can't be written where it should go."""

from __future__ import annotations

import contextlib
import logging
import secrets
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from scumble_backend.config import Places
from scumble_backend.errors import BackendError, InternalError, from_os_error
from scumble_backend.pictures import png_chunks, png_writing
from scumble_backend.pictures.color_spaces import encoded, in_bands
from scumble_backend.pictures.loaded import FULL, Loaded
from scumble_wire.messages import ImageInfo

log = logging.getLogger("scumble.pictures")


@contextlib.contextmanager
def kept(path: Path, info: ImageInfo, values: NDArray[Any], source: Loaded) -> Iterator[None]:
    """Keep the picture elsewhere if the block fails; the error then tells where. Raises BackendError only."""
    try:
        yield
    except BackendError as error:
        error.remedy = f"{_kept_where(path, info, values, source)} {error.remedy}".strip()
        raise
    except OSError as error:
        told = from_os_error(error, path)
        told.remedy = f"{_kept_where(path, info, values, source)} {told.remedy}".strip()
        raise told from error
    except Exception as error:
        reason = f"{type(error).__name__}: {error}".strip(" .:")
        raise InternalError(
            f"{path} could not be written: {reason}.", remedy=_kept_where(path, info, values, source)
        ) from error


def _kept_where(path: Path, info: ImageInfo, values: NDArray[Any], source: Loaded) -> str:
    name = f"{path.stem[:40] or 'picture'}-{time.strftime('%Y%m%d-%H%M%S')}-{secrets.token_hex(2)}"
    name = name.encode("utf-8", "replace").decode()
    for folder in (Places.of_user().data / "rescued", Path(tempfile.gettempdir()), Path.cwd(), Path.home()):
        target = folder / f"{name}.png"
        try:
            folder.mkdir(parents=True, exist_ok=True)
            _write(target, info, values, source)
        except OSError:
            with contextlib.suppress(OSError):
                target.unlink(missing_ok=True)
            continue
        return f"The finished picture is kept in {target}."
    return "The picture could not be kept anywhere: every disk tried is full or closed."


def _write(path: Path, info: ImageInfo, values: NDArray[Any], source: Loaded) -> None:
    """Plainly: a PNG of 8 or 16 bits, whose profile says what the samples mean."""
    icc = None if source.converted else source.samples.color.icc(gray=info.order.startswith("GRAY"))
    if info.depth not in FULL or source.converted:

        def whole(band: NDArray[Any]) -> NDArray[Any]:
            out = band.astype(np.float32)
            if info.transfer == "linear":
                colors = slice(0, info.channels - info.has_alpha)
                out[..., colors] = encoded(out[..., colors])
            return (np.clip(np.nan_to_num(out), 0, 1) * 65535 + 0.5).astype(np.uint16)

        values, icc = in_bands(values, whole), None
    png_writing.write(path, values, [png_chunks.profile_chunk(icc)] if icc is not None else [])
