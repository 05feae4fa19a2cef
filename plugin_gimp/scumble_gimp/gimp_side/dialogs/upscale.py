"""The dialog of Filters > Scumble > Upscale."""

from __future__ import annotations

import time
from typing import Any

from gi.repository import GdkPixbuf, GObject, Gtk

from scumble_editor.areas import Area
from scumble_editor.backend import Delivery, Job
from scumble_editor.choices import UpscaleChoices, option
from scumble_editor.sizes import UNITS, Wish, how_text, shown, size_text

from .. import arguments, layers
from ..formats import SCREEN, SCREEN_GRAY
from ..seen import as_seen
from ..session import Session, picture_of
from ..stopwatch import note_preview
from ..targets import Target
from ..texts import _
from . import asking, pictures
from .preview_line import PreviewLine
from .troubles import TroubleBar

SIDE = 400  # pixels of the enlarged detail
MAP_SIDE = 160  # pixels of the small picture that the detail is chosen in


def ask(procedure: Any, config: Any, session: Session, aims: list[Target]) -> bool:
    """Show the dialog; True when the layers are to be enlarged with what `config` holds now."""
    dialog = asking.dialog_of(procedure, config, _("Upscale"), _("_Enlarge"))
    with as_seen(aims[:1]) as (seen,):
        return asking.run(dialog, session, lambda dialog: UpscaleDialog(dialog, config, session, aims[0], seen))


