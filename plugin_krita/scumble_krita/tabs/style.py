"""The Style tab: choose a style, look at it, apply it."""

from collections.abc import Callable, Sequence
from typing import Any

from krita import Krita

from scumble_editor.choices import StyleChoices, colors_told, option
from scumble_editor.shelf import VIEWS, Tile
from scumble_editor.words import tr

from ..model import Model
from ..qt import (
    QComboBox,
    QCompleter,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QPushButton,
    QSplitter,
    Qt,
    QToolButton,
    QVBoxLayout,
    QWidget,
)
from ..widgets.checkable import checkable
from ..widgets.compare import ComparePicture
from ..widgets.grid import StyleGrid
from ..widgets.job_row import JobRow
from ..widgets.mix_rows import MixRows
from ..widgets.slider import BarSlider, percent, read_percent, read_times, signed_percent, times
from ..widgets.style_menu import StyleMenu

LEAST_PICTURE = 120  # pixels that a preview gets beyond the least, where there are so many


class StyleTab(QWidget):
    def __init__(self, model: Model) -> None:
        super().__init__()
        self._model = model
        self._row: JobRow | None = None
        self._tiles: Sequence[Tile] = ()
        self._sizes: list[int] = []  # of the splitter, while there is a preview
        self.search = QLineEdit()
        self.search.setPlaceholderText(tr("Search styles"))
        self.search.setClearButtonEnabled(True)
        self.search.setToolTip(tr("Title, painter, year or tag, such as “night”."))
        self.search.textChanged.connect(self._fill)
        self._tags: list[str] = []  # that the search line offers
        self.view = QComboBox()
        self.view.setToolTip(tr("What the pictures below show."))
        self.view.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
        for word, label in VIEWS.items():
            self.view.addItem(tr(label), word)
        self.view.activated.connect(lambda index: model.shelves.show(self.view.itemData(index)))
        self.grid = StyleGrid()
        self.grid.chosen.connect(lambda key: model.shelves.choose(key))
        self.empty = QLabel()
        self.empty.setWordWrap(True)
        self.strength = self._slider("strength", percent, read_percent)
        self.boldness = self._slider("boldness", signed_percent, read_percent)
        self.stroke_scale = self._slider("stroke_scale", times, read_times, logarithmic=True)
        self.colors = self._words("colors")
        for number, (word, _label) in enumerate(option(StyleChoices, "colors").words):
            self.colors.setItemData(number, colors_told(word), Qt.ItemDataRole.ToolTipRole)
        self.source = self._words("source")
        self.mix = MixRows(model)

        self.preview_docker = self._toggle(tr("Preview"), tr("Show the result here while you choose."))
        self.preview_docker.clicked.connect(lambda on: model.preview.show(docker=bool(on)))
        self.preview_canvas = self._toggle(
            tr("On canvas"), tr("Show the result over the canvas. It isn't a layer, so it is never saved.")
        )
        self.preview_canvas.clicked.connect(lambda on: model.preview.show(canvas=bool(on)))
        self.preview_detail = self._toggle(
            "1:1", tr("Show a detail in its true size, with brush marks as they will be.")
        )
        self.preview_detail.clicked.connect(lambda on: model.preview.show(detail=bool(on)))
        self.picture = ComparePicture()
        self.picture.setToolTip(tr("Turn the wheel to zoom, drag to move, click twice to see all of it."))
        self.picture.hide()
        self.picture.looked_closer.connect(self._make_room)
        self.picture.aimed.connect(model.preview.aim)
        self.compare = self._toggle("◧", tr("Compare with the layer as it is: drag the line."))
        self.compare.clicked.connect(lambda on: self.picture.split(bool(on)))

        self.apply = QPushButton(Krita.instance().icon("dialog-ok"), tr("Apply"))
        self.apply.setToolTip(tr("Paint the layer, or the selection on it, into a new layer."))
        self.apply.clicked.connect(lambda: model.layers.apply_style())

        self.again = QToolButton()
        self.again.setText(tr("Edit again"))
        self.again.setToolTip(
            tr("Choose what made the current layer. Apply then replaces it; a second click lets it be.")
        )
        checkable(self.again)
        self.again.clicked.connect(lambda on: model.layers.edit_again() if on else model.layers.leave_editing())
        self.more = QToolButton()
        self.more.setText("…")
        self.more.setStyleSheet("QToolButton::menu-indicator { image: none; }")
        self.more.setToolTip(tr("Presets, favorites, and what is needed now and then"))
        self.more.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        self.more.setMenu(StyleMenu(model, self))

        amounts = QHBoxLayout()
        amounts.addWidget(self.strength, 1)
        amounts.addWidget(self.stroke_scale, 1)
        toggles = QHBoxLayout()
        toggles.setSpacing(2)
        for each in (self.preview_docker, self.preview_canvas, self.preview_detail, self.compare):
            toggles.addWidget(each)
        self.dice = QToolButton()
        self.dice.setText("⚄")
        self.dice.setToolTip(tr("Another seed: the same style with other grain."))
        self.dice.clicked.connect(lambda: model.choices.throw_dice())
        toggles.addStretch(1)
        toggles.addWidget(self.mix.add)
        boxes = QHBoxLayout()
        boxes.addWidget(self.colors, 1)
        boxes.addWidget(self.source, 1)
        boxes.addWidget(self.dice)
        above, below = QWidget(), QWidget()
        styles, work = QVBoxLayout(above), QVBoxLayout(below)
        for column in (styles, work):
            column.setContentsMargins(0, 0, 0, 0)
            column.setSpacing(4)
        look = QHBoxLayout()
        look.setSpacing(2)
        look.addWidget(self.view, 1)
        look.addWidget(self.search, 1)
        styles.addLayout(look)
        styles.addWidget(self.empty)
        styles.addWidget(self.grid, 1)
        work.addWidget(self.mix)
        work.addLayout(amounts)
        work.addWidget(self.boldness)
        work.addLayout(boxes)
        work.addLayout(toggles)
        work.addWidget(self.picture, 1)
        self.splitter = QSplitter(Qt.Orientation.Vertical)
        self.splitter.setChildrenCollapsible(False)
        self.splitter.addWidget(above)
        self.splitter.addWidget(below)
        self.splitter.setStretchFactor(0, 1)
        self._column = QVBoxLayout(self)
        self._column.setContentsMargins(4, 6, 4, 4)
        self._column.setSpacing(4)
        self._column.addWidget(self.splitter, 1)
        do = QHBoxLayout()
        do.setSpacing(2)
        do.addWidget(self.apply, 1)
        do.addWidget(self.again)
        do.addWidget(self.more)
        self._column.addLayout(do)
        model.subscribe("choices", self._show_choices)
        model.subscribe("preview", self._show_preview)
        model.shelves.shelf.subscribe(self._fill)
        model.backend.subscribe("jobs", self._show_job)
        self._fill()
        self._show_preview()

    def _slider(
        self, name: str, show: Callable[[float], str], read: Callable[[str], float], *, logarithmic: bool = False
    ) -> BarSlider:
        limits = option(StyleChoices, name)
        usual = getattr(StyleChoices(), name)
        slider = BarSlider(
            tr(limits.label), limits.low, limits.high, limits.step, show, read, logarithmic=logarithmic, usual=usual
        )
        slider.setToolTip(tr(limits.help))
        slider.changed.connect(lambda value: self._model.choices.choose_style(**{name: value}))
        return slider

    def _words(self, name: str) -> QComboBox:
        limits = option(StyleChoices, name)
        box = QComboBox()
        box.setToolTip(f"{tr(limits.label)}: {tr(limits.help)}")
        box.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
        for word, label in limits.words:
            box.addItem(tr(label), word)
        box.activated.connect(lambda index: self._model.choices.choose_style(**{name: box.itemData(index)}))
        return box

    @staticmethod
    def _toggle(text: str, tip: str) -> QToolButton:
        button = QToolButton()
        button.setText(text)
        button.setToolTip(tip)
        checkable(button)
        return button

    def _fill(self) -> None:
        shelf = self._model.shelves.shelf
        self._tiles = tiles = shelf.tiles(self.search.text())
        if self._tags != (tags := self._model.backend.tags()):
            self._tags = tags
            offered = QCompleter(tags, self.search)
            offered.setCaseSensitivity(Qt.CaseSensitivity.CaseInsensitive)
            self.search.setCompleter(offered)
        self.view.setCurrentIndex(max(0, self.view.findData(shelf.view)))
        self.grid.fill(tiles, self._marked())
        self.empty.setText(tr("Nothing here yet."))
        self.empty.setVisible(not tiles and self._model.backend.packs_known)
        self._show_choices()

    def _marked(self) -> str:
        """The tile that shows what is chosen."""
        kept = self._model.choices
        same = [tile.key for tile in self._tiles if tile.choices == kept.style]
        return same[0] if same else kept.marked_pack()

    def _show_choices(self) -> None:
        style = self._model.choices.style
        self.grid.mark(self._marked())
        self.strength.set_value(style.strength)
        self.boldness.set_value(style.boldness)
        self.boldness.setVisible(self._model.backend.has_boldness(style))
        self.stroke_scale.set_value(style.stroke_scale)
        self.colors.setCurrentIndex(max(0, self.colors.findData(style.colors)))
        limits = option(StyleChoices, "colors")
        self.colors.setToolTip(f"{tr(limits.label)}: {tr(limits.help)}\n{colors_told(style.colors)}")
        self.source.setCurrentIndex(max(0, self.source.findData(style.source)))
        self.mix.show_choices()
        self.apply.setEnabled(bool(style.style))
        replaces = bool(self._model.choices.replaces)
        self.again.setChecked(replaces)
        self.apply.setText(tr("Replace") if replaces else tr("Apply"))

    def _show_preview(self) -> None:
        preview = self._model.preview
        self.preview_docker.setChecked(preview.in_docker)
        self.preview_canvas.setChecked(preview.on_canvas)
        self.preview_detail.setChecked(preview.detail)
        self.preview_detail.setEnabled(preview.in_docker and not preview.on_canvas)
        self.compare.setEnabled(preview.in_docker)
        self._show_picture(preview.in_docker or preview.problem is not None)
        if preview.problem is not None:
            self.picture.show_text(preview.problem.text)
        elif preview.picture is not None:
            before = preview.before
            self.picture.show_pair(
                (before.info, before.data) if before is not None else None,
                (preview.picture.info, preview.picture.data),
                preview.frame,
            )
            self._make_room()
        elif preview.in_docker:
            self.picture.show_text(tr("Painting a preview …"))

    def _make_room(self) -> None:
        """Tell how large a picture would fill the room there is."""
        inside, ratio = self.picture.contentsRect(), self.picture.devicePixelRatioF()
        self._model.preview.make_room(max(inside.width(), inside.height()) * self.picture.zoom * ratio)

    def resizeEvent(self, event: Any) -> None:  # noqa: N802
        super().resizeEvent(event)
        self._make_room()

    def _show_picture(self, shown: bool) -> None:
        """Make room for the preview, at least half of the tab until the splitter is dragged, or give it back."""
        if shown == self.picture.isVisibleTo(self):
            return
        if not shown:
            self._sizes = self.splitter.sizes()
        self.picture.setVisible(shown)
        whole = sum(self.splitter.sizes())
        styles, work = (self.splitter.widget(number).minimumSizeHint().height() for number in (0, 1))
        row = styles - self.grid.minimumHeight() + self.grid.row_height  # with whole titles
        below = max(work, min(max(whole // 2, work + LEAST_PICTURE), whole - row))
        self.splitter.setSizes((self._sizes or [whole - below, below]) if shown else [whole, 0])

    def _show_job(self) -> None:
        """The newest job that paints, under the button that started it."""
        jobs = [job for job in self._model.backend.jobs if job.kind == "stylize" and job.open]
        newest = jobs[-1] if jobs else None
        if self._row is not None and self._row.job is not newest:
            self._column.removeWidget(self._row)
            self._row.deleteLater()
            self._row = None
        if newest is not None and self._row is None:
            self._row = JobRow(self._model.backend, newest)
            self._column.addWidget(self._row)
        elif self._row is not None:
            self._row.refresh()
