"""Where the pixels of a layer have gone: found by looking for short strips of them. Pure: knows no Krita.

Cropping, enlarging the canvas, moving, mirroring and turning by quarters leave pixel values as they are. So a strip
of the smaller of the two, the layer now and what was taken from it before, is found again in the larger.
"""

from array import array
from collections.abc import Callable, Iterator
from typing import NamedTuple

from scumble_editor.areas import Area, crop_rows

STRIP = 64  # pixels: length of a strip
DISTINCT = 4  # different pixel values that a strip needs: plain color is found everywhere
GRID = 7  # strips are tried at GRID x GRID places
STRIDE = 17  # order of the places
SEARCHES = 24  # strips that are looked for at most: each search reads all pixels of the larger one
DEPTH = 8  # rows of a square that have to fit: the rest may lie outside of what was taken

_KINDS = {1: "B", 2: "H", 4: "I", 8: "Q"}


def _items(pixel_bytes: int) -> tuple[int, str]:
    """A pixel as items of an array: how many, and their type code."""
    size = next(size for size in (8, 4, 2, 1) if pixel_bytes % size == 0)
    return pixel_bytes // size, _KINDS[size]


def every(row: bytes | memoryview, step: int, pixel_bytes: int) -> bytes:
    """Every step-th pixel of a row, from the first on."""
    parts, kind = _items(pixel_bytes)
    flat = array(kind)
    flat.frombytes(row)
    picked = array(kind, bytes(-(-len(flat) // parts // step) * pixel_bytes))
    for part in range(parts):
        picked[part::parts] = flat[part :: parts * step]
    return picked.tobytes()


class Move(NamedTuple):
    """The pixel (x, y) of before is now at (ux * x + vx * y + tx, uy * x + vy * y + ty); (u, v) is a quarter turn."""

    ux: int = 1
    uy: int = 0
    vx: int = 0
    vy: int = 1
    tx: int = 0
    ty: int = 0

    @property
    def turns(self) -> bool:
        return self[:4] != (1, 0, 0, 1)

    def area(self, area: Area) -> Area:
        """Where a rectangle is now."""
        ends = [(area.x, area.y), (area.x + area.width - 1, area.y + area.height - 1)]
        xs = [self.ux * x + self.vx * y + self.tx for x, y in ends]
        ys = [self.uy * x + self.vy * y + self.ty for x, y in ends]
        return Area(min(xs), min(ys), abs(xs[1] - xs[0]) + 1, abs(ys[1] - ys[0]) + 1)

    def back(self) -> "Move":
        """The move that undoes this one."""
        x, y = self.ux * self.tx + self.uy * self.ty, self.vx * self.tx + self.vy * self.ty
        return Move(self.ux, self.vx, self.uy, self.vy, -x, -y)

    def pixels(self, data: bytes | memoryview, width: int, height: int, pixel_bytes: int) -> bytes:
        """Row-major pixels turned and mirrored like this; data: width * height * pixel_bytes bytes."""
        if not self.turns:
            return bytes(data)
        parts, kind = _items(pixel_bytes)
        flat = array(kind)
        flat.frombytes(data)
        lines = []
        if self.ux:  # rows stay rows
            order = range(height) if self.vy > 0 else range(height - 1, -1, -1)
            lines = [flat[y * width * parts : (y + 1) * width * parts] for y in order]
            backwards = self.ux < 0
        else:  # columns become rows
            order = range(width) if self.uy > 0 else range(width - 1, -1, -1)
            for x in order:
                line = array(kind, bytes(height * pixel_bytes))
                for part in range(parts):
                    line[part::parts] = flat[x * parts + part :: width * parts]
                lines.append(line)
            backwards = self.vx < 0
        if backwards:
            for line in lines:
                for part in range(parts):
                    line[part::parts] = line[part::parts][::-1]
        return b"".join(line.tobytes() for line in lines)


def locate(
    old: memoryview, area: Area, pixel_bytes: int, read: Callable[[Area], bytes], now: Area, *, same: bool = False
) -> Move | None:
    """How the pixels of `area` have moved; None when that can't be told.

    old: row-major pixels of `area`. read: gives pixels of the layer as it is now, in the same format. now: what is
    painted on the layer now. same: nothing else has changed, so pixels that are found where they were settle it.
    """
    places = list(_places(now))
    if same and any(_square(old, area, pixel_bytes, place) == read(place) for place in places):
        return Move()
    if now.width * now.height <= area.width * area.height:
        return _search(old, area, pixel_bytes, read, places)
    taken = lambda part: crop_rows(old, area.width, pixel_bytes, _inside(part, area))  # noqa: E731
    back = _search(memoryview(read(now)), now, pixel_bytes, taken, list(_places(area)))
    return None if back is None else back.back()


def _search(
    larger: memoryview, area: Area, pixel_bytes: int, read: Callable[[Area], bytes], places: list[Area]
) -> Move | None:
    """The move that two of the places agree about, from the pixels of `area` to those that `read` gives."""
    whole = bytes(larger)
    seen: set[Move] = set()
    searches = 0
    for place in places:
        for strip, start, u in _strips(read, place, pixel_bytes):
            if searches == SEARCHES:
                return None
            searches += 1
            found = _only_one(whole, strip, area, pixel_bytes)
            if found is None:
                continue
            x, y = found
            for v in ((u[1], u[0]), (-u[1], -u[0])):
                move = Move(*u, *v, start[0] - u[0] * x - v[0] * y, start[1] - u[1] * x - v[1] * y)
                if _fits(move, larger, area, pixel_bytes, read, place):
                    if move in seen:
                        return move
                    seen.add(move)
    return None


def _places(now: Area) -> Iterator[Area]:
    """Squares of the strips' length, spread over the layer; neighbors in time lie apart."""
    side = min(STRIP, now.width, now.height)
    for number in range(GRID * GRID):
        row, column = divmod(number * STRIDE % (GRID * GRID), GRID)
        x = now.x + (now.width - side) * column // (GRID - 1)
        yield Area(x, now.y + (now.height - side) * row // (GRID - 1), side, side)


def _square(old: memoryview, area: Area, pixel_bytes: int, place: Area) -> bytes | None:
    """The old pixels of a square; None where it was not taken whole."""
    if place.meet(area) != place:
        return None
    return crop_rows(old, area.width, pixel_bytes, _inside(place, area))


def _inside(place: Area, area: Area) -> Area:
    """The same rectangle counted from the corner of `area`."""
    return place._replace(x=place.x - area.x, y=place.y - area.y)


def _fits(
    move: Move, old: memoryview, area: Area, pixel_bytes: int, read: Callable[[Area], bytes], place: Area
) -> bool:
    """Whether a square has exactly the pixels that it has to have by the move, as far as they are known."""
    before = move.back().area(place).meet(area)
    if before.empty or min(before.width, before.height) < min(DEPTH, place.width):
        return False
    square = crop_rows(old, area.width, pixel_bytes, _inside(before, area))
    return move.pixels(square, before.width, before.height, pixel_bytes) == read(move.area(before))


def _strips(
    read: Callable[[Area], bytes], place: Area, pixel_bytes: int
) -> Iterator[tuple[bytes, tuple[int, int], tuple[int, int]]]:
    """The edges of a square that are not too plain, both ways: pixels, where the first one is, the direction."""
    side = place.width
    for strip, (dx, dy) in ((place._replace(height=1), (1, 0)), (place._replace(width=1), (0, 1))):
        data = read(strip)
        pixels = [data[i : i + pixel_bytes] for i in range(0, len(data), pixel_bytes)]
        if len(set(pixels)) < min(DISTINCT, side):
            continue
        yield data, (place.x, place.y), (dx, dy)
        end = (place.x + dx * (side - 1), place.y + dy * (side - 1))
        yield b"".join(reversed(pixels)), end, (-dx, -dy)


def _only_one(old: bytes, strip: bytes, area: Area, pixel_bytes: int) -> tuple[int, int] | None:
    """Where the strip lies in a row of the old pixels; None: nowhere, or at several places."""
    stride, found = area.width * pixel_bytes, None
    at = old.find(strip)
    while at >= 0:
        row, byte = divmod(at, stride)
        if byte % pixel_bytes == 0 and byte + len(strip) <= stride:
            if found is not None:
                return None
            found = (area.x + byte // pixel_bytes, area.y + row)
        at = old.find(strip, at + 1)
    return found
