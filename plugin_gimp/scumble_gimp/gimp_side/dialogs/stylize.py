"""The dialog of Filters > Scumble > Stylize."""

from __future__ import annotations

import random
from typing import Any

from gi.repository import GObject, Gtk

from scumble_editor.choices import StyleChoices, colors_told
from scumble_editor.kept import KeptFile
from scumble_editor.shelf import Shelf
from scumble_editor.words import about
from scumble_wire.errors import ScumbleError

from .. import arguments, layers
from ..layer_jobs import Work
from ..records import kept_file
from ..seen import Seen
from ..session import Session
from ..targets import Target
from ..texts import _
from . import asking
from .mix_rows import MixRows
from .presets import Presets
from .preview import Preview
from .style_grid import StyleGrid
from .troubles import TroubleBar


def ask(procedure: Any, config: Any, session: Session, aims: list[Target], paint: Work, replaces: Any = None) -> bool:
    """Show the dialog; True when the layers are to be painted with what `config` holds now.

    paint: what "Apply" does, with the dialog open. replaces: a layer that is not in what is shown.
    """
    dialog = asking.dialog_of(procedure, config, _("Stylize"), _("_Paint"))
    seen = Seen(aims[0], replaces)
    try:
        return asking.run(dialog, session, lambda dialog: StylizeDialog(dialog, config, session, aims, seen, paint))
    finally:
        seen.close()