class UpscaleDialog:
    """On the left a detail, enlarged; on the right where it lies, the factor and the network."""

    def __init__(self, dialog: Any, config: Any, session: Session, aim: Target, seen: Target) -> None:
        """seen: the target as it is seen, with its effects."""
        self._dialog, self._config, self._backend = dialog, config, session.backend
        self._plain, self._seen = aim, seen
        self._form = SCREEN_GRAY if aim.drawable.is_gray() else SCREEN
        self._painted: GdkPixbuf.Pixbuf | None = None
        whole = seen.on_canvas
        self._middle = (whole.x + whole.width // 2, whole.y + whole.height // 2)  # of the detail, in the image
        self._picture = Gtk.Image()
        self._picture.set_size_request(SIDE, SIDE)
        self._original = Gtk.CheckButton.new_with_mnemonic(_("_Without the network"))
        self._original.set_tooltip_text(_("Compare with plain enlarging."))
        self._original.connect("toggled", lambda _button: self._draw())
        self._line = PreviewLine(session.backend)
        self._size = Gtk.Label(xalign=0, yalign=0, wrap=True, width_chars=36, max_width_chars=36, lines=4)
        self._wished = Gtk.SpinButton.new_with_range(0.1, 200_000, 1)
        self._wished.set_tooltip_text(_("How large the result is to be."))
        self._wished.connect("value-changed", self._size_wished)
        self._unit = Gtk.ComboBoxText()
        for word, label in UNITS.items():
            self._unit.append(word, _(label))
        self._unit.set_active_id("width")
        self._unit.connect("changed", lambda _combo: self._show_size())
        self._following = False  # the size follows the factor; nobody wishes for it
        self._models = Gtk.ComboBoxText()
        self._models.connect("changed", self._model_chosen)
        halves = Gtk.Box(spacing=12, border_width=12)
        halves.pack_start(self._left(), True, True, 0)
        halves.pack_start(self._right(), False, False, 0)
        area = dialog.get_content_area()
        area.pack_start(TroubleBar(session.backend, session.backend.refresh_packs), False, False, 0)
        area.pack_start(halves, True, True, 0)
        halves.show_all()
        self._ends = [session.backend.subscribe("packs", self._packs_came)]
        self._follower = asking.Follower(config, self._show)
        self._show()
        session.backend.refresh_packs()

    def close(self) -> None:
        """Stop following; the widgets go with the dialog."""
        self._follower.close()
        for end in self._ends:
            end()

    def _left(self) -> Any:
        frame = Gtk.Frame(shadow_type=Gtk.ShadowType.IN)
        frame.add(self._picture)
        below = Gtk.Box(spacing=6)
        below.pack_start(self._original, False, False, 0)
        below.pack_end(self._line, True, True, 0)
        left = Gtk.Box(orientation=Gtk.Orientation.VERTICAL, spacing=6)
        left.pack_start(frame, True, True, 0)
        left.pack_start(below, False, False, 0)
        return left

    def _right(self) -> Any:
        area = self._seen.wanted
        width, height, pixels = layers.read_small(self._seen.source, area, MAP_SIDE, self._form)
        picture = Gtk.Image.new_from_pixbuf(
            pictures.on_checks(pictures.pixbuf(self._form.info(width, height), pixels))
        )
        self._map = Gtk.EventBox(halign=Gtk.Align.START, tooltip_text=_("Click where to look."))
        self._map.add(picture)
        self._map.connect("button-press-event", self._look_there, area.width / width)
        factor = self._dialog.get_spin_scale("factor", 1.0)
        factor.set_scale_limits(1.0, 8.0)
        model = Gtk.Box(spacing=6)
        label = Gtk.Label.new_with_mnemonic(_("_Network"))
        label.set_mnemonic_widget(self._models)
        model.pack_start(label, False, False, 0)
        model.pack_start(self._models, True, True, 0)
        right = Gtk.Box(orientation=Gtk.Orientation.VERTICAL, spacing=6)
        result = self._dialog.get_widget("result", GObject.TYPE_NONE)
        wished = Gtk.Box(spacing=6)
        wished.pack_start(self._wished, False, False, 0)
        wished.pack_start(self._unit, True, True, 0)
        mixed = [self._dialog.get_spin_scale(name, 1.0) for name in ("vivid", "grain")]
        best = self._dialog.get_widget("best", GObject.TYPE_NONE)
        for widget in (self._map, model, *mixed, best, factor, wished, self._size, result):
            right.pack_start(widget, False, False, 0)
        return right

    def _look_there(self, _box: Any, event: Any, scale: float) -> bool:
        whole = self._seen.on_canvas
        self._middle = (whole.x + round(event.x * scale), whole.y + round(event.y * scale))
        self._follower.wish()
        return True

    def _packs_came(self) -> None:
        self._models.handler_block_by_func(self._model_chosen)
        self._models.remove_all()
        for pack in self._backend.upscalers():
            self._models.append(pack.id, pack.title)
        self._models.append(arguments.BICUBIC, _("Bicubic (no network)"))
        self._models.handler_unblock_by_func(self._model_chosen)
        known = [pack.id for pack in self._backend.upscalers()] + [arguments.BICUBIC]
        if self._config.get_property("model") not in known:
            self._config.set_property("model", known[0])
        self._follower.wish()

    def _model_chosen(self, combo: Any) -> None:
        """A person chose; when `_show` follows the config, nothing is new."""
        if combo.get_active_id() not in (None, self._config.get_property("model")):
            self._config.set_property("model", combo.get_active_id())

    def _show(self) -> None:
        choices = arguments.read(self._config, UpscaleChoices)
        aim = self._plain if self._config.get_property("result") == "whole-image" else self._seen
        self._show_size()
        self._models.set_active_id(choices.model)
        self._dialog.set_response_sensitive(Gtk.ResponseType.OK, self._backend.packs_known)
        area = self._detail(aim, choices.factor)
        _width, _height, pixels = layers.read_small(aim.source, area, SIDE, self._form)
        info = self._form.info(area.width, area.height)
        plain = pictures.on_checks(pictures.pixbuf(info, pixels))
        self._before = plain.scale_simple(
            round(area.width * choices.factor), round(area.height * choices.factor), GdkPixbuf.InterpType.BILINEAR
        )
        self._painted = None
        self._draw()
        self._line.note = "" if aim is self._seen else _("Without the effects, which stay")
        if self._backend.packs_known:
            self._line.painting()
            self._backend.preview.show(choices.message(info, "preview"), [pixels], self._arrived, self._line.ended)

    def _wanted(self) -> tuple[int, int]:
        """Width and height of what is enlarged."""
        if self._config.get_property("result") == "whole-image":
            image = self._plain.image
            return int(image.get_width()), int(image.get_height())
        return self._seen.wanted.width, self._seen.wanted.height

    def _show_size(self) -> None:
        """What the factor comes to."""
        factor, unit = self._config.get_property("factor"), self._unit.get_active_id()
        how = how_text(self._config.get_property("model"), factor, self._backend.upscalers())
        self._size.set_text("\n".join(filter(None, (size_text(*self._wanted(), factor), how))))
        self._following = True
        self._wished.set_digits(1 if unit.startswith("print") else 0)
        self._wished.set_value(shown(factor, unit, *self._wanted()))
        self._following = False

    def _size_wished(self, spin: Any) -> None:
        if self._following:
            return
        limits = option(UpscaleChoices, "factor")
        factor = Wish(spin.get_value(), self._unit.get_active_id()).factor(*self._wanted())
        self._config.set_property("factor", min(limits.high, max(limits.low, factor)))

    def _detail(self, aim: Target, factor: float) -> Area:
        """The part of the target's source that, enlarged, fills the picture."""
        wanted, side = aim.wanted, max(8, round(SIDE / factor))
        width, height = min(side, wanted.width), min(side, wanted.height)
        x, y = self._middle[0] - aim.place[0], self._middle[1] - aim.place[1]
        left = min(max(x - width // 2, wanted.x), wanted.x + wanted.width - width)
        top = min(max(y - height // 2, wanted.y), wanted.y + wanted.height - height)
        return Area(left, top, width, height)

    def _arrived(self, job: Job, delivery: Delivery) -> None:
        self._painted = pictures.on_checks(pictures.pixbuf(*picture_of(delivery)))
        self._draw()
        note_preview(job, delivery, time.monotonic())

    def _draw(self) -> None:
        plain = self._original.get_active() or self._painted is None
        self._picture.set_from_pixbuf(self._before if plain else self._painted)
