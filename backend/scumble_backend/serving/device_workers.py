"""The workers, one for each device, and what they hold together.

Which devices there are is known from the settings, or, for "auto", once the first worker has loaded torch and looked.
A further device's lane opens when its worker says that it is ready; the first one is always open.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from scumble_backend.config import Settings
from scumble_backend.job import Start
from scumble_backend.rendering.worker import DeviceState, MakeRenderer, Progressed, Report, Worker
from scumble_backend.serving.pack_threads import Post


class DeviceWorkers:
    """All workers. Methods run on the loop's thread; what workers report comes there by `post`.

    reported: gets what a worker says of its jobs. opened: gets the number of a further device that is ready.
    """

    def __init__(
        self,
        settings: Settings,
        make: MakeRenderer,
        *,
        post: Post,
        reported: Callable[[Report], None],
        opened: Callable[[int], None],
    ) -> None:
        self._make, self._post, self._reported, self._opened = make, post, reported, opened
        self._settings = settings
        self._names: list[str] = []  # the setting of each worker's device
        self._workers: list[Worker] = []
        self._states: list[DeviceState] = []
        self._jobs: dict[str, int] = {}  # which worker has a job
        self._begun = False
        self._assign(settings.devices)

    @property
    def state(self) -> DeviceState:
        """All devices as one: names side by side, memory added up."""
        states = self._states[: len(self._names)]
        ready = [state for state in states if state.device]
        if not ready:
            return states[0]
        return DeviceState(
            ", ".join(state.device for state in ready),
            tuple(dict.fromkeys(network for state in ready for network in state.networks)),
            sum(state.memory_mb for state in ready),
        )

    def start(self) -> None:
        self._begun = True
        for worker in self._workers:
            worker.start()

    def load(self) -> None:
        """Load torch, and warm the devices up."""
        for worker in self._workers[: len(self._names)]:
            worker.load()

    def configure(self, settings: Settings) -> None:
        """Use other settings from the next job on. Where devices change, the lanes of further ones must be closed."""
        changed, self._settings = settings.device != self._settings.device, settings
        if changed:
            self._names.clear()
            self._states = [DeviceState() for _ in self._states]
            self._assign(settings.devices)
            for worker in self._workers[len(self._names) :]:
                worker.retire()
        for place, name in enumerate(self._names):
            self._workers[place].configure(replace(settings, device=name))
            if place and changed:
                self._workers[place].load()

    def run(self, start: Start) -> None:
        """Give a job to the worker of its lane."""
        self._jobs[start.job] = start.lane
        self._workers[start.lane].run(start)

    def stop(self, job: str) -> None:
        """Stop a running job at its next progress call."""
        if job in self._jobs:
            self._workers[self._jobs[job]].stop(job)

    def leave(self, patience_s: float) -> bool:
        """End all threads. False: one is still busy after `patience_s`."""
        for worker in self._workers:
            worker.leave(0.0)
        idle = [worker.leave(patience_s) for worker in self._workers]
        return all(idle)

    def _assign(self, names: tuple[str, ...]) -> None:
        """Devices for the workers after those that have one; workers are made as far as there are none."""
        for name in names:
            place = len(self._names)
            self._names.append(name)
            if place < len(self._workers):
                continue
            worker = Worker(self._reporting(place), replace(self._settings, device=name), self._make)
            self._workers.append(worker)
            self._states.append(DeviceState())
            if self._begun:
                worker.start()
                worker.load()

    def _reporting(self, place: int) -> Callable[[Report], None]:
        return lambda report: self._post(lambda: self._told(place, report))

    def _told(self, place: int, report: Report) -> None:
        if not isinstance(report, DeviceState):
            if not isinstance(report, Progressed):
                self._jobs.pop(report.job, None)
            self._reported(report)
            return
        before, self._states[place] = self._states[place], report
        if place == 0 and report.further and len(self._names) == 1 and self._settings.device == "auto":
            kept = len(self._workers)
            self._assign(report.further)
            for other in range(1, min(kept, len(self._names))):  # workers of an earlier setting
                self._workers[other].configure(replace(self._settings, device=self._names[other]))
                self._workers[other].load()
        if 0 < place < len(self._names) and report.device and not before.device:
            self._opened(place)
