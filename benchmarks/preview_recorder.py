"""Times a dragged slider and the pictures that answer it, inside an editor: `preview_latency.py` puts it there.

Only the standard library, for it runs in Krita's and in GIMP's own Python.
"""

import time

STEP_MS = 20  # a pointer moves so often
SWEEP_S = 2.0  # from one end of the slider to the other


class Recorder:
    """Watches a `PreviewSlot`. `change`: the slider is about to move; `painted`: the window has been drawn."""

    def __init__(self, slot):
        self.began = time.monotonic()
        self.changes = []  # when
        self.pictures = []  # {"change", "shown", "network", "side"}; change: how many of the changes it shows
        self._came = []
        self._slot, self._show = slot, slot.show
        slot.show = self._watched

    def _watched(self, message, frames, on_picture, on_end=None):
        change = len(self.changes)

        def came(job, delivery):
            on_picture(job, delivery)
            image = delivery.message.image
            side = max(image.width, image.height)
            self._came.append({"change": change, "network": delivery.message.network_seconds, "side": side})

        self._show(message, frames, came, on_end)

    def place(self):
        """Where the pointer is now on the slider, 0.02 .. 0.98: steadily to and fro."""
        way = (time.monotonic() - self.began) / SWEEP_S % 2.0
        return 0.02 + 0.96 * (way if way < 1.0 else 2.0 - way)

    def change(self):
        self.changes.append(time.monotonic())

    def no_change(self):
        """The slider did not move after all."""
        self.changes.pop()

    def painted(self):
        now = time.monotonic()
        self.pictures += [{**each, "shown": now} for each in self._came]
        self._came = []

    @property
    def pending(self):
        """Whether a picture has come that is not drawn yet."""
        return bool(self._came)

    def result(self):
        """All of it, for JSON; the slot is let go."""
        self._slot.show = self._show
        return {"changes": self.changes, "pictures": self.pictures}
