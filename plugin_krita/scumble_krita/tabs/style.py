"""The Style tab: choose a style, look at it, apply it."""

from collections.abc import Callable

from krita import Krita

from scumble_editor.choices import StyleChoices, option
from scumble_editor.words import tr

from ..model import Model
from ..qt import (
    QCheckBox,
    QComboBox,
    QHBoxLayout,
    QLineEdit,
    QPushButton,
    QSplitter,
    Qt,
    QToolButton,
    QVBoxLayout,
    QWidget,
)
from ..widgets.grid import StyleGrid
from ..widgets.job_row import JobRow
from ..widgets.pictures import FittedPicture
from ..widgets.slider import BarSlider, percent, read_percent, read_times, signed_percent, times


class StyleTab(QWidget):
    def __init__(self, model: Model) -> None:
        super().__init__()
        self._model = model
        self._row: JobRow | None = None
        self._sizes: list[int] = []  # of the splitter, while there is a preview
        self.search = QLineEdit()
        self.search.setPlaceholderText(tr("Search styles"))
        self.search.setClearButtonEnabled(True)
        self.search.textChanged.connect(self._fill)
        self.grid = StyleGrid(model.backend)
        self.grid.chosen.connect(lambda pack: model.choices.choose_style(pack=pack))
        self.strength = self._slider("strength", percent, read_percent)
        self.boldness = self._slider("boldness", signed_percent, read_percent)
        self.stroke_scale = self._slider("stroke_scale", times, read_times, logarithmic=True)
        self.absolute_strokes = self._check_box("absolute_strokes")
        self.keep_colors = self._check_box("keep_colors")
        self.second = QComboBox()
        self.second.setToolTip(tr(option(StyleChoices, "second_pack").help))
        self.second.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
        self.second.activated.connect(self._choose_second)
        self.mix = self._slider("mix", percent, read_percent)

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
        self.picture = FittedPicture()
        self.picture.hide()

        self.apply = QPushButton(Krita.instance().icon("dialog-ok"), tr("Apply"))
        self.apply.setToolTip(tr("Paint the layer, or the selection on it, into a new layer."))
        self.apply.clicked.connect(lambda: model.layers.apply_style())

        amounts, mix = QHBoxLayout(), QHBoxLayout()
        amounts.addWidget(self.strength, 1)
        amounts.addWidget(self.stroke_scale, 1)
        mix.addWidget(self.second, 1)
        mix.addWidget(self.mix, 1)
        toggles = QHBoxLayout()
        toggles.setSpacing(2)
        for each in (self.preview_docker, self.preview_canvas, self.preview_detail):
            toggles.addWidget(each)
        toggles.addStretch(1)
        boxes = QHBoxLayout()
        boxes.addWidget(self.keep_colors)
        boxes.addWidget(self.absolute_strokes)
        boxes.addStretch(1)
        above, below = QWidget(), QWidget()
        styles, work = QVBoxLayout(above), QVBoxLayout(below)
        for column in (styles, work):
            column.setContentsMargins(0, 0, 0, 0)
            column.setSpacing(4)
        styles.addWidget(self.search)
        styles.addWidget(self.grid, 1)
        work.addLayout(amounts)
        work.addWidget(self.boldness)
        work.addLayout(mix)
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
        self._column.addWidget(self.apply)
        model.subscribe("choices", self._show_choices)
        model.subscribe("preview", self._show_preview)
        model.backend.subscribe("packs", self._fill)
        model.backend.subscribe("jobs", self._show_job)
        self._fill()
        self._show_preview()

    def _slider(
        self, name: str, show: Callable[[float], str], read: Callable[[str], float], *, logarithmic: bool = False
    ) -> BarSlider:
        limits = option(StyleChoices, name)
        slider = BarSlider(
            tr(limits.label), limits.low, limits.high, limits.step, show, read, logarithmic=logarithmic
        )
        slider.setToolTip(tr(limits.help))
        slider.changed.connect(lambda value: self._model.choices.choose_style(**{name: value}))
        return slider

    def _check_box(self, name: str) -> QCheckBox:
        limits = option(StyleChoices, name)
        box = QCheckBox(tr(limits.label))
        box.setToolTip(tr(limits.help))
        box.clicked.connect(lambda on: self._model.choices.choose_style(**{name: bool(on)}))
        return box

    @staticmethod
    def _toggle(text: str, tip: str) -> QToolButton:
        button = QToolButton()
        button.setText(text)
        button.setToolTip(tip)
        button.setCheckable(True)
        return button

    def _fill(self) -> None:
        backend = self._model.backend
        self.grid.fill(backend.styles(self.search.text()), self._model.choices.style.pack)
        self.second.clear()
        self.second.addItem(tr("No second style"), "")
        for pack in backend.styles():
            self.second.addItem(tr("with {style}", style=pack.title), pack.id)
        self._show_choices()

    def _choose_second(self, index: int) -> None:
        pack = self.second.itemData(index) or ""
        mix = self._model.choices.style.mix
        self._model.choices.choose_style(second_pack=pack, mix=mix if mix > 0 and pack else 0.5 if pack else 0.0)

    def _show_choices(self) -> None:
        style = self._model.choices.style
        self.grid.mark(style.pack)
        self.strength.set_value(style.strength)
        self.boldness.set_value(style.boldness)
        self.boldness.setVisible(self._model.backend.has_boldness(style))
        self.stroke_scale.set_value(style.stroke_scale)
        self.absolute_strokes.setChecked(style.absolute_strokes)
        self.keep_colors.setChecked(style.keep_colors)
        self.second.setCurrentIndex(max(0, self.second.findData(style.second_pack)))
        self.mix.set_value(style.mix)
        self.mix.setEnabled(bool(style.second_pack))
        self.apply.setEnabled(bool(style.pack))

    def _show_preview(self) -> None:
        preview = self._model.preview
        self.preview_docker.setChecked(preview.in_docker)
        self.preview_canvas.setChecked(preview.on_canvas)
        self.preview_detail.setChecked(preview.detail)
        self.preview_detail.setEnabled(preview.in_docker and not preview.on_canvas)
        self._show_picture(preview.in_docker or preview.problem is not None)
        if preview.problem is not None:
            self.picture.show_text(preview.problem.text)
        elif preview.picture is not None:
            self.picture.show_picture(preview.picture.info, preview.picture.data)
        elif preview.in_docker:
            self.picture.show_text(tr("Painting a preview …"))

    def _show_picture(self, shown: bool) -> None:
        """Make room for the preview, half of the tab until the splitter is dragged, or give it back to the styles."""
        if shown == self.picture.isVisibleTo(self):
            return
        if not shown:
            self._sizes = self.splitter.sizes()
        self.picture.setVisible(shown)
        whole = sum(self.splitter.sizes())
        self.splitter.setSizes((self._sizes or [whole // 2, whole // 2]) if shown else [whole, 0])

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
