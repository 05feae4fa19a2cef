"""What the docker does, without Qt and without Krita: its parts, and the connection to the backend.

The widgets hold nothing that is not here. The editor is reached through an `Editor` (`layers.canvas.KritaCanvas`, or
the tests' own), the backend through a `Backend`.
"""

from __future__ import annotations

import time
from collections.abc import Callable

from scumble_editor.backend import Backend
from scumble_editor.choices import ChoicesFile

from .context import Context, Editor, Part, Topic, log, told
from .kept_choices import KeptChoices
from .layer_jobs import LayerJobs
from .pack_files import PackFiles
from .preview import StylePreview
from .shelves import Shelves
from .training import Training


class Model(Part):
    """One for all windows of an editor."""

    def __init__(
        self, backend: Backend, canvas: Editor, file: ChoicesFile, *, clock: Callable[[], float] = time.perf_counter
    ) -> None:
        context = Context(backend, canvas, clock)
        super().__init__(context)
        log.addHandler(context.mistakes)
        self._started = False
        self.choices = KeptChoices(context, file)
        self.preview = StylePreview(context, self.choices)
        self.shelves = Shelves(context, self.choices, self.preview, file.path.with_name("kept.json"))
        self.layers = LayerJobs(context, self.choices, self.preview, self.shelves.shelf)
        self.training = Training(context, self.choices, self.shelves.shelf.kept)
        self.pack_files = PackFiles(context)

    def subscribe(self, topic: Topic, call: Callable[[], None]) -> None:
        """Call `call` after something of the topic changed."""
        self.context.subscribe(topic, call)

    @told
    def pump(self) -> None:
        """Something arrived."""
        self.backend.pump()

    @told
    def start(self) -> None:
        """Called when a docker is first seen: asks for packs and jobs, which starts the backend if need be."""
        if not self._started:
            self._started = True
            self.reconnect()

    @told
    def reconnect(self) -> None:
        self.backend.dismiss_problem()
        self.backend.refresh_packs()
        self.backend.refresh_jobs()

    @told
    def toggle_canvas_preview(self) -> None:
        """The menu's action."""
        self.start()
        self.preview.show(canvas=not self.preview.on_canvas)

    @told
    def close(self) -> None:
        """Krita closes: our jobs stop, training goes on in the backend."""
        self.canvas.hide_preview()
        self.backend.preview.drop()
        self.backend.cancel_all()
        self.backend.close()
        log.removeHandler(self.context.mistakes)