class StylizeDialog:
    """Fills GIMP's procedure dialog: preview on the left, styles and sliders on the right."""

    def __init__(
        self, dialog: Any, config: Any, session: Session, aims: list[Target], seen: Seen, paint: Work
    ) -> None:
        """seen: of the first of the targets. paint: for "Apply"."""
        self._session, self._aims, self._work = session, aims, paint
        self._dialog, self._config, self._backend = dialog, config, session.backend
        note = _("The first of {n} layers", n=len(aims)) if len(aims) > 1 else ""
        self._preview = Preview(session.backend, aims[0], seen, self._shown_source(), note=note)
        self._shelf = Shelf(session.backend, KeptFile(kept_file()), about)
        self._grid = StyleGrid(session.backend, self._shelf, self._show_view)
        self._grid.set_size_request(350, -1)
        image = aims[0].image
        self._mix = MixRows(session.backend, layers.mask_names(image), layers.layer_names(image), self._mix_changed)
        self._grid.connect("chosen", lambda _grid, key: self._tile_chosen(key))
        self._presets = Presets(dialog, self._shelf, self._choices, self._preview.shown, self._mix.pack_marked)
        right = Gtk.Box(orientation=Gtk.Orientation.VERTICAL, spacing=6)
        right.pack_start(self._grid, True, True, 0)
        for widget in self._sliders():
            right.pack_start(widget, False, False, 0)
        halves = Gtk.Box(spacing=12, border_width=12)
        halves.pack_start(self._preview, True, True, 0)
        halves.pack_start(right, True, True, 0)
        area = dialog.get_content_area()
        area.pack_start(TroubleBar(session.backend, session.backend.refresh_packs), False, False, 0)
        area.pack_start(halves, True, True, 0)
        halves.show_all()
        self._ends = [
            session.backend.subscribe("packs", self._packs_came),
            session.backend.subscribe("problem", self._trouble),
        ]
        self._follower = asking.Follower(config, self._show)
        dialog.set_response_sensitive(Gtk.ResponseType.OK, False)
        self._preview.tell(_("Looking for the styles…"))
        session.backend.refresh_packs()

    def close(self) -> None:
        """Stop following; the widgets go with the dialog."""
        self._follower.close()
        self._shelf.drop()
        for end in self._ends:
            end()

    def _sliders(self) -> list[Any]:
        dialog = self._dialog
        strength = dialog.get_spin_scale("strength", 100.0)
        self._boldness = dialog.get_spin_scale("boldness", 100.0)
        stroke = dialog.get_spin_scale("stroke-scale", 1.0)
        stroke.set_gamma(2.0)  # half of the way is 1
        colors = dialog.get_widget("colors", GObject.TYPE_NONE)
        source = dialog.get_widget("source", GObject.TYPE_NONE)
        self._colors_told = Gtk.Label(xalign=0, wrap=True, max_width_chars=40)
        self._colors_told.get_style_context().add_class("dim-label")
        self._result = dialog.get_widget("result", GObject.TYPE_NONE)
        expander = Gtk.Expander.new_with_mnemonic(_("_More"))
        inside = Gtk.Box(orientation=Gtk.Orientation.VERTICAL, spacing=6, margin_top=6)
        absolute = dialog.get_widget("absolute-strokes", GObject.TYPE_NONE)
        dice = Gtk.Button(label="⚄", tooltip_text=_("Another seed: the same style with other grain."))
        dice.connect("clicked", lambda _button: self._config.set_property("seed", random.randrange(1 << 16)))
        seed = Gtk.Box(spacing=6)
        seed.pack_start(dialog.get_widget("seed", GObject.TYPE_NONE), True, True, 0)
        seed.pack_start(dice, False, False, 0)
        for widget in (absolute, seed):
            inside.pack_start(widget, False, False, 0)
        expander.add(inside)
        return [
            self._mix, strength, self._boldness, stroke, colors, self._colors_told, source, self._result,
            self._below(), expander,
        ]  # fmt: skip

    def _below(self) -> Any:
        """The presets' menu, and painting with the dialog open."""
        self._apply = Gtk.Button.new_with_mnemonic(_("_Apply"))
        self._apply.set_tooltip_text(_("Paint now and go on choosing; each time is an undo step of its own."))
        self._apply.connect("clicked", self._paint_now)
        row = Gtk.Box(spacing=6)
        row.pack_start(self._presets, False, False, 0)
        row.pack_end(self._apply, False, False, 0)
        return row

    def _paint_now(self, _button: Any) -> None:
        Gtk.Widget.set_sensitive(self._dialog, False)  # GIMP's dialog has another method of this name
        try:
            self._work(self._session, self._aims[0].image, self._aims, self._config)
        except (ScumbleError, ValueError) as error:
            self._backend.report(error)
        finally:
            Gtk.Widget.set_sensitive(self._dialog, True)
        self._follower.wish()

    def _packs_came(self) -> None:
        styles = self._backend.styles()
        names = {pack.id for pack in styles}
        given = self._choices()
        left = given.without_packs(lambda pack: pack not in names)
        if styles and not left.style:
            left = left.with_another(styles[0].id)
        if left != given:
            self._config.set_property("style", left.style)
        self._follower.wish()

    def _choices(self) -> StyleChoices:
        """What the config holds; a mix that can't be read, from a script's last values, counts as none."""
        try:
            return arguments.read(self._config, StyleChoices)
        except ValueError:
            self._config.set_property("style", "")
            return arguments.read(self._config, StyleChoices)

    def _show_view(self, view: str) -> None:
        """A person wants to see other pictures to click on."""
        self._shelf.show(view, self._choices())
        if self._shelf.wants_sample:
            self._shelf.paint(self._preview.sample())

    def _tile_chosen(self, key: str) -> None:
        try:
            choices = self._shelf.chosen(key)
        except ScumbleError as error:
            self._backend.report(error)
            return
        if choices is None:
            self._mix.choose_pack(key)
        else:
            self._mix.marked = 0
            arguments.write(self._config, choices)

    def _marked(self, choices: StyleChoices) -> str:
        """The tile that shows what is chosen."""
        if self._shelf.view in ("presets", "history", "surprise"):
            return next((tile.key for tile in self._shelf.tiles() if tile.choices == choices), "")
        return self._mix.pack_marked()

    def _mix_changed(self, choices: StyleChoices) -> None:
        """A person changed the mix."""
        self._config.set_property("style", choices.style)
        self._grid.choose(self._marked(choices))

    def _show(self) -> None:
        choices = self._choices()
        self._colors_told.set_text(colors_told(choices.colors))
        together = choices.source != "layer"
        self._result.set_sensitive(not together)
        if together and self._config.get_property("result") == "in-place":
            self._config.set_property("result", "new-layer")  # no layer is what several show together
        known = bool(choices.style) and all(self._backend.pack(name) is not None for name in choices.packs)
        self._dialog.set_response_sensitive(Gtk.ResponseType.OK, known)
        self._apply.set_sensitive(known)
        if self._backend.packs_known:
            self._mix.show_choices(choices)
            self._grid.choose(self._marked(choices))
        if known:
            self._boldness.set_visible(self._backend.has_boldness(choices))
            self._preview.show_style(choices, self._shown_source())
        elif self._backend.packs_known:
            self._preview.tell("")

    def _shown_source(self) -> str:
        """What is painted, as `StyleChoices.source`; empty: the layer's own pixels, in place under its effects."""
        source, result = self._config.get_property("source"), self._config.get_property("result")
        return "" if source == "layer" and result == "in-place" else str(source)

    def _trouble(self) -> None:
        if self._backend.problem is not None:
            self._preview.tell("")
