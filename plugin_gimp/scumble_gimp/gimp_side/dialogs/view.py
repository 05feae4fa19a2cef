"""A picture that fills the room there is: zoomed by the wheel, moved by dragging, split into before and after.

Drawn into a pixbuf of the room's size: GIMP's Python can't count on cairo.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from gi.repository import Gdk, GdkPixbuf, Gtk

MOST_ZOOM = 16.0
NEAR = 8  # pixels around the line in which it is taken hold of
AROUND, WHITE, BLACK = 0x808080FF, 0xFFFFFFFF, 0x000000FF
Frame = tuple[float, float, float, float]  # left, top, width, height as parts of the picture


class View(Gtk.EventBox):
    """Shows one of two pixbufs of one size, or both on two sides of a line."""

    def __init__(self, width: int, height: int) -> None:
        """width, height: the least room, in pixels."""
        super().__init__()
        self._before: GdkPixbuf.Pixbuf | None = None
        self._after: GdkPixbuf.Pixbuf | None = None
        self._frame: Frame | None = None
        self._split: float | None = None  # where the line stands, as a part of what is seen
        self._pressed = False
        self._plain = False
        self._zoom, self._middle = 1.0, (0.5, 0.5)
        self._held, self._from = "", (0.0, 0.0)
        self.on_aimed: Callable[[float, float], None] = lambda x, y: None  # the frame's middle, as parts
        self.on_room: Callable[[], None] = lambda: None  # there is more or less room, or another zoom
        self._image = Gtk.Image()
        inside = Gtk.ScrolledWindow(
            hscrollbar_policy=Gtk.PolicyType.EXTERNAL, vscrollbar_policy=Gtk.PolicyType.EXTERNAL
        )
        inside.add(self._image)
        inside.set_size_request(width, height)
        inside.connect("size-allocate", self._sized)
        self._inside, self._size = inside, (width, height)
        self.add(inside)
        self.set_above_child(True)
        self.add_events(
            Gdk.EventMask.BUTTON_PRESS_MASK | Gdk.EventMask.BUTTON_RELEASE_MASK | Gdk.EventMask.POINTER_MOTION_MASK
            | Gdk.EventMask.SCROLL_MASK
        )  # fmt: skip
        self.connect("button-press-event", self._press)
        self.connect("button-release-event", self._release)
        self.connect("motion-notify-event", self._move)
        self.connect("scroll-event", self._scroll)

    @property
    def room(self) -> float:
        """Pixels on the longer side of a picture that would fill the room at this zoom."""
        return max(self._size) * self._zoom

    def show_pair(self, before: Any, after: Any, frame: Frame | None) -> None:
        """after: None while it is not there yet. frame: what a detail at its own size would show."""
        self._before, self._after, self._frame = before, after, frame
        self.draw()

    def show_plain(self, on: bool) -> None:
        """Show the picture as it is."""
        self._plain = on
        self.draw()

    def split(self, on: bool) -> None:
        """Show the line between before and after, or take it away."""
        self._split = 0.5 if on else None
        self.draw()

    def draw(self) -> None:
        shown = self._before if self._plain or self._pressed or self._after is None else self._after
        if shown is None:
            return
        width, height = self._size
        made = GdkPixbuf.Pixbuf.new(
            GdkPixbuf.Colorspace.RGB, True, 8, width, height
        )  # else no picture with alpha fits
        made.fill(AROUND)
        left, top, right, bottom = self._seen()
        self._put(made, shown, left, right)
        if self._split is not None and self._before is not None and shown is self._after:
            line = self._line()
            self._put(made, self._before, left, line)
            _fill(made, line - 1, top, 1, bottom - top, BLACK)
            _fill(made, line, top, 1, bottom - top, WHITE)
        if self._frame is not None and self._zoom == 1.0:
            x, y, across, along = self._framed()
            for grow, color in ((0, BLACK), (1, WHITE)):
                _fill(made, x + grow, y + grow, across - 2 * grow, 1, color)
                _fill(made, x + grow, y + along - 1 - grow, across - 2 * grow, 1, color)
                _fill(made, x + grow, y + grow, 1, along - 2 * grow, color)
                _fill(made, x + across - 1 - grow, y + grow, 1, along - 2 * grow, color)
        self._image.set_from_pixbuf(made)

    # --- where things lie, in pixels of the room ------------------------------------------------------------

    def _rect(self) -> tuple[float, float, float, float]:
        """The whole picture: x, y, width, height; larger than the room when zoomed."""
        picture = self._after or self._before
        assert picture is not None  # what is drawn
        width, height = self._size
        scale = min(width / picture.get_width(), height / picture.get_height()) * self._zoom
        across, along = picture.get_width() * scale, picture.get_height() * scale
        return width / 2 - across * self._middle[0], height / 2 - along * self._middle[1], across, along

    def _seen(self) -> tuple[int, int, int, int]:
        """left, top, right, bottom of what is seen of the picture."""
        x, y, across, along = self._rect()
        width, height = self._size
        return (
            max(0, round(x)), max(0, round(y)), min(width, round(x + across)), min(height, round(y + along)),
        )  # fmt: skip

    def _line(self) -> int:
        left, _top, right, _bottom = self._seen()
        return left + round((right - left) * (self._split or 0.0))

    def _framed(self) -> tuple[int, int, int, int]:
        left, top, width, height = self._frame or (0.0, 0.0, 0.0, 0.0)
        x, y, across, along = self._rect()
        return round(x + left * across), round(y + top * along), round(width * across), round(height * along)

    def _put(self, made: Any, picture: Any, left: int, right: int) -> None:
        """Draw the columns from left to right of a picture."""
        x, y, across, along = self._rect()
        _left, top, _right, bottom = self._seen()
        if right <= left or bottom <= top:
            return
        scale = across / picture.get_width(), along / picture.get_height()
        kind = GdkPixbuf.InterpType.NEAREST if min(scale) >= 4 else GdkPixbuf.InterpType.BILINEAR
        picture.scale(made, left, top, right - left, bottom - top, x, y, *scale, kind)

    # --- mouse ---------------------------------------------------------------------------------------------

    def _sized(self, _inside: Any, place: Any) -> None:
        if (place.width, place.height) != self._size:
            self._size = (place.width, place.height)
            self.draw()
            self.on_room()

    def _scroll(self, _box: Any, event: Any) -> bool:
        if self._before is None:
            return False
        smooth, _dx, dy = event.get_scroll_deltas()
        up = dy < 0 if smooth else event.direction == Gdk.ScrollDirection.UP
        x, y, across, along = self._rect()
        part = ((event.x - x) / across, (event.y - y) / along)
        before = self._zoom
        self._zoom = min(MOST_ZOOM, max(1.0, before * (1.25 if up else 0.8)))
        share = max(0.0, 1 - before / self._zoom)
        self._middle = (
            self._middle[0] + (part[0] - self._middle[0]) * share,
            self._middle[1] + (part[1] - self._middle[1]) * share,
        )
        self._keep_inside()
        self.draw()
        self.on_room()
        return True

    def _press(self, _box: Any, event: Any) -> bool:
        if event.type == Gdk.EventType.DOUBLE_BUTTON_PRESS:
            self._zoom, self._middle = 1.0, (0.5, 0.5)
            self.on_room()
        elif self._before is None:
            return False
        elif self._split is not None and abs(event.x - self._line()) <= NEAR:
            self._held = "line"
        elif self._in_frame(event.x, event.y):
            self._held = "frame"
        elif self._zoom > 1.0:
            self._held = "picture"
        else:
            self._pressed = True
        self._from = (event.x, event.y)
        self.draw()
        return False

    def _in_frame(self, x: float, y: float) -> bool:
        left, top, width, height = self._framed()
        return self._frame is not None and self._zoom == 1.0 and 0 <= x - left < width and 0 <= y - top < height

    def _move(self, _box: Any, event: Any) -> bool:
        if not self._held:
            return False
        _x, _y, across, along = self._rect()
        if self._held == "line":
            left, _top, right, _bottom = self._seen()
            self._split = min(1.0, max(0.0, (event.x - left) / max(1, right - left)))
        else:
            moved = ((event.x - self._from[0]) / across, (event.y - self._from[1]) / along)
            self._from = (event.x, event.y)
            if self._held == "picture":
                self._middle = (self._middle[0] - moved[0], self._middle[1] - moved[1])
                self._keep_inside()
            elif self._frame is not None:
                left_, top_, width, height = self._frame
                left_ = min(1 - width, max(0.0, left_ + moved[0]))
                self._frame = (left_, min(1 - height, max(0.0, top_ + moved[1])), width, height)
        self.draw()
        return True

    def _release(self, _box: Any, _event: Any) -> bool:
        held, self._held, self._pressed = self._held, "", False
        if held == "frame" and self._frame is not None:
            left, top, width, height = self._frame
            self.on_aimed(left + width / 2, top + height / 2)
        self.draw()
        return False

    def _keep_inside(self) -> None:
        half = 0.5 / self._zoom
        x, y = (min(1 - half, max(half, part)) for part in self._middle)
        self._middle = (x, y)


def _fill(made: Any, x: int, y: int, width: int, height: int, color: int) -> None:
    """Fill what of a rectangle lies within the pixbuf."""
    left, top = max(0, x), max(0, y)
    right, bottom = min(made.get_width(), x + width), min(made.get_height(), y + height)
    if right > left and bottom > top:
        made.new_subpixbuf(left, top, right - left, bottom - top).fill(color)
