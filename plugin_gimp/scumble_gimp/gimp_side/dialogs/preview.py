"""The live preview: a small picture of the layer that follows the sliders and what is painted on the layer."""

from __future__ import annotations

import time
from typing import Any

from gi.repository import GdkPixbuf, GLib, Gtk

from scumble_editor.areas import Area
from scumble_editor.backend import Backend, Delivery, Job
from scumble_editor.choices import StyleChoices
from scumble_editor.shelf import Sample
from scumble_wire.errors import ScumbleError
from scumble_wire.messages import ImageInfo

from .. import layers, targets
from ..formats import SCREEN, SCREEN_GRAY
from ..seen import Seen
from ..session import picture_of
from ..stopwatch import note_preview, note_seen
from ..targets import Target
from ..texts import _
from . import pictures
from .preview_line import PreviewLine
from .view import View

SIDE = 440  # pixels of the longer side, at first and of a detail
FINE_SIDE = 1024  # pixels: the most that is painted where there is more room
CALM_MS = 300  # so long nothing is chosen before a finer picture is asked for
FINER = 1.25  # by so much a finer picture has to be larger to be worth it
FOLLOW_MS, FOLLOWED = 700, 64  # how often is looked whether the layer was painted on, and at how many pixels a side
FOLLOW_SHARE = 0.1  # of the time may go into looking: a small copy is made from all of a layer
CHOOSING_S = 1.0  # so long after a choice nobody paints, and a look would only hold up the slider
FOLLOWED_IMAGE = 256  # the same for an image, of which GIMP keeps small copies
TILE_SIDE = 128  # of the small paintings on tiles


