"""A Krita plugin for tests: runs the file named by SCUMBLE_SCENARIO, one generator function after another.

The file has functions `step_<name>(figures)` in order, and perhaps `cleanup()` for after each of them; all are
generators whose `yield milliseconds` gives Krita's event loop a turn. What happened goes to the JSON file
SCUMBLE_RESULT after each step: {name: {"ok", "error", "figures", "seconds"}}.
"""

# ruff: noqa: PTH105, PTH123, BLE001, N802

import gc
import json
import os
import runpy
import time
import traceback

from krita import Extension, Krita
from PyQt5.QtCore import QTimer
from PyQt5.QtWidgets import QApplication

LAST_RESORT_MS = 15000  # a dialog that is open would keep Krita from leaving


class Driver(Extension):
    def __init__(self, parent):
        super().__init__(parent)
        self.results = {}
        self.steps = []
        self.started = False

    def setup(self):
        Krita.instance().notifier().windowCreated.connect(self.begin)

    def createActions(self, window):
        pass

    def begin(self):
        if not self.started and os.environ.get("SCUMBLE_SCENARIO"):
            self.started = True
            QTimer.singleShot(1500, self.load)

    def load(self):
        try:
            space = runpy.run_path(os.environ["SCUMBLE_SCENARIO"], run_name="scumble_scenario")
        except BaseException:
            self.note("load", traceback.format_exc())
            self.leave()
            return
        wanted = [name for name in os.environ.get("SCUMBLE_STEPS", "").split(",") if name]
        self.steps = [
            (n[5:], f) for n, f in space.items() if n.startswith("step_") and (not wanted or n[5:] in wanted)
        ]
        self.cleanup = space.get("cleanup", tuple)
        self.next_step()

    def note(self, name, error=None, figures=None, seconds=0.0):
        self.results[name] = {"ok": error is None, "error": error, "figures": figures, "seconds": round(seconds, 3)}
        path = os.environ["SCUMBLE_RESULT"]
        with open(path + ".new", "w") as file:
            json.dump(self.results, file, indent=1)
        os.replace(path + ".new", path)

    def next_step(self):
        if not self.steps:
            self.note("finished")
            self.leave()
            return
        name, function = self.steps.pop(0)
        os.write(2, f"--- scenario {name}\n".encode())  # into Krita's log, among what Krita says
        self.running = self.play(name, function)
        self.turn()

    def play(self, name, function):
        """One scenario and the cleaning up after it, with its outcome noted in between."""
        figures, began, error = {}, time.monotonic(), None
        try:
            yield from function(figures)
        except Exception:
            error = traceback.format_exc()
        self.note(name, error, figures, time.monotonic() - began)
        gc.collect()  # what it held of a document must be gone before the document is closed
        try:
            yield from self.cleanup()
        except Exception:
            self.note(name + ":cleanup", traceback.format_exc())

    def turn(self):
        try:
            pause = next(self.running)
        except StopIteration:
            QTimer.singleShot(50, self.next_step)
        else:
            QTimer.singleShot(int(pause or 1), self.turn)

    def leave(self):
        for document in Krita.instance().documents():
            document.setBatchmode(True)
            document.setModified(False)
        QTimer.singleShot(LAST_RESORT_MS, lambda: os._exit(3))
        Krita.instance().action("file_quit").trigger()
        QTimer.singleShot(1000, QApplication.quit)


Krita.instance().addExtension(Driver(Krita.instance()))
