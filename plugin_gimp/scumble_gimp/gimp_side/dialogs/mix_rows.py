"""The styles of a mix, one row each: which it is, how much it counts, where."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from gi.repository import Gtk, Pango

from scumble_editor.backend import Backend
from scumble_editor.choices import StyleChoices, place_words
from scumble_wire.mix import MOST_STYLES, Part

from ..texts import _


class MixRows(Gtk.Box):
    """Rows for up to four styles, and a button that mixes in one more."""

    def __init__(
        self, backend: Backend, masks: list[str], layers: list[str], changed: Callable[[StyleChoices], None]
    ) -> None:
        """masks, layers: names of what styles can be bound to. changed: told of another mix that a person chose."""
        super().__init__(orientation=Gtk.Orientation.VERTICAL, spacing=3)
        self._backend, self._masks, self._layers, self._changed = backend, masks, layers, changed
        self._choices = StyleChoices()
        self.marked = 0  # the style that a click on a picture changes
        self._rows: list[_Row] = []
        self._note = Gtk.Label(
            label=_("On different networks: mixed as pictures, not as one manner."),
            xalign=0, wrap=True, max_width_chars=40, no_show_all=True,
        )  # fmt: skip
        self._add = Gtk.Button.new_with_mnemonic(_("Mix in a st_yle"))
        self._add.set_tooltip_text(_("Up to four styles become one manner; each can have a place of its own."))
        self._add.connect("clicked", self._mix_in)
        self.pack_end(self._add, False, False, 0)
        self.pack_end(self._note, False, False, 0)

    def show_choices(self, choices: StyleChoices) -> None:
        self._choices = choices
        parts = choices.parts
        self.marked = min(self.marked, max(0, len(parts) - 1))
        while len(self._rows) > len(parts):
            self._rows.pop().destroy()
        while len(self._rows) < len(parts):
            row = _Row(self, len(self._rows))
            self._rows.append(row)
            self.pack_start(row, False, False, 0)
            row.show_all()
        titles = self._backend.titles
        for number, (row, part) in enumerate(zip(self._rows, parts, strict=True)):
            row.show_part(part, titles.get(part.pack, part.pack), marked=number == self.marked)
            row.set_visible(len(parts) > 1)
        self._note.set_visible(self._backend.mixed_as_pictures(choices))
        self._add.set_sensitive(0 < len(parts) < MOST_STYLES and bool(self._backend.another_style(choices)))

    def choose_pack(self, pack: str) -> None:
        """A picture was clicked: the marked style becomes this one."""
        choices = self._choices
        self._tell(choices.with_part(self.marked, pack=pack) if choices.parts else choices.with_another(pack))

    def pack_marked(self) -> str:
        parts = self._choices.parts
        return parts[self.marked].pack if parts else ""

    def places(self, chosen: str) -> list[tuple[str, str]]:
        return place_words(self._masks, chosen, self._layers)

    def mark(self, number: int) -> None:
        self.marked = number
        self._tell(self._choices)

    def change(self, number: int, **changes: Any) -> None:
        self._tell(self._choices.with_part(number, **changes))

    def take_out(self, number: int) -> None:
        self.marked = max(0, min(self.marked, len(self._rows) - 2))
        self._tell(self._choices.without_part(number))

    def _mix_in(self, _button: Any) -> None:
        pack = self._backend.another_style(self._choices)
        if pack:
            self.marked = len(self._choices.parts)
            self._tell(self._choices.with_another(pack))

    def _tell(self, choices: StyleChoices) -> None:
        self._changed(choices)
        self.show_choices(choices)


class _Row(Gtk.Box):
    def __init__(self, rows: MixRows, number: int) -> None:
        super().__init__(spacing=3)
        self._rows, self._number, self._showing = rows, number, False
        self._shown: list[tuple[str, str]] = []
        self._label = Gtk.Label(ellipsize=Pango.EllipsizeMode.END, max_width_chars=18, width_chars=14, xalign=0)
        self._name = Gtk.ToggleButton()
        self._name.add(self._label)
        self._name.connect("clicked", lambda _button: self._tell(lambda: rows.mark(number)))
        self._weight = Gtk.Scale.new_with_range(Gtk.Orientation.HORIZONTAL, 1, 100, 1)
        self._weight.set_value_pos(Gtk.PositionType.RIGHT)
        self._weight.set_size_request(120, -1)  # else only its knob has room
        self._weight.connect("format-value", lambda _scale, value: f"{value:.0f} %")
        self._weight.set_tooltip_text(_("How much the style counts against the others."))
        self._weight.connect(
            "value-changed", lambda scale: self._tell(lambda: rows.change(number, weight=scale.get_value() / 100))
        )
        self._place = Gtk.ComboBoxText(tooltip_text=_("Where the style is painted; soft where a mask is soft."))
        self._place.connect("changed", lambda combo: self._tell(lambda: self._choose_place(combo.get_active_id())))
        self._remove = Gtk.Button.new_from_icon_name("window-close-symbolic", Gtk.IconSize.MENU)
        self._remove.set_relief(Gtk.ReliefStyle.NONE)
        self._remove.set_tooltip_text(_("Take this style out of the mix."))
        self._remove.connect("clicked", lambda _button: rows.take_out(number))
        self.pack_start(self._name, True, True, 0)
        self.pack_start(self._weight, True, True, 0)
        self.pack_start(self._place, False, False, 0)
        self.pack_start(self._remove, False, False, 0)

    def show_part(self, part: Part, title: str, *, marked: bool) -> None:
        self._showing = True
        self._label.set_text(title)
        self._name.set_tooltip_text(f"{title}\n{_('The style that a click on a picture above changes.')}")
        self._name.set_active(marked)
        self._weight.set_value(min(100.0, part.weight * 100))
        places = self._rows.places(part.place)
        if places != self._shown:
            self._shown = places
            self._place.remove_all()
            for place, label in places:
                self._place.append(place, label)
        self._place.set_active_id(part.place)
        self._showing = False

    def _choose_place(self, place: str | None) -> None:
        if place is not None:
            self._rows.change(self._number, place=place)

    def _tell(self, what: Callable[[], None]) -> None:
        """Only what a person does is told."""
        if not self._showing:
            what()
