"""A slider with its name and value written on it, as Krita's own brush sliders look; Python gets none in 5.2."""

import math
from collections.abc import Callable
from typing import Any

from scumble_editor.words import number_text

from ..qt import QColor, QLineEdit, QPainter, QPalette, QRectF, QSize, QSizePolicy, Qt, QWidget, pyqtSignal


class BarSlider(QWidget):
    """Drag, wheel or arrow keys change the value; Enter or a right click lets it be typed, a double click resets it.

    low, high, step: in the value's own unit. show, read: between a value and its text ("80 %"). usual: what a double
    click brings back; None: there is nothing, so it lets the value be typed.
    """

    changed = pyqtSignal(float)  # by a person, not by `set_value`

    def __init__(
        self,
        name: str,
        low: float,
        high: float,
        step: float,
        show: Callable[[float], str] = "{:.2f}".format,
        read: Callable[[str], float] = float,
        *,
        logarithmic: bool = False,
        usual: float | None = None,
    ) -> None:
        super().__init__()
        self._name, self._low, self._high, self._step = name, low, high, step
        self._show, self._read, self._log, self._usual = show, read, logarithmic, usual
        self._value = low
        self._edit: QLineEdit | None = None
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setAttribute(Qt.WidgetAttribute.WA_Hover)
        self.setAccessibleName(name)

    def value(self) -> float:
        return self._value

    def set_value(self, value: float) -> None:
        value = min(self._high, max(self._low, value))
        if value != self._value:
            self._value = value
            self.setAccessibleDescription(self._show(value))
            self.update()

    def sizeHint(self) -> QSize:  # noqa: N802
        return QSize(120, self.fontMetrics().height() + 8)

    def _place(self) -> float:
        """Where the value stands between the limits, 0 .. 1."""
        if self._log:
            return math.log(self._value / self._low) / math.log(self._high / self._low)
        return (self._value - self._low) / (self._high - self._low)

    def _change(self, value: float) -> None:
        value = min(self._high, max(self._low, round(value / self._step) * self._step))
        value = round(value, 6)
        if value != self._value:
            self.set_value(value)
            self.changed.emit(value)

    def _drag(self, event: Any) -> None:
        x = event.position().x() if hasattr(event, "position") else event.x()
        place = min(1.0, max(0.0, x / max(1, self.width() - 1)))
        if self._log:
            self._change(self._low * (self._high / self._low) ** place)
        else:
            self._change(self._low + place * (self._high - self._low))

    def mousePressEvent(self, event: Any) -> None:  # noqa: N802
        if event.button() == Qt.MouseButton.LeftButton:
            self._drag(event)

    def mouseMoveEvent(self, event: Any) -> None:  # noqa: N802
        if event.buttons() & Qt.MouseButton.LeftButton:
            self._drag(event)

    def mouseDoubleClickEvent(self, event: Any) -> None:  # noqa: N802
        if self._usual is None:
            self._start_typing()
        else:
            self._change(self._usual)

    def contextMenuEvent(self, event: Any) -> None:  # noqa: N802
        self._start_typing()

    def wheelEvent(self, event: Any) -> None:  # noqa: N802
        if self.hasFocus():  # a wheel that scrolls the docker must not change what lies under it
            self._change(self._value + self._step * (1 if event.angleDelta().y() > 0 else -1))
        else:
            event.ignore()

    def keyPressEvent(self, event: Any) -> None:  # noqa: N802
        key = event.key()
        if key in (Qt.Key.Key_Left, Qt.Key.Key_Down):
            self._change(self._value - self._step)
        elif key in (Qt.Key.Key_Right, Qt.Key.Key_Up):
            self._change(self._value + self._step)
        elif key in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            self._start_typing()
        else:
            super().keyPressEvent(event)

    def _start_typing(self) -> None:
        if self._edit is None:
            self._edit = QLineEdit(self)
            self._edit.setAlignment(Qt.AlignmentFlag.AlignCenter)
            self._edit.editingFinished.connect(self._end_typing)
        self._edit.setGeometry(self.rect())
        self._edit.setText(self._show(self._value))
        self._edit.show()
        self._edit.selectAll()
        self._edit.setFocus()

    def _end_typing(self) -> None:
        if self._edit is None or not self._edit.isVisible():
            return
        self._edit.hide()
        try:
            self._change(self._read(self._edit.text()))
        except ValueError:
            self.update()  # what was typed is not a number: the value stays

    def paintEvent(self, event: Any) -> None:  # noqa: N802
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        palette = self.palette()
        group = QPalette.ColorGroup.Active if self.isEnabled() else QPalette.ColorGroup.Disabled
        base = palette.color(group, QPalette.ColorRole.Base)
        fill = QColor(palette.color(group, QPalette.ColorRole.Highlight))
        fill.setAlpha(200 if self.isEnabled() else 60)
        frame = QRectF(self.rect()).adjusted(0.5, 0.5, -0.5, -0.5)
        edge = palette.color(group, QPalette.ColorRole.Highlight if self.hasFocus() else QPalette.ColorRole.Mid)
        painter.setPen(edge)
        painter.setBrush(base)
        painter.drawRoundedRect(frame, 2, 2)
        bar = QRectF(frame)
        bar.setWidth(frame.width() * self._place())
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(fill)
        painter.drawRoundedRect(bar.adjusted(0.5, 0.5, -0.5, -0.5), 2, 2)
        painter.setPen(palette.color(group, QPalette.ColorRole.Text))
        text = f"{self._name}: {self._show(self._value)}"
        painter.drawText(self.rect(), int(Qt.AlignmentFlag.AlignCenter), text)
        painter.end()


def percent(value: float) -> str:
    return f"{round(value * 100)} %"


def signed_percent(value: float) -> str:
    return f"{round(value * 100):+d} %" if round(value * 100) else "0 %"


def read_percent(text: str) -> float:
    return float(text.replace("%", "").replace(",", ".").strip()) / 100


def times(value: float) -> str:
    return number_text(value, 2) + " ×"


def read_times(text: str) -> float:
    return float(text.replace("×", "").replace("x", "").replace(",", ".").strip())
