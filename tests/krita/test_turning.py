"""Finding out where the pixels of a layer have gone, and turning others the same way."""

from __future__ import annotations

import itertools
import random
from collections.abc import Callable
from types import ModuleType
from typing import Any

import pytest

QUARTERS = [
    (ux, uy, vx, vy)
    for (ux, uy), (vx, vy) in itertools.product([(1, 0), (-1, 0), (0, 1), (0, -1)], repeat=2)
    if ux * vx + uy * vy == 0
]


@pytest.fixture
def turning(module: Callable[[str], ModuleType]) -> Any:
    return module("layers.turning")


@pytest.fixture
def areas(module: Callable[[str], ModuleType]) -> Any:
    return module("scumble_editor.areas")


def noise(pixels: int, pixel_bytes: int, seed: int = 0) -> bytes:
    return random.Random(seed).randbytes(pixels * pixel_bytes)


def moved(data: bytes, area: Any, move: Any, pixel_bytes: int) -> tuple[bytes, Any]:
    """Pixel by pixel, as the definition of Move says."""
    now = move.area(area)
    out = bytearray(len(data))
    for y in range(area.height):
        for x in range(area.width):
            left = move.ux * (area.x + x) + move.vx * (area.y + y) + move.tx - now.x
            top = move.uy * (area.x + x) + move.vy * (area.y + y) + move.ty - now.y
            at, to = (y * area.width + x) * pixel_bytes, (top * now.width + left) * pixel_bytes
            out[to : to + pixel_bytes] = data[at : at + pixel_bytes]
    return bytes(out), now


def reader(data: bytes, area: Any, pixel_bytes: int) -> Callable[[Any], bytes]:
    def read(part: Any) -> bytes:
        assert part.meet(area) == part, "reads outside of the layer"
        rows = range(part.y - area.y, part.y - area.y + part.height)
        begin = part.x - area.x
        return b"".join(
            data[(row * area.width + begin) * pixel_bytes : (row * area.width + begin + part.width) * pixel_bytes]
            for row in rows
        )

    return read


@pytest.mark.parametrize("pixel_bytes", [1, 2, 4, 5, 8, 16])
@pytest.mark.parametrize("quarter", QUARTERS)
def test_pixels_turn_as_the_move_says(
    turning: Any, areas: Any, quarter: tuple[int, int, int, int], pixel_bytes: int
) -> None:
    move, area = turning.Move(*quarter, 3, -5), areas.Area(2, 4, 7, 5)
    data = noise(35, pixel_bytes)
    assert move.pixels(data, 7, 5, pixel_bytes) == moved(data, area, move, pixel_bytes)[0]


@pytest.mark.parametrize("pixel_bytes", [1, 2, 4, 5, 8, 16])
@pytest.mark.parametrize("step", [1, 2, 3, 7, 30])
def test_every_nth_pixel_of_a_row(turning: Any, step: int, pixel_bytes: int) -> None:
    row = noise(21, pixel_bytes)
    pixels = [row[i : i + pixel_bytes] for i in range(0, len(row), pixel_bytes)]
    assert turning.every(row, step, pixel_bytes) == b"".join(pixels[::step])


@pytest.mark.parametrize("quarter", QUARTERS)
def test_a_move_can_be_undone(turning: Any, areas: Any, quarter: tuple[int, int, int, int]) -> None:
    move, area = turning.Move(*quarter, 3, -5), areas.Area(2, 4, 7, 5)
    assert move.back().area(move.area(area)) == area and move.back().back() == move


@pytest.mark.parametrize("quarter", QUARTERS)
def test_a_cropped_and_turned_layer_is_found_although_it_was_painted_on(
    turning: Any, areas: Any, quarter: tuple[int, int, int, int]
) -> None:
    area = areas.Area(10, 20, 300, 200)
    data = noise(300 * 200, 4)
    move = turning.Move(*quarter, 17, -40)
    now_data, now = moved(data, area, move, 4)
    cropped = areas.Area(now.x + 30, now.y + 15, now.width - 70, now.height - 40)
    cut = bytearray(reader(now_data, now, 4)(cropped))
    cut[: len(cut) // 3] = bytes(len(cut) // 3)  # painted black
    read = reader(bytes(cut), cropped, 4)
    assert turning.locate(memoryview(data), area, 4, read, cropped) == move


@pytest.mark.parametrize("quarter", QUARTERS)
@pytest.mark.parametrize("window", [(-20, -10, 400, 300), (-900, -40, 1300, 1000), (-120, 60, 320, 240)])
def test_a_layer_on_an_enlarged_or_shifted_canvas_is_found(
    turning: Any, areas: Any, quarter: tuple[int, int, int, int], window: tuple[int, int, int, int]
) -> None:
    """A Background fills what the canvas gets with its color."""
    area = areas.Area(0, 0, 320, 240)
    data = noise(320 * 240, 4)
    move = turning.Move(*quarter, 0, 0)
    now_data, now = moved(data, area, move, 4)
    read, canvas = reader(now_data, now, 4), areas.Area(now.x + window[0], now.y + window[1], *window[2:])
    enlarged = bytearray(b"\xff" * (canvas.width * canvas.height * 4))
    seen = canvas.meet(now)
    for y in range(seen.y, seen.y + seen.height):
        at = ((y - canvas.y) * canvas.width + seen.x - canvas.x) * 4
        enlarged[at : at + seen.width * 4] = read(areas.Area(seen.x, y, seen.width, 1))
    read = reader(bytes(enlarged), canvas, 4)
    assert turning.locate(memoryview(data), area, 4, read, canvas) == move


def test_an_unchanged_layer_is_known_at_once(turning: Any, areas: Any) -> None:
    area = areas.Area(0, 0, 200, 100)
    data = noise(200 * 100, 4)
    assert turning.locate(memoryview(data), area, 4, reader(data, area, 4), area, same=True) == turning.Move()
    plain = bytes(200 * 100 * 4)
    assert turning.locate(memoryview(plain), area, 4, reader(plain, area, 4), area, same=True) == turning.Move()


@pytest.mark.parametrize("what", ["plain", "another picture", "repeated"])
def test_what_cant_be_told_is_not_guessed(turning: Any, areas: Any, what: str) -> None:
    area, now = areas.Area(0, 0, 256, 192), areas.Area(0, 0, 200, 150)
    tile = noise(32, 4)
    old = {"plain": bytes(256 * 192 * 4), "another picture": noise(256 * 192, 4), "repeated": tile * 8 * 192}[what]
    new = {"plain": bytes(200 * 150 * 4), "another picture": noise(200 * 150, 4, 1)}.get(what)
    new = new if new is not None else reader(old, area, 4)(now)
    assert turning.locate(memoryview(old), area, 4, reader(new, now, 4), now) is None


def test_a_layer_smaller_than_a_strip_is_followed(turning: Any, areas: Any) -> None:
    area = areas.Area(0, 0, 20, 12)
    data = noise(20 * 12, 8)
    move = turning.Move(1, 0, 0, 1, 5, 6)
    new, now = moved(data, area, move, 8)
    assert turning.locate(memoryview(data), area, 8, reader(new, now, 8), now) == move
