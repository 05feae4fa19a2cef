"""The plugin inside Krita: one model for all windows, the actions of the menu, the docker."""

import os
from typing import Any

from krita import DockWidgetFactory, DockWidgetFactoryBase, Extension, Krita

from scumble_editor.backend import Backend
from scumble_editor.choices import ChoicesFile
from scumble_editor.threaded_client import ThreadedClient
from scumble_editor.words import tr
from scumble_wire import folders
from scumble_wire.client import Client
from scumble_wire.launch import find_command

from . import language
from .docker import ScumbleDocker
from .help import open_guide
from .layers.canvas import KritaCanvas
from .model import Model
from .qt import QObject, QTimer, pyqtSignal

CONNECT_S = 60.0  # a first start of the backend reads large libraries from a cold disk
DOCKER_ID = "scumble"


class Bell(QObject):
    """Rung in the client's thread, heard in Krita's main thread."""

    rung = pyqtSignal()


def connect(version: str) -> Client:
    """Find the backend, or start it. Called in the client's thread. Raises ScumbleErrors."""
    return Client.connect(name="krita", version=version, launch=find_command, timeout_s=CONNECT_S)


class ScumbleExtension(Extension):
    def __init__(self, parent: Any) -> None:
        super().__init__(parent)
        self._bell = Bell()
        version = str(Krita.instance().version())
        self._client = ThreadedClient(lambda: connect(version), self._bell.rung.emit)
        file = ChoicesFile(folders.config_folder(os.environ) / "krita.json")
        self.model = Model(Backend(self._client), KritaCanvas(), file)
        self._bell.rung.connect(self.model.pump)

    def setup(self) -> None:
        """Krita calls this once, when it has started."""
        notifier = Krita.instance().notifier()
        notifier.setActive(True)
        notifier.applicationClosing.connect(self.model.close)
        # Krita says so before the document is gone.
        notifier.imageClosed.connect(lambda name: QTimer.singleShot(0, self.model.layers.document_closed))

    def createActions(self, window: Any) -> None:  # noqa: N802
        """Krita calls this for each of its windows."""
        model = self.model
        for name, text, run in (
            ("scumble_apply_last", tr("Scumble: Apply Last Style"), lambda: model.layers.apply_last()),
            ("scumble_paint_frames", tr("Scumble: Paint All Frames"), lambda: model.layers.paint_frames()),
            ("scumble_toggle_preview", tr("Scumble: Preview on the Canvas"), lambda: model.toggle_canvas_preview()),
            (
                "scumble_upscale_selection",
                tr("Scumble: Upscale Selection"),
                lambda: model.layers.upscale("selection"),
            ),
        ):
            action = window.createAction(name, text, "tools/scripts")
            action.triggered.connect(run)
        manual = window.createAction("scumble_manual", tr("Scumble Manual"), "help")
        manual.triggered.connect(lambda: open_guide())


def register() -> None:
    """Add extension and docker to Krita; called when Krita imports the plugin."""
    language.install()
    krita = Krita.instance()
    extension = ScumbleExtension(krita)
    ScumbleDocker.model = extension.model
    krita.addExtension(extension)
    place = DockWidgetFactoryBase.DockPosition.DockRight
    krita.addDockWidgetFactory(DockWidgetFactory(DOCKER_ID, place, ScumbleDocker))
