"""Picture files of 8 bits a channel, and those of 16 that hold gray alone, through Pillow."""

from __future__ import annotations

import contextlib
import io
import threading
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, ImageFile, UnidentifiedImageError

from scumble_backend.errors import BackendError, UnreadableImage
from scumble_backend.pictures import color_descriptions, jpeg_repair, metadata, profiles
from scumble_backend.pictures.loaded import Samples, check_size, upright
from scumble_backend.pictures.metadata import Metadata
from scumble_wire.messages import Order

_SIXTEEN = ("I;16", "I;16L", "I;16B", "I;16N")
#: Formats that Pillow hands to another program, or knows by name only.
_NOT_READ = {"EPS", "WMF", "BUFR", "GRIB", "HDF5", "MPEG"}
#: Tags that say how a TIFF file holds its pixels: the new file has its own. And those that are handled by themselves.
_TIFF_LAYOUT = frozenset({
    254, 255, 256, 257, 258, 259, 262, 263, 266, 273, 277, 278, 279, 280, 281, 284, 290, 291, 292, 293, 297, 301, 317,
    318, 319, 320, 322, 323, 324, 325, 330, 332, 338, 339, 340, 341, 347, 512, 513, 514, 529, 530, 531, 532, 34675,
    274, 282, 283, 296, 700,
})  # fmt: skip
_ORDERS: dict[str, Order] = {"L": "GRAY", "LA": "GRAYA", "RGB": "RGB", "RGBA": "RGBA"}


def read(path: Path, *, least_side: int | None = None, page: int | None = None) -> Samples:
    """The samples, with color and metadata. page: of a TIFF, counted from 0; None: the file's first picture.

    Raises UnreadableImage, ImageTooLarge, OSError, MemoryError.
    """
    try:
        return decode(path, path, least_side=least_side, page=page)
    except UnreadableImage:
        if not jpeg_repair.is_jpeg(path):
            raise
        repaired = jpeg_repair.repaired(path)
    samples = None
    if repaired is not None:
        with contextlib.suppress(UnreadableImage):
            samples = decode(io.BytesIO(repaired), path, least_side=least_side)
    if samples is None:
        source = path if repaired is None else io.BytesIO(repaired)
        samples = decode(source, path, least_side=least_side, cut_off=True)
    if repaired is not None:
        samples.notes.insert(0, f"{path.name} is damaged beside its pixels: what could be read is used.")
    return samples


def decode(
    source: Path | io.BytesIO,
    path: Path,
    *,
    least_side: int | None = None,
    cut_off: bool = False,
    page: int | None = None,
) -> Samples:
    """Decode a file, or bytes that stand for it. cut_off: one that ends early is taken as far as it goes.

    page, and what it raises: as `read`.
    """
    with settings(cut_off=cut_off), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # what Pillow warns of, it also raises, or can be borne
        try:
            with Image.open(source) as opened:
                return _decoded(opened, path, least_side, cut_off=cut_off, page=page)
        except (BackendError, MemoryError):
            raise
        except (UnidentifiedImageError, Image.DecompressionBombError) as error:
            raise UnreadableImage(
                f"{path} isn't a picture that can be read.", remedy="Convert it to PNG, TIFF or JPEG."
            ) from error
        except Exception as error:
            if isinstance(error, OSError) and error.errno is not None:  # not Pillow's own
                raise
            # Pillow's decoders raise whatever a strange file makes them stumble over.
            reason = str(error).strip(" .") or type(error).__name__
            raise UnreadableImage(f"{path} is damaged: {reason}.", remedy="Get the file again.") from error


class _Settings:
    """Pillow's settings for the whole process while files are read: the wire's limits on size, not Pillow's own; and
    whether files that end early are taken. Threads with the same wish read side by side, others take turns.
    """

    def __init__(self) -> None:
        self._turn = threading.Lock()  # held while waiting, so that nobody is overtaken forever
        self._changed = threading.Condition()
        self._readers = 0
        self._cut_off = False
        self._before: tuple[int | None, bool] = (None, False)

    @contextlib.contextmanager
    def __call__(self, *, cut_off: bool = False) -> Iterator[None]:
        with self._turn, self._changed:
            self._changed.wait_for(lambda: not self._readers or self._cut_off == cut_off)
            if not self._readers:
                self._before = Image.MAX_IMAGE_PIXELS, ImageFile.LOAD_TRUNCATED_IMAGES
                Image.MAX_IMAGE_PIXELS, ImageFile.LOAD_TRUNCATED_IMAGES = None, cut_off
                self._cut_off = cut_off
            self._readers += 1
        try:
            yield
        finally:
            with self._changed:
                self._readers -= 1
                if not self._readers:
                    Image.MAX_IMAGE_PIXELS, ImageFile.LOAD_TRUNCATED_IMAGES = self._before
                self._changed.notify_all()


settings = _Settings()


