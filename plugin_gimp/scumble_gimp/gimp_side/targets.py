"""What a call means: which layer, which part of it, and what can't be done with it (said before anything starts)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from scumble_editor.areas import Area, with_context
from scumble_wire.errors import ScumbleError

from .texts import _

Result = Literal["new-layer", "in-place"]


class LayerRefused(ScumbleError):
    """A layer that can't be painted as asked; nothing was changed."""

    code = "layer_refused"


@dataclass(frozen=True)
class Target:
    """A drawable and the part of it that is meant.

    wanted: what changes: the selection's bounds within the layer, or the whole layer; in pixels of the layer.
    selected: True when a selection limits it.
    """

    image: Any
    drawable: Any
    bounds: Area
    wanted: Area
    selected: bool

    @property
    def name(self) -> str:
        return str(self.drawable.get_name())

    @property
    def drawn_by_gimp(self) -> bool:
        """Path and linked layers: GIMP draws them anew, and sharply, at any size. Text it scales as pixels."""
        return _is_drawn_from_elsewhere(self.drawable)

    @property
    def picture_pixels(self) -> int:
        return int(self.image.get_width() * self.image.get_height())

    def with_context(self, mark_size: float = 1.0) -> Area:
        """What the network has to see of the layer so that the edge of the wanted part fits."""
        if not self.selected:
            return self.bounds
        return with_context(self.wanted, self.bounds, mark_size)


def _must(condition: bool, message: str, remedy: str) -> None:
    if not condition:
        raise LayerRefused(message, remedy=remedy)


def look(image: Any, drawable: Any) -> Target:
    """The target of one drawable. Raises LayerRefused for what can't even be read as a picture."""
    name = drawable.get_name()
    _must(
        not drawable.is_layer_mask(),
        _("The layer mask “{name}” is chosen, not a picture.", name=name),
        _("Click the layer's picture in the Layers dialog and try again."),
    )
    _must(
        drawable.is_layer(),
        _("The channel “{name}” is chosen, not a layer.", name=name),
        _("Click a layer in the Layers dialog and try again."),
    )
    _must(
        not drawable.is_indexed(),
        _("The image has indexed colors, which can't hold a painted layer."),
        _("Choose Image > Mode > RGB first; nothing was changed."),
    )
    bounds = Area(0, 0, drawable.get_width(), drawable.get_height())
    touched, x, y, width, height = drawable.mask_intersect()
    _must(
        bool(touched) and not bounds.empty,
        _("The selection does not touch the layer “{name}”.", name=name),
        _("Choose Select > None to paint the whole layer, or choose another layer."),
    )
    selected = not _is_empty(image)
    return Target(image, drawable, bounds, Area(x, y, width, height) if selected else bounds, selected)


def check(target: Target, result: Result) -> None:
    """Raises LayerRefused when the result can't go where it is asked to go."""
    layer, name = target.drawable, target.name
    if result == "new-layer":
        _must(
            not layer.is_floating_sel(),
            _("A floating selection can't have a layer above it."),
            _("Anchor it with Layer > Anchor, or let Scumble paint in place."),
        )
        return
    _must(
        not layer.is_group(),
        _("“{name}” is a layer group: it has no pixels of its own to change.", name=name),
        _("Let the result be a new layer, or choose a layer inside the group."),
    )
    _must(
        not _is_drawn_from_elsewhere(layer),
        _("“{name}” is drawn from a path or a linked file and has no pixels of its own to change.", name=name),
        _("Let the result be a new layer, or rasterize the layer first."),
    )
    locked = next((item for item in _with_parents(layer) if item.get_lock_content()), None)
    if locked is not None:
        _must(
            False,
            _("The pixels of “{name}” are locked.", name=locked.get_name()),
            _("Unlock them in the Layers dialog, or let the result be a new layer."),
        )


def still_there(aims: list[Target], *, whole_layers: bool = False) -> None:
    """Raises LayerRefused when a layer or the selection changed while the backend worked: GIMP stays usable then.

    whole_layers: the targets are every layer of the image, whatever is selected.
    """
    for aim in aims:
        remedy = _("Nothing was changed. Run it once more.")
        _must(aim.drawable.is_valid(), _("A layer was deleted while it was worked on."), remedy)
        size = Area(0, 0, aim.drawable.get_width(), aim.drawable.get_height())
        same = size == aim.bounds and (whole_layers or look(aim.image, aim.drawable).wanted == aim.wanted)
        _must(same, _("“{name}” or the selection changed while it was worked on.", name=aim.name), remedy)
    if whole_layers and aims:
        left = [layer.get_id() for layer in flat(aims[0].image) if not layer.is_group()]
        _must(
            left == [aim.drawable.get_id() for aim in aims],
            _("Layers came or went while the image was enlarged."),
            _("Nothing was changed. Run it once more."),
        )


def check_enlarging(target: Target, result: str) -> None:
    """Raises LayerRefused when a target can't be enlarged to where it is asked to go."""
    _must(
        not target.drawable.is_floating_sel(),
        _("A floating selection can't be enlarged."),
        _("Anchor it with Layer > Anchor first."),
    )
    _must(
        result == "new-layer" or not target.drawable.is_group(),
        _("“{name}” is a layer group.", name=target.name),
        _("Choose the layers inside the group, or let the result be a new layer or the whole image."),
    )


def every_layer(image: Any) -> list[Target]:
    """All layers of an image, also those inside groups, whole. Raises LayerRefused."""
    _must(
        image.get_base_type() != _gimp().ImageBaseType.INDEXED,
        _("The image has indexed colors, which can't hold a painted layer."),
        _("Choose Image > Mode > RGB first; nothing was changed."),
    )
    found = []
    for layer in flat(image):
        if not layer.is_group():
            bounds = Area(0, 0, layer.get_width(), layer.get_height())
            found.append(Target(image, layer, bounds, bounds, False))
    return found


def flat(image: Any) -> list[Any]:
    """All layers and groups in the order of the Layers dialog; the same for a duplicate."""
    found: list[Any] = []
    waiting = list(reversed(image.get_layers()))
    while waiting:
        layer = waiting.pop()
        found.append(layer)
        if layer.is_group():
            waiting += reversed(layer.get_children())
    return found


def _gimp() -> Any:
    from gi.repository import Gimp

    return Gimp


def _is_empty(image: Any) -> bool:
    return bool(_gimp().Selection.is_empty(image))


def _is_drawn_from_elsewhere(layer: Any) -> bool:
    """Vector and link layers (GIMP 3.2) that were not rasterized."""
    for test in ("is_vector_layer", "is_link_layer"):
        ask = getattr(layer, test, None)
        if ask is not None and ask():
            rasterized = getattr(layer, "is_rasterized", None)
            return rasterized is None or not rasterized()
    return False


def _with_parents(layer: Any) -> list[Any]:
    found = []
    while layer is not None:
        found.append(layer)
        layer = layer.get_parent()
    return found
