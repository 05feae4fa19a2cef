"""The Packs tab: what is installed, installing from a file, removing."""

from krita import Krita

from scumble_editor.shelf import Tile
from scumble_editor.words import about, description_of, tr
from scumble_wire.messages import PackInfo

from ..model import Model
from ..pack_files import PackFiles, PackOffer
from ..qt import (
    QDialog,
    QDialogButtonBox,
    QFileDialog,
    QFormLayout,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QMessageBox,
    QPushButton,
    Qt,
    QVBoxLayout,
    QWidget,
)
from ..widgets.grid import StyleGrid
from ..widgets.pictures import FittedPicture

KINDS = {"affine": "Style", "network": "Style with a network of its own", "upscale": "Upscaler", "mix": "Preset"}


class PacksTab(QWidget):
    def __init__(self, model: Model) -> None:
        super().__init__()
        self._model = model
        self._chosen = ""
        self.grid = StyleGrid(56)
        self.grid.chosen.connect(self._choose)
        self.about = QLabel()
        self.about.setWordWrap(True)
        self.about.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self.about.setAlignment(Qt.AlignmentFlag.AlignTop)
        self.install = QPushButton(Krita.instance().icon("document-open"), tr("Install …"))
        self.install.setToolTip(tr("Install a pack from a file. You can also drop the file on this docker."))
        self.install.clicked.connect(self._ask_for_file)
        self.remove = QPushButton(Krita.instance().icon("edit-delete"), tr("Remove"))
        self.remove.clicked.connect(self._remove)
        row = QHBoxLayout()
        row.addWidget(self.install, 1)
        row.addWidget(self.remove, 1)
        column = QVBoxLayout(self)
        column.setContentsMargins(4, 6, 4, 4)
        column.setSpacing(6)
        column.addWidget(self.grid, 1)
        column.addWidget(self.about)
        column.addLayout(row)
        model.backend.subscribe("packs", self._fill)
        model.backend.subscribe("thumbnails", self._fill)
        model.subscribe("pack_file", self._offer)
        self._fill()

    def _fill(self) -> None:
        packs = sorted(self._model.backend.packs, key=lambda pack: (pack.kind == "upscale", pack.title.casefold()))
        if self._chosen not in [pack.id for pack in packs]:
            self._chosen = packs[0].id if packs else ""
        backend = self._model.backend
        self.grid.fill([Tile(p.id, p.title, about(p), backend.thumbnail(p.id)) for p in packs], self._chosen)
        self._show()

    def _choose(self, pack: str) -> None:
        self._chosen = pack
        self._show()

    def _show(self) -> None:
        pack = self._model.backend.pack(self._chosen)
        self.about.setText(describe(pack) if pack is not None else tr("No pack is installed."))
        self.remove.setEnabled(pack is not None and pack.removable)
        ships = pack is not None and not pack.removable
        self.remove.setToolTip(tr("It ships with Scumble and can't be removed.") if ships else "")

    def _ask_for_file(self) -> None:
        path, _ = QFileDialog.getOpenFileName(
            self,
            tr("Install a pack"),
            "",
            tr("Packs and networks")
            + " (*.scumble *.zip *.pth *.pt *.safetensors *.t7 *.onnx);;"
            + tr("All files")
            + " (*)",
        )
        if path:
            self._model.pack_files.look_into(path)

    def _offer(self) -> None:
        """Each window has such a tab; the one that is seen asks."""
        offer = self._model.pack_files.offer
        if offer is not None and self.isVisible():
            ask(self._model.pack_files, offer, self)

    def _remove(self) -> None:
        pack = self._model.backend.pack(self._chosen)
        if pack is None:
            return
        answer = QMessageBox.question(
            self, "Scumble", tr('Remove "{title}"? Pictures painted with it stay as they are.', title=pack.title)
        )
        if answer == QMessageBox.StandardButton.Yes:
            self._model.pack_files.remove(pack.id)


def describe(pack: PackInfo) -> str:
    """What there is to know about a pack, as rich text."""
    lines = [f"<b>{_html(pack.title)}</b> {_html(pack.version)}", tr(KINDS.get(pack.kind, pack.kind))]
    if pack.painting:
        lines.append(
            tr("Painting: {painting} ({license})", painting=pack.painting, license=pack.painting_license or "?")
        )
    if pack.authors:
        lines.append(tr("By {authors}", authors=", ".join(pack.authors)))
    if pack.license:
        lines.append(tr("License: {license}", license=pack.license))
    if description := description_of(pack):
        lines.append(description)
    return lines[0] + "<br>" + "<br>".join(_html(line) for line in lines[1:])


def _html(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def ask(files: PackFiles, offer: PackOffer, parent: QWidget) -> None:
    """Ask whether to install the pack that was looked into; asks for title and license where they are missing."""
    details, picture = offer.details, offer.picture
    dialog = QDialog(parent)
    dialog.setWindowTitle(tr("Install a pack"))
    column = QVBoxLayout(dialog)
    if picture is not None:
        shown = FittedPicture(200)
        shown.show_picture(picture.info, picture.data)
        column.addWidget(shown)
    text = QLabel(describe(details.pack))
    text.setWordWrap(True)
    column.addWidget(text)
    notes = [details.warning]
    if details.replaces:
        notes.append(tr("It replaces version {version}.", version=details.replaces))
    for note in notes:
        if note:
            label = QLabel(f"<b>{_html(note)}</b>")
            label.setWordWrap(True)
            column.addWidget(label)
    form = QFormLayout()
    title, license_ = QLineEdit(details.pack.title), QLineEdit(details.pack.license)
    if "title" in details.needs:
        form.addRow(tr("Title"), title)
    if "license" in details.needs:
        license_.setPlaceholderText("CC-BY-4.0")
        form.addRow(tr("License"), license_)
    column.addLayout(form)
    buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Ok | QDialogButtonBox.StandardButton.Cancel)
    buttons.button(QDialogButtonBox.StandardButton.Ok).setText(tr("Install"))
    buttons.accepted.connect(dialog.accept)
    buttons.rejected.connect(dialog.reject)
    column.addWidget(buttons)

    def done(result: int) -> None:
        if result:
            files.install(
                title.text().strip() if "title" in details.needs else "",
                license_.text().strip() if "license" in details.needs else "",
            )
        else:
            files.refuse()
        dialog.deleteLater()

    dialog.finished.connect(done)
    dialog.open()