def _decoded(opened: Image.Image, path: Path, least_side: int | None, *, cut_off: bool, page: int | None) -> Samples:
    if opened.format in _NOT_READ:
        raise UnreadableImage(f"{path} isn't a picture of pixels.", remedy="Convert it to PNG, TIFF or JPEG.")
    if page:
        opened.seek(page)
    check_size(path, *opened.size)
    notes = _losses(opened, path, alone=page is None)
    icc = opened.info.get("icc_profile")
    if least_side is not None and opened.format == "JPEG":
        opened.draft(None, (least_side, least_side))
    xmp = opened.info.get("xmp")  # before Pillow turns a TIFF, and changes it
    opened.load()
    if cut_off:
        notes.append(f"{path.name} ends early: it is painted as far as it goes.")
    if opened.format == "TIFF":
        found, turn = _tiff_metadata(opened, xmp), 1
    else:
        found = metadata.of_pillow(opened.info)
        turn = metadata.orientation_of(found.exif, found.xmp)
    samples = _samples(opened, icc, notes)
    samples.metadata = found
    samples.values = upright(samples.values, turn)
    return samples


def _losses(picture: Image.Image, path: Path, *, alone: bool) -> list[str]:
    """What Pillow has to leave out of this file, in words. alone: of several pictures only this one is used."""
    notes = []
    if alone and getattr(picture, "n_frames", 1) > 1:
        notes.append(f"{path.name} holds {picture.n_frames} pictures: the first one is used.")  # type: ignore[attr-defined]
    if picture.format == "TIFF" and picture.mode not in _SIXTEEN:
        bits = picture.tag_v2.get(258, 8)  # type: ignore[attr-defined]
        if (bits[0] if isinstance(bits, tuple) else bits) == 16:
            notes.append(f"{path.name} has 16 bits a channel: in this kind of color only 8 of them can be read.")
    return notes


def _samples(picture: Image.Image, icc: bytes | None, notes: list[str]) -> Samples:
    if picture.mode in (*_SIXTEEN, "I", "F"):  # not PNG or TIFF, but PNM and others
        values = np.asarray(picture)
        if picture.mode == "I":
            notes.append("The picture's 32-bit integers are read as 16 bits.")
            values = np.clip(values, 0, 65535)
        values = values.astype("<f4" if picture.mode == "F" else "<u2")[..., None]
        return Samples(values, "GRAY", color_descriptions.of_profile(icc, gray=True), notes=notes)
    if picture.mode == "CMYK":
        converted = profiles.cmyk_to_srgb(picture, icc) if icc is not None else None
        notes.append(
            "The CMYK picture was converted to sRGB."
            if converted is not None
            else "The picture is CMYK without a profile that can be used: its colors are approximate."
        )
        picture, icc = converted or picture.convert("RGB"), None
    elif picture.mode == "LAB":
        picture, icc = profiles.lab_to_srgb(picture), None
    wanted = _mode(picture)
    if picture.mode != wanted:
        picture = picture.convert(wanted)
    values = np.asarray(picture)
    color = color_descriptions.of_profile(icc, gray=wanted in ("L", "LA"))
    return Samples(
        values[..., None] if values.ndim == 2 else values, _ORDERS[wanted], color, notes=[*color.notes, *notes]
    )


def _mode(picture: Image.Image) -> str:
    """The mode of the wire that holds a picture's."""
    clear = "transparency" in picture.info or picture.mode in ("LA", "RGBA", "PA", "La", "RGBa")
    if picture.mode in ("1", "L", "LA", "La"):
        return "LA" if clear else "L"
    return "RGBA" if clear else "RGB"


# --- what stands beside the pixels -----------------------------------------------------------------------


def tiff_exif(path: Path, page: int | None = None) -> bytes:
    """EXIF of a TIFF's page that OpenImageIO reads, for a result of another format; empty where Pillow can't tell."""
    with settings(), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            with Image.open(path, formats=["TIFF"]) as opened:
                opened.seek(page or 0)
                return _tiff_metadata(opened, None).exif
        except MemoryError:
            raise
        except Exception:  # noqa: BLE001 - what Pillow stumbles over in tags costs these tags, and no picture
            return b""


def _tiff_metadata(opened: Image.Image, xmp: Any) -> Metadata:
    """In TIFF the directory of the picture is that of EXIF, so a block is made of what isn't layout."""
    block = opened.getexif()
    for tag in _TIFF_LAYOUT:
        block.pop(tag, None)
    for tag, value in list(block.items()):
        if isinstance(value, str):  # Pillow decodes Latin-1, whatever it is, and would write ASCII alone
            block[tag] = value.encode("latin-1", "replace")
    return Metadata(
        exif=metadata.without_header(block.tobytes()) if len(block) else b"",
        xmp=xmp if isinstance(xmp, bytes) else b"",
        dpi=metadata.resolution(opened.info.get("dpi")),
    )
