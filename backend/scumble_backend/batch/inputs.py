"""Which pictures a batch is about: files, folders, patterns and numbered sequences, in the order people count."""

from __future__ import annotations

import glob
import os
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from scumble_backend.errors import BackendError, UnwritableImage, file_missing
from scumble_backend.pictures import pages

#: In folders, files that are called so are taken; a file that is named itself is taken whatever it is called.
SUFFIXES = frozenset({
    ".avif", ".bmp", ".dds", ".dib", ".exr", ".gif", ".j2k", ".jfif", ".jp2", ".jpe", ".jpeg", ".jpg", ".pbm", ".pgm",
    ".png", ".pnm", ".ppm", ".psd", ".qoi", ".tga", ".tif", ".tiff", ".webp",
})  # fmt: skip
_NUMBER = re.compile(r"%0?\d*d|#+")  # of a frame: shot.%04d.exr, shot.####.exr
_MAGIC = re.compile(r"[*?\[]")


@dataclass(frozen=True, slots=True)
class Source:
    """One picture. path: of its file. folder: below the input it was found in, "" or "a/b"; its result goes there.

    page: of a TIFF with several, as `pages.of` counts them; place: which of its pages, from 1. None, 0: the only one.
    """

    path: str
    folder: str = ""
    page: int | None = None
    place: int = 0

    @property
    def title(self) -> str:
        """For people."""
        return self.path if self.page is None else f"{self.path}, page {self.place}"


@dataclass
class Found:
    """sources: in order. troubles: (input, what is wrong). left_out: files in folders that aren't pictures."""

    sources: list[Source] = field(default_factory=list)
    troubles: list[tuple[str, BackendError]] = field(default_factory=list)
    left_out: int = 0


def find(inputs: Sequence[str], out: Path) -> Found:
    """All pictures of the inputs, each once. What lies in the folder `out` is none of them.

    Raises UnwritableImage where results would lie among the pictures they are made from.
    """
    found, seen = Found(), set[str]()
    real_out = os.path.realpath(out)
    for given in inputs:
        before = len(found.sources)
        try:
            paths = list(_files(given, real_out, found))
        except BackendError as error:
            if isinstance(error, UnwritableImage):
                raise
            found.troubles.append((given, error))
            continue
        for path, folder in paths:
            real = os.path.realpath(path)
            if real not in seen:
                seen.add(real)
                found.sources += _pictures(path, folder)
        if not paths and len(found.sources) == before:
            nothing = file_missing(given) if _MAGIC.search(given) or _NUMBER.search(given) else None
            found.troubles.append(
                (given, nothing or type(file_missing(given))(f"{given} holds no pictures.", remedy="Check the path."))
            )
    return found


def natural(text: str) -> list[tuple[int, int, str]]:
    """A key by which frame2 stands before frame10."""
    return [
        (0, int(part), "") if part.isdecimal() and part.isascii() else (1, 0, part.casefold())
        for part in re.split(r"([0-9]+)", text)
    ]


def _files(given: str, out: str, found: Found) -> Iterator[tuple[str, str]]:
    """(path, folder of the result) for one input. Raises FileTrouble, UnwritableImage."""
    path = Path(given)
    if path.is_dir():
        _refuse_among(path, out)
        for file in _walk(path, out, found):
            yield file, _below(Path(file).parent, path)
    elif path.exists() or path.is_symlink():
        yield given, ""
    elif _MAGIC.search(given) or _NUMBER.search(path.name):
        pattern = str(path.with_name(_as_glob(path.name))) if _NUMBER.search(path.name) else given
        root = _fixed(pattern)
        matches = sorted(glob.glob(pattern, recursive=True), key=natural)  # noqa: PTH207 - any path, with **
        numbers = re.compile(_as_expression(path.name)) if _NUMBER.search(path.name) else None
        for match in matches:
            one = Path(match)
            named = numbers is None or numbers.fullmatch(one.name)
            if named and one.is_file() and not _inside(os.path.realpath(match), out):
                yield match, _below(one.parent, root)
    else:
        raise file_missing(given)


def _refuse_among(folder: Path, out: str) -> None:
    if os.path.realpath(folder) == out:
        raise UnwritableImage(
            f"The results would lie in {folder}, among the pictures they are made from.",
            remedy="Choose another folder with --output; one inside it will do.",
        )


def _walk(folder: Path, out: str, found: Found) -> Iterator[str]:
    """Files called like pictures, below a folder; hidden ones and those of `out` are left alone."""
    for here, folders, files in os.walk(folder):
        kept = [one for one in folders if not one.startswith(".") and os.path.realpath(Path(here, one)) != out]
        folders[:] = sorted(kept, key=natural)
        for name in sorted(files, key=natural):
            if Path(name).suffix.lower() in SUFFIXES and not name.startswith("."):
                yield str(Path(here, name))
            elif not name.startswith("."):
                found.left_out += 1


def _pictures(path: str, folder: str) -> list[Source]:
    numbers = pages.of(Path(path)) if path.lower().endswith((".tif", ".tiff")) else []
    if not numbers:
        return [Source(path, folder)]
    return [Source(path, folder, number, place) for place, number in enumerate(numbers, 1)]


def _below(folder: Path, root: str | Path) -> str:
    relative = os.path.relpath(folder, root or ".")
    return "" if relative == "." or relative.startswith("..") else relative


def _fixed(pattern: str) -> str:
    """The folder before a pattern's first magic part."""
    parts = []
    for part in Path(pattern).parts[:-1]:
        if _MAGIC.search(part):
            break
        parts.append(part)
    return str(Path(*parts)) if parts else ""


def _as_glob(name: str) -> str:
    return _NUMBER.sub("*", "".join(f"[{c}]" if c in "[?*" else c for c in name))


def _as_expression(name: str) -> str:
    """Of "shot.%04d.exr": any number; of "shot.####.exr": four digits or more, as programs for film read it."""
    parts, at = [], 0
    for match in _NUMBER.finditer(name):
        least = len(match[0]) if match[0].startswith("#") else 1
        parts += [re.escape(name[at : match.start()]), rf"\d{{{least},}}"]
        at = match.end()
    return "".join(parts) + re.escape(name[at:])


def _inside(path: str, folder: str) -> bool:
    return path == folder or path.startswith(folder + os.sep)
