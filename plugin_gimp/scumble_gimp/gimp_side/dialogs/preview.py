"""The live preview: a small picture of the layer that follows the sliders, and the original while it is pressed."""

from __future__ import annotations

import time
from typing import Any

from gi.repository import Gdk, GdkPixbuf, Gtk

from scumble_editor.areas import Area
from scumble_editor.backend import Backend, Delivery, Job
from scumble_editor.choices import StyleChoices

from .. import layers
from ..formats import SCREEN, SCREEN_GRAY
from ..session import picture_of
from ..stopwatch import note_preview
from ..targets import Target
from ..texts import _
from . import pictures
from .preview_line import PreviewLine

SIDE = 440  # pixels of the longer side


class Preview(Gtk.Box):
    """One picture with a line below it. `show` asks for a new one; the newest wish wins."""

    def __init__(self, backend: Backend, target: Target, seen: Target, *, with_effects: bool, note: str = "") -> None:
        """seen: the target with its effects. with_effects: whether it is what is shown first.

        note: said below the picture whenever there is nothing else to say.
        """
        super().__init__(orientation=Gtk.Orientation.VERTICAL, spacing=6)
        self._backend, self._plain, self._seen, self._note = backend, target, seen, note
        self._target = seen if with_effects else target
        self._form = SCREEN_GRAY if target.drawable.is_gray() else SCREEN
        self._painted: GdkPixbuf.Pixbuf | None = None
        self._wish: StyleChoices | None = None
        self._detail = False
        self._pressed = False
        self._image = Gtk.Image()
        box = Gtk.EventBox()
        box.add(self._image)
        box.set_size_request(SIDE, min(SIDE, 330))
        box.set_tooltip_text(_("Press to see the layer as it is."))
        box.add_events(Gdk.EventMask.BUTTON_PRESS_MASK | Gdk.EventMask.BUTTON_RELEASE_MASK)
        box.connect("button-press-event", self._press, True)
        box.connect("button-release-event", self._press, False)
        frame = Gtk.Frame(shadow_type=Gtk.ShadowType.IN)
        frame.add(box)
        self.pack_start(frame, True, True, 0)
        self._line = PreviewLine(backend, note)
        self._original = Gtk.CheckButton.new_with_mnemonic(_("_Original"))
        self._original.connect("toggled", lambda _button: self._draw())
        detail = Gtk.CheckButton.new_with_mnemonic(_("_Detail at 100 %"))
        detail.set_tooltip_text(_("Show the middle of the picture at its own size: brush marks as they will be."))
        detail.connect("toggled", self._set_detail)
        below = Gtk.Box(spacing=6)
        below.pack_start(self._original, False, False, 0)
        below.pack_start(detail, False, False, 0)
        below.pack_end(self._line, True, True, 0)
        self.pack_start(below, False, False, 0)
        self._take()

    def show_style(self, choices: StyleChoices, *, with_effects: bool) -> None:
        """Paint the picture with these choices. with_effects: of what is seen, not of the layer's own pixels."""
        target = self._seen if with_effects else self._plain
        if target is not self._target:
            self._target = target
            self._take()
        self._line.note = self._note if target is self._seen else _("Without the effects, which stay")
        self._paint(choices)

    def _paint(self, choices: StyleChoices) -> None:
        self._wish = choices
        self._line.painting()
        scale = self._info.width / self._area.width
        message = choices.message(self._info, "preview", picture_pixels=self._target.picture_pixels, scale=scale)
        self._backend.preview.show(message, [self._pixels], self._arrived, self._line.ended)

    def tell(self, text: str) -> None:
        """Show a line instead of the spinner."""
        self._line.tell(text)

    def _take(self) -> None:
        """Read the layer's small picture, or the middle of it at its own size."""
        target = self._target
        area = target.with_context()
        if self._detail:
            width, height = min(area.width, SIDE), min(area.height, SIDE)
            middle = target.wanted
            left = middle.x + (middle.width - width) // 2
            top = middle.y + (middle.height - height) // 2
            left = max(area.x, min(left, area.x + area.width - width))
            top = max(area.y, min(top, area.y + area.height - height))
            area = Area(left, top, width, height)
        self._area = area
        width, height, self._pixels = layers.read_small(target.source, area, SIDE, self._form)
        self._info = self._form.info(width, height)
        self._mask = layers.selection_small(target, area, width, height) if target.selected else None
        self._before = pictures.on_checks(pictures.pixbuf(self._info, self._pixels))
        self._painted = None
        self._draw()

    def _arrived(self, job: Job, delivery: Delivery) -> None:
        info, data = picture_of(delivery)
        if (info.width, info.height) != (self._info.width, self._info.height):
            return  # an answer to what was shown before "Detail" was switched
        if self._mask is None:
            self._painted = pictures.on_checks(pictures.pixbuf(info, data))
        else:
            self._painted = pictures.over(
                self._before, pictures.pixbuf(info, pictures.masked(data, info.channels, self._mask))
            )
        self._draw()
        note_preview(job, delivery, time.monotonic())

    def _draw(self) -> None:
        original = self._pressed or self._original.get_active() or self._painted is None
        self._image.set_from_pixbuf(self._before if original else self._painted)

    def _press(self, _box: Any, _event: Any, pressed: bool) -> bool:
        self._pressed = pressed
        self._draw()
        return False

    def _set_detail(self, button: Any) -> None:
        self._detail = button.get_active()
        self._take()
        if self._wish is not None:
            self._paint(self._wish)