class Preview(Gtk.Box):
    """One picture with a line below it. `show` asks for a new one; the newest wish wins."""

    def __init__(self, backend: Backend, target: Target, seen: Seen, source: str, *, note: str = "") -> None:
        """seen: what can be painted of the target. source: what is shown first: a word for it, or empty for the
        target's own pixels.

        note: said below the picture whenever there is nothing else to say.
        """
        super().__init__(orientation=Gtk.Orientation.VERTICAL, spacing=6)
        self._backend, self._plain, self._seen, self._note = backend, target, seen, note
        self._source = source
        self._form = SCREEN_GRAY if target.drawable.is_gray() else SCREEN
        self._painted: GdkPixbuf.Pixbuf | None = None
        self._came: tuple[ImageInfo, Any] | None = None  # the painted picture as the backend sent it
        self._wish: StyleChoices | None = None
        self._wished_at = 0.0
        self._places: list[str] = []  # those whose masks go with the picture
        self._detail = False
        self._at = (0.5, 0.5)  # the middle of the detail, as parts of the whole
        self._side = SIDE
        self._seen_before: tuple[str, Any] | None = None  # what was painted on, and what it looked like
        self._view = View(SIDE, min(SIDE, 330))
        self._view.set_tooltip_text(
            _("Press to see the layer as it is. Turn the wheel to zoom, drag to move, click twice to see all of it.")
        )
        self._view.on_aimed = self._aim
        self._view.on_room = self._wish_finer
        frame = Gtk.Frame(shadow_type=Gtk.ShadowType.IN)
        frame.add(self._view)
        self.pack_start(frame, True, True, 0)
        self._line = PreviewLine(backend, note)
        self._original = Gtk.CheckButton.new_with_mnemonic(_("Origi_nal"))
        self._original.connect("toggled", lambda button: self._view.show_plain(button.get_active()))
        compare = Gtk.ToggleButton(label="◧", tooltip_text=_("Compare with the layer as it is: drag the line."))
        compare.connect("toggled", lambda button: self._view.split(button.get_active()))
        detail = Gtk.CheckButton.new_with_mnemonic(_("_Detail at 100 %"))
        detail.set_tooltip_text(_("Show the middle of the picture at its own size: brush marks as they will be."))
        detail.connect("toggled", self._set_detail)
        below = Gtk.Box(spacing=6)
        below.pack_start(self._original, False, False, 0)
        below.pack_start(detail, False, False, 0)
        below.pack_start(compare, False, False, 0)
        below.pack_end(self._line, True, True, 0)
        self.pack_start(below, False, False, 0)
        self._finer = 0  # GLib's number of the timer that asks for a finer picture
        self._look_later(0.0)
        self.connect("destroy", lambda _box: self._stop_timers())
        self._take()

    @property
    def _target(self) -> Target:
        return self._seen.of(self._source) if self._source else self._plain

    def show_style(self, choices: StyleChoices, source: str) -> None:
        """Paint the picture with these choices. source: as `__init__` has it."""
        places = choices.mask_places
        coarse = self._side > SIDE and not self._detail and choices != self._wish
        if coarse:
            self._side = SIDE
            self._backend.preview.drop()  # a finer picture of what is no longer chosen must not hold up this one
        if source != self._source or places != self._places:
            self._source, self._places = source, places
            self._take()
        elif coarse:
            self._take(keep=True)
        without = not source and self._plain.effects
        self._line.note = _("Without the effects, which stay") if without else self._note
        self._paint(choices)

    def _paint(self, choices: StyleChoices) -> None:
        self._wish, self._wished_at = choices, time.monotonic()
        if self._trouble is not None:
            self._backend.preview.drop()
            self._line.tell(str(self._trouble))
            return
        self._line.painting()
        scale = self._info.width / self._area.width
        message = choices.message(self._info, "preview", picture_pixels=self._target.picture_pixels, scale=scale)
        self._backend.preview.show(message, [self._pixels, *self._place_masks], self._arrived, self._ended)

    def shown(self) -> tuple[ImageInfo, Any] | None:
        """The painted picture as it came; None while there is none."""
        return self._came

    def sample(self) -> Sample:
        """The picture as it is, for small paintings of it."""
        area = self._target.with_context()
        width, height, pixels = layers.read_small(self._target.source, area, TILE_SIDE, self._form)
        info = self._form.info(width, height)
        return Sample(info, pixels, self._target.picture_pixels, width / area.width)

    def tell(self, text: str) -> None:
        """Show a line instead of the spinner."""
        self._line.tell(text)

    def _take(self, *, keep: bool = False) -> None:
        """Read the layer's small picture, or a part of it at its own size."""
        target = targets.whole(self._target) if "selection" in self._places else self._target
        area = target.with_context()
        self._whole = area
        if self._detail:
            width, height = min(area.width, SIDE), min(area.height, SIDE)
            left = area.x + round(self._at[0] * area.width) - width // 2
            top = area.y + round(self._at[1] * area.height) - height // 2
            left = max(area.x, min(left, area.x + area.width - width))
            top = max(area.y, min(top, area.y + area.height - height))
            area = Area(left, top, width, height)
        self._area = area
        width, height, self._pixels = layers.read_small(target.source, area, self._side, self._form)
        self._info = self._form.info(width, height)
        note_seen(corner=list(self._pixels[:3]))
        self._place_masks: list[bytes] = []
        self._trouble: ScumbleError | None = None
        try:
            self._place_masks = [layers.place_mask(target, area, place, width, height) for place in self._places]
        except ScumbleError as error:
            self._trouble = error
        self._mask = layers.selection_small(target, area, width, height) if target.selected else None
        self._before = pictures.on_checks(pictures.pixbuf(self._info, self._pixels))
        if not keep:
            self._painted = self._came = None
        self._draw()

    def _arrived(self, job: Job, delivery: Delivery) -> None:
        info, data = picture_of(delivery)
        if (info.width, info.height) != (self._info.width, self._info.height):
            return  # an answer to what was shown before "Detail" was switched
        self._came = (info, data)
        if self._mask is None:
            self._painted = pictures.on_checks(pictures.pixbuf(info, data))
        else:
            self._painted = pictures.over(
                self._before, pictures.pixbuf(info, pictures.masked(data, info.channels, self._mask))
            )
        self._draw()
        note_preview(job, delivery, time.monotonic())

    def _ended(self, job: Job) -> None:
        self._line.ended(job)
        if job.problem is None and not self._backend.preview.busy:
            self._stop_finer()
            self._finer = GLib.timeout_add(CALM_MS, self._calm)

    def _calm(self) -> bool:
        self._finer = 0
        if not self._backend.preview.busy:  # else nothing is calm, and what is under way comes back here
            self._wish_finer()
        return False  # a timer of GLib: not again

    def _stop_finer(self) -> None:
        if self._finer:
            GLib.source_remove(self._finer)
            self._finer = 0

    def _stop_timers(self) -> None:
        GLib.source_remove(self._follower)
        self._stop_finer()

    def _draw(self) -> None:
        frame = None
        if not self._detail:
            width, height = min(1.0, SIDE / self._whole.width), min(1.0, SIDE / self._whole.height)
            left = min(1 - width, max(0.0, self._at[0] - width / 2))
            top = min(1 - height, max(0.0, self._at[1] - height / 2))
            frame = None if width == height == 1.0 else (left, top, width, height)
        self._view.show_pair(self._before, self._painted, frame)

    def _aim(self, x: float, y: float) -> None:
        self._at = (x, y)

    def _wish_finer(self) -> None:
        """A picture that fills the room, once what is shown is there, where the layer has more to show."""
        room = min(FINE_SIDE, max(SIDE, round(self._view.room)), max(self._area.width, self._area.height))
        if self._wish is not None and not self._detail and room > FINER * self._side:
            self._side = room
            self._again(keep=True)

    def _again(self, *, keep: bool) -> None:
        """keep: show what is painted already until the new picture is there."""
        self._take(keep=keep)
        if self._wish is not None:
            self._paint(self._wish)

    def _look_later(self, took_s: float) -> None:
        """took_s: how long the last look took. What arrives from the backend comes before the next."""
        pause_ms = max(FOLLOW_MS, round(1000 * took_s / FOLLOW_SHARE))
        self._follower = GLib.timeout_add(pause_ms, self._follow, priority=GLib.PRIORITY_LOW)

    def _follow(self) -> bool:
        began = time.monotonic()
        self._look()
        self._look_later(time.monotonic() - began)
        return False  # a timer of GLib: the next look has its own

    def _look(self) -> None:
        """Paint again if what is shown was painted on."""
        target = self._target
        if not target.drawable.is_valid() or self._backend.preview.busy:
            return
        if time.monotonic() - self._wished_at < CHOOSING_S:
            return
        drawn = target.source != target.drawable
        if drawn:  # a copy, drawn again if the image has another look
            now: Any = layers.image_small(target.image, FOLLOWED_IMAGE)
        else:
            now = layers.read_small(target.source, target.bounds, FOLLOWED, self._form)[2]
        before, self._seen_before = self._seen_before, (self._source, now)
        if before is not None and before[0] == self._source and before[1] != now:
            if drawn:
                self._seen.close()
            self._again(keep=True)

    def _set_detail(self, button: Any) -> None:
        self._detail = button.get_active()
        self._side = SIDE
        self._again(keep=False)
