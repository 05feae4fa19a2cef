"""The dialog of Filters > Scumble > Stylize."""

from __future__ import annotations

from typing import Any

from gi.repository import GObject, Gtk

from scumble_editor.choices import StyleChoices

from .. import arguments
from ..seen import as_seen
from ..session import Session
from ..targets import Target
from ..texts import _
from . import asking
from .preview import Preview
from .style_grid import StyleGrid
from .troubles import TroubleBar


def ask(procedure: Any, config: Any, session: Session, aims: list[Target]) -> bool:
    """Show the dialog; True when the layers are to be painted with what `config` holds now."""
    dialog = asking.dialog_of(procedure, config, _("Stylize"), _("_Paint"))
    with as_seen(aims[:1]) as (seen,):
        return asking.run(dialog, session, lambda dialog: StylizeDialog(dialog, config, session, aims, seen))


class StylizeDialog:
    """Fills GIMP's procedure dialog: preview on the left, styles and sliders on the right."""

    def __init__(self, dialog: Any, config: Any, session: Session, aims: list[Target], seen: Target) -> None:
        """seen: the first of the targets as it is seen, with its effects."""
        self._dialog, self._config, self._backend = dialog, config, session.backend
        note = _("The first of {n} layers", n=len(aims)) if len(aims) > 1 else ""
        self._preview = Preview(session.backend, aims[0], seen, with_effects=self._with_effects(), note=note)
        self._grid = StyleGrid(session.backend)
        self._grid.set_size_request(350, -1)
        self._grid.connect("chosen", lambda _grid, pack: config.set_property("style", pack))
        self._second = Gtk.ComboBoxText()
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
            session.backend.subscribe("thumbnails", self._grid.fill_pictures),
            session.backend.subscribe("problem", self._trouble),
        ]
        self._follower = asking.Follower(config, self._show)
        dialog.set_response_sensitive(Gtk.ResponseType.OK, False)
        self._preview.tell(_("Looking for the styles…"))
        session.backend.refresh_packs()

    def close(self) -> None:
        """Stop following; the widgets go with the dialog."""
        self._follower.close()
        for end in self._ends:
            end()

    def _sliders(self) -> list[Any]:
        dialog = self._dialog
        strength = dialog.get_spin_scale("strength", 100.0)
        self._boldness = dialog.get_spin_scale("boldness", 100.0)
        stroke = dialog.get_spin_scale("stroke-scale", 1.0)
        stroke.set_gamma(2.0)  # half of the way is 1
        mix = dialog.get_spin_scale("mix", 100.0)
        keep = dialog.get_widget("keep-colors", GObject.TYPE_NONE)
        result = dialog.get_widget("result", GObject.TYPE_NONE)
        second = Gtk.Box(spacing=6)
        label = Gtk.Label.new_with_mnemonic(_("Mix _with"))
        label.set_mnemonic_widget(self._second)
        second.pack_start(label, False, False, 0)
        second.pack_start(self._second, True, True, 0)
        self._mix = mix
        self._second.connect("changed", self._second_chosen)
        expander = Gtk.Expander.new_with_mnemonic(_("_More"))
        inside = Gtk.Box(orientation=Gtk.Orientation.VERTICAL, spacing=6, margin_top=6)
        absolute = dialog.get_widget("absolute-strokes", GObject.TYPE_NONE)
        for widget in (second, mix, absolute, dialog.get_widget("seed", GObject.TYPE_NONE)):
            inside.pack_start(widget, False, False, 0)
        expander.add(inside)
        expander.set_expanded(bool(self._config.get_property("second-style")))
        return [strength, self._boldness, stroke, keep, result, expander]

    def _packs_came(self) -> None:
        styles = self._backend.styles()
        self._grid.fill()
        self._second.handler_block_by_func(self._second_chosen)
        self._second.remove_all()
        self._second.append("", _("None"))
        for pack in styles:
            self._second.append(pack.id, pack.title)
        self._second.handler_unblock_by_func(self._second_chosen)
        wanted = self._config.get_property("style")
        if styles and self._backend.pack(wanted or "") is None:
            self._config.set_property("style", styles[0].id)
        self._follower.wish()

    def _second_chosen(self, combo: Any) -> None:
        """A person chose; when `_show` follows the config, nothing is new."""
        if (combo.get_active_id() or "") == (self._config.get_property("second-style") or ""):
            return
        self._config.set_property("second-style", combo.get_active_id() or "")
        if combo.get_active_id() and self._config.get_property("mix") == 0:
            self._config.set_property("mix", 0.5)

    def _show(self) -> None:
        style, second = self._config.get_property("style") or "", self._config.get_property("second-style") or ""
        known = self._backend.pack(style) is not None
        self._dialog.set_response_sensitive(Gtk.ResponseType.OK, known)
        if self._backend.packs_known:
            self._grid.choose(style)
            self._second.set_active_id(second)
        self._mix.set_sensitive(bool(second))
        if known:
            choices = arguments.read(self._config, StyleChoices)
            self._boldness.set_visible(self._backend.has_boldness(choices))
            self._preview.show_style(choices, with_effects=self._with_effects())
        elif self._backend.packs_known:
            self._preview.tell("")

    def _with_effects(self) -> bool:
        """Whether what is seen is painted; in place, effects stay above the pixels that are."""
        return bool(self._config.get_property("result") != "in-place")

    def _trouble(self) -> None:
        if self._backend.problem is not None:
            self._preview.tell("")
