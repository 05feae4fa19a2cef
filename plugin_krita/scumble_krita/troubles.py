"""What can go wrong between the plugin and Krita, each with its remedy."""

from scumble_editor.words import tr
from scumble_wire.errors import ScumbleError


class Trouble(ScumbleError):
    """An error of the plugin's own that a person is told about."""

    code = "krita"


class NothingOpen(Trouble):
    code = "no_document"

    def __init__(self) -> None:
        super().__init__(tr("No document is open."), remedy=tr("Open or create one."))


class NoLayer(Trouble):
    code = "no_layer"

    def __init__(self) -> None:
        super().__init__(tr("No layer is chosen."), remedy=tr("Choose one in the Layers docker."))


class LayerHidden(Trouble):
    code = "layer_hidden"

    def __init__(self, name: str) -> None:
        super().__init__(tr('The layer "{name}" is hidden.', name=name), remedy=tr("Show it, or choose another one."))


class LayerEmpty(Trouble):
    code = "layer_empty"

    def __init__(self, name: str) -> None:
        super().__init__(
            tr('The layer "{name}" is empty here.', name=name),
            remedy=tr("Choose a layer or a selection with something on it."),
        )


class NoSelection(Trouble):
    code = "no_selection"

    def __init__(self) -> None:
        super().__init__(tr("Nothing is selected."), remedy=tr("Select a part of the picture first."))


class MaskGone(Trouble):
    code = "mask_gone"

    def __init__(self, name: str) -> None:
        super().__init__(
            tr('There is no mask "{name}" in this document.', name=name),
            remedy=tr("Choose another place for the style."),
        )


class LayerGone(Trouble):
    code = "layer_gone"

    def __init__(self, name: str) -> None:
        super().__init__(
            tr('There is no layer "{name}" in this document.', name=name),
            remedy=tr("Choose another place for the style."),
        )


class MaskEmpty(Trouble):
    code = "mask_empty"

    def __init__(self, name: str) -> None:
        super().__init__(
            tr('"{name}" is empty here, so a style would have no place.', name=name),
            remedy=tr("Paint on the mask, or choose another place for the style."),
        )


class NothingSelectedForStyle(Trouble):
    code = "no_selection"

    def __init__(self) -> None:
        super().__init__(
            tr("A style has its place in the selection, but nothing is selected."),
            remedy=tr("Select something, or choose another place for the style."),
        )


class NoFrames(Trouble):
    code = "no_frames"

    def __init__(self, name: str) -> None:
        super().__init__(
            tr('"{name}" has no frames: it is no paint layer with at least two keyframes.', name=name),
            remedy=tr("Choose an animated paint layer, or paint the layer as it is with Apply."),
        )


class NotPainted(Trouble):
    code = "not_painted"

    def __init__(self, name: str) -> None:
        super().__init__(
            tr('"{name}" was not painted by Scumble, or its settings were not kept.', name=name),
            remedy=tr("Choose a painted layer."),
        )


class SelectionOutside(Trouble):
    code = "selection_outside"

    def __init__(self) -> None:
        super().__init__(
            tr("Nothing of the selection lies on the canvas."),
            remedy=tr("Select a part of the picture, or deselect to use the whole layer."),
        )


class DocumentClosed(Trouble):
    code = "document_closed"

    def __init__(self) -> None:
        super().__init__(tr("The document was closed while Scumble worked on it."), remedy="")


class PixelsRefused(Trouble):
    code = "pixels_refused"

    def __init__(self, detail: str) -> None:
        super().__init__(
            tr("Krita and Scumble do not agree about the size of the picture ({detail}).", detail=detail),
            remedy=tr("The layer was not changed. Please report it with a diagnosis."),
        )


class NoStyle(Trouble):
    code = "no_style"

    def __init__(self) -> None:
        super().__init__(tr("No style is chosen."), remedy=tr("Choose one in the Style tab."))


class NoName(Trouble):
    code = "no_name"

    def __init__(self) -> None:
        super().__init__(tr("The new style needs a name."), remedy=tr("Type one in the Train tab."))


class UnreadablePicture(Trouble):
    code = "unreadable_picture"

    def __init__(self, name: str) -> None:
        super().__init__(tr("{name} can't be read as a picture.", name=name), remedy=tr("Choose a PNG or JPEG file."))
