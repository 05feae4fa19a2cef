"""How soon the preview follows a slider: python benchmarks/preview_latency.py krita|gimp [--seconds 10]

Drags two sliders for ten seconds each in the real editor, in its docker or dialog, over a photo of 3000 x 2000 pixels
painted by a style that ships: the strength of one style, for which no network runs, and the weight of one of two
styles, for which it runs each time. Prints, for each of them, median and 95th percentile of

- latency: from the slider's change to the picture of it being drawn, over the pictures that came;
- network: what the network took of that;
- beside it: latency without the network;
- every change: from each change, also one that a newer one overtook, to the first picture of it or of a newer one.

The target is a 95th percentile of the latency of at most 150 ms and the network of a coarse preview. Needs root and
makes the editor's Debian tree, like tests/editors. Ends with 1 where nothing could be measured, at the latest after
--limit seconds.
"""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
from pathlib import Path
from typing import Any

from shared_options import ROOT, options_of, parser_for

EDITORS = ROOT / "tests" / "editors"
SAMPLE = ROOT / "training" / "scumble_training" / "photos" / "sample.jpg"
RECORDER = Path(__file__).with_name("preview_recorder.py")
SIZE = (3000, 2000)
STYLES = {"strength": "great-wave", "weight": "great-wave:0.5 + starry-night:0.5"}
BESIDE_TARGET_S = 0.150

KRITA = """
import json

from PyQt5.QtCore import QEvent, QObject, QPoint, QTimer
from PyQt5.QtGui import QMouseEvent


class Painted(QObject):
    def __init__(self, recorder):
        super().__init__()
        self.recorder = recorder

    def eventFilter(self, watched, event):
        if event.type() == QEvent.Paint:
            QTimer.singleShot(0, self.recorder.painted)
        return False


def mouse(slider, kind, place, button, buttons):
    x = round(place * (slider.width() - 1))
    event = QMouseEvent(kind, QPointF(x, slider.height() / 2), button, buttons, Qt.NoModifier)
    QApplication.sendEvent(slider, event)


def step_drag(figures):
    sliders = json.loads(os.environ["SCUMBLE_SLIDERS"])
    docker().setVisible(True)
    docker().raise_()
    yield from wait(lambda: model().backend.packs_known or model().backend.problem, 120)
    no_problem()
    made = APP.openDocument(os.environ["SCUMBLE_PHOTO"])
    made.setBatchmode(True)
    APP.activeWindow().addView(made)
    yield 1000
    docker().tabs.setCurrentWidget(docker().style_tab)
    model().preview.show(docker=True)
    for name, style in sliders.items():
        figures[name] = yield from drag(name, style)


def drag(name, style):
    tab, preview = docker().style_tab, model().preview
    choose(style=style)
    calm = lambda: preview.picture is not None and not model().backend.preview.busy
    for _ in range(3):  # the coarse one, the fine one, and nothing more
        yield from wait(calm, 120, "no preview came")
        yield 2000
    slider = tab.strength if name == "strength" else tab.mix.rows[1].weight
    assert slider.isVisible(), "the slider is not seen"
    recorder = Recorder(model().backend.preview)
    painted = Painted(recorder)
    tab.picture.installEventFilter(painted)
    kind, button = QEvent.MouseButtonPress, Qt.LeftButton
    while time.monotonic() < recorder.began + float(os.environ["SCUMBLE_SECONDS"]):
        before = slider.value()
        recorder.change()
        mouse(slider, kind, recorder.place(), button, Qt.LeftButton)
        if slider.value() == before:
            recorder.no_change()
        kind, button = QEvent.MouseMove, Qt.NoButton
        yield STEP_MS
    mouse(slider, QEvent.MouseButtonRelease, recorder.place(), Qt.LeftButton, Qt.NoButton)
    yield from wait(calm, 120, "the last preview did not come")
    yield from wait(lambda: not recorder.pending, 30, "the last preview was not drawn")
    tab.picture.removeEventFilter(painted)
    no_problem()
    return recorder.result()
"""

GIMP = """
def scenario_drag():
    image = photo()
    stylize = "plug-in-scumble-stylize"
    layers = image.get_selected_layers()
    for name, style in json.loads(os.environ["SCUMBLE_SLIDERS"]).items():
        Path(os.environ["SCUMBLE_DRAGGED"], "slider").write_text(name)
        last_values(stylize, style=style)
        status, answer = call(stylize, run_mode=Gimp.RunMode.INTERACTIVE, image=image, drawables=layers)
        assert status == Gimp.PDBStatusType.CANCEL, answer
"""

#: Becomes a module of the built plug-in, which then drags a slider of its own dialog and closes it.
GIMP_DRAGGING = """
import json
import os
import time
from pathlib import Path

import gi

gi.require_version("Gtk", "3.0")
from gi.repository import GLib, Gtk

from gimp_side.dialogs import stylize

DRAGGED = Path(os.environ["SCUMBLE_DRAGGED"])
SETTLED_S = 2.0  # so long nothing is being painted


class Drag:
    def __init__(self, window, strength):
        self.window, self.strength, self.calm_since = window, strength, None
        self.name = (DRAGGED / "slider").read_text()
        GLib.timeout_add(50, self.wait)

    def calm(self):
        if self.window._preview.shown() is None or self.window._backend.preview.busy:
            self.calm_since = None
        elif self.calm_since is None:
            self.calm_since = time.monotonic()
        return self.calm_since is not None and time.monotonic() - self.calm_since > SETTLED_S

    def wait(self):
        if not self.calm():
            return True
        self.slider = self.strength
        if self.name == "weight":
            self.slider = self.window._mix._rows[1]._weight
        limits = self.slider.get_adjustment()
        self.low, self.high = limits.get_lower(), limits.get_upper()
        self.recorder = Recorder(self.window._backend.preview)
        clock = self.window._preview._view.get_frame_clock()
        clock.connect("after-paint", lambda _clock: self.recorder.painted())
        GLib.timeout_add(STEP_MS, self.step)
        return False

    def step(self):
        before = self.slider.get_value()
        value = round(self.low + self.recorder.place() * (self.high - self.low))
        if value != round(before):
            self.recorder.change()
            self.slider.set_value(value)
        if time.monotonic() < self.recorder.began + float(os.environ["SCUMBLE_SECONDS"]):
            return True
        self.calm_since = None
        GLib.timeout_add(50, self.end)
        return False

    def end(self):
        if not self.calm() or self.recorder.pending:
            return True
        (DRAGGED / f"{self.name}.json").write_text(json.dumps(self.recorder.result()))
        self.window._dialog.response(Gtk.ResponseType.CANCEL)
        return False


def sliders(self):
    made = plain_sliders(self)
    self.dragged = Drag(self, made[1])
    return made


plain_sliders = stylize.StylizeDialog._sliders
stylize.StylizeDialog._sliders = sliders
"""


def main() -> int:
    parser = parser_for(__doc__, json=True)
    parser.add_argument("editor", choices=("krita", "gimp"))
    parser.add_argument("--seconds", type=float, default=10.0, help="how long each slider is dragged")
    parser.add_argument("--sliders", nargs="+", choices=tuple(STYLES), default=list(STYLES))
    parser.add_argument("--limit", type=int, default=480, help="seconds, the editor's start included")
    parser.add_argument("--patience", type=float, default=1.0, help="times as long as usual for what has a limit")
    options = options_of(parser)
    sys.path[:0] = [str(EDITORS), str(EDITORS.parent)]
    done = subprocess.run(["bash", str(EDITORS / "provision.sh"), options.editor], stdout=subprocess.PIPE, text=True)
    if done.returncode:
        return 1
    root = Path(done.stdout.strip().splitlines()[-1])
    measured = (in_krita if options.editor == "krita" else in_gimp)(root, options)
    if isinstance(measured, str):
        print(measured, file=sys.stderr)
        return 1
    rows = {slider: summary(record) for slider, record in measured.items()}
    print(json.dumps(rows, indent=1) if options.json else table(options.editor, rows))
    return 0


# --- the editors -----------------------------------------------------------------------------------------


def photo_in(folder: Path) -> str:
    from PIL import Image

    path = folder / "photo.png"
    Image.open(SAMPLE).convert("RGB").resize(SIZE).save(path, compress_level=1)
    return str(path)


def environ_of(folder: Path, options: Any) -> dict[str, str]:
    return {
        "SCUMBLE_PHOTO": photo_in(folder),
        "SCUMBLE_SLIDERS": json.dumps({slider: STYLES[slider] for slider in options.sliders}),
        "SCUMBLE_SECONDS": str(options.seconds),
        "SCUMBLE_PATIENCE": str(options.patience),
    }


def in_krita(root: Path, options: Any) -> dict[str, Any] | str:
    """What was recorded by slider, or why nothing was."""
    import krita_stage
    from staging import Backend, short_folder

    with short_folder() as folder:
        backend = Backend(folder, start_s=30 * options.patience)
        stage = krita_stage.Stage(root, folder, backend, patience_s=options.limit)
        stage.prepare()
        try:
            extra = f"{RECORDER.read_text('utf-8')}\n\n{KRITA}"
            outcome = stage.run(["drag"], extra=extra, **environ_of(folder, options)).get("drag")
        finally:
            backend.stop()
        if outcome is None:
            return f"Krita had not measured anything after {options.limit} s. It said:\n{stage.said()}"
        measured = outcome["figures"]
        assert isinstance(measured, dict)
        return measured if outcome["ok"] else str(outcome["error"])


def in_gimp(root: Path, options: Any) -> dict[str, Any] | str:
    """What was recorded by slider, or why nothing was."""
    import gimp_stage
    from staging import Backend, short_folder

    with short_folder() as folder:
        plug_in = gimp_stage.build_plug_in(folder / "profile")
        (plug_in / "dragging.py").write_text(f"{RECORDER.read_text('utf-8')}\n\n{GIMP_DRAGGING}", "utf-8")
        program = plug_in / "scumble_gimp.py"
        whole = program.read_text("utf-8")
        program.write_text(whole.replace("\nGimp.main(", "\nimport dragging\n\nGimp.main("), "utf-8")
        (folder / "profile" / "gimprc").write_text("(show-welcome-dialog no)\n(check-updates no)\n", "utf-8")
        (folder / "guide.md").touch()
        (folder / "dragged").mkdir()
        backend = Backend(folder, start_s=30 * options.patience)
        backend.start()
        try:
            stage = gimp_stage.Stage(root, folder, backend, patience_s=options.limit)
            outcome = stage.run_with_windows(
                ["drag"],
                extra=GIMP,
                SCUMBLE_DRAGGED=str(folder / "dragged"),
                SCUMBLE_TIMINGS=str(folder / "timings.jsonl"),
                **environ_of(folder, options),
            )["drag"]
        finally:
            backend.stop()
        if outcome["error"]:
            return str(outcome["error"])
        records = {slider: folder / "dragged" / f"{slider}.json" for slider in options.sliders}
        return {slider: json.loads(path.read_text("utf-8")) for slider, path in records.items()}


# --- figures ---------------------------------------------------------------------------------------------


def summary(measured: dict[str, Any]) -> dict[str, Any]:
    """measured: as `Recorder.result`. Seconds as (median, 95th percentile)."""
    changes: list[float] = measured["changes"]
    newest, latency, network, beside, sides = 0, [], [], [], set()
    waited: list[float] = []
    for picture in measured["pictures"]:
        shows, shown = picture["change"], picture["shown"]
        if shows <= newest:
            continue  # a finer one of what is shown
        waited += [shown - changed for changed in changes[newest:shows]]
        newest = shows
        latency.append(shown - changes[shows - 1])
        network.append(picture["network"])
        beside.append(latency[-1] - network[-1])
        sides.add(picture["side"])
    return {
        "changes": len(changes),
        "shown": newest,
        "pictures": len(latency),
        "sides": sorted(sides),
        "latency": spread(latency),
        "network": spread(network),
        "beside": spread(beside),
        "every_change": spread(waited),
    }


def spread(seconds: list[float]) -> tuple[float, float] | None:
    """Median and 95th percentile; None of less than two."""
    if len(seconds) < 2:
        return None
    return round(statistics.median(seconds), 4), round(statistics.quantiles(seconds, n=20, method="inclusive")[-1], 4)


def table(editor: str, rows: dict[str, dict[str, Any]]) -> str:
    lines = [
        f"| {editor}: slider | pictures for changes | latency | network | beside it | every change |",
        "|---|---|---|---|---|---|",
    ]
    for slider, row in rows.items():
        cells = [
            "none" if row[name] is None else "{:.3f} ({:.3f}) s".format(*row[name])
            for name in ("latency", "network", "beside", "every_change")
        ]
        lines.append(f"| {slider} | {row['pictures']} for {row['changes']} | {' | '.join(cells)} |")
        if row["latency"] is not None:
            most = BESIDE_TARGET_S + row["network"][0]
            lines.append("")
            verdict = "met" if row["latency"][1] <= most else "missed"
            side = " and ".join(f"{each}" for each in row["sides"])
            lines.append(f"{slider}: pictures of {side} pixels; target {most:.3f} s, {verdict}.")
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(main())
