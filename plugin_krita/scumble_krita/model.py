"""What the docker does, without Qt and without Krita: choices, previews, jobs that end as layers.

The widgets hold nothing that is not here. The editor is reached through a canvas (`layers.canvas.KritaCanvas`, or the
tests' own), the backend through a `Backend`.
"""

from __future__ import annotations

import functools
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal, TypeVar

from scumble_editor.backend import Backend, Delivery, Job
from scumble_editor.choices import ChoicesFile, StyleChoices, TrainChoices, UpscaleChoices
from scumble_editor.words import Problem, tr, upscaled_name
from scumble_wire.errors import ScumbleError
from scumble_wire.messages import (
    ImageInfo,
    ImageResult,
    InspectPack,
    InstallPack,
    ListPacks,
    PackDetails,
    RemovePack,
    Train,
)

from .enlarging import DocumentEnlargement
from .troubles import NoName, NoStyle, PluginFault

PREVIEW_SIDE = 320  # pixels: what the docker shows
CANVAS_PREVIEW_SIDE = 1024  # pixels: what is enlarged onto the canvas
COPY_AGE_S = 1.5  # a small copy older than this is taken anew, for the layer may have been painted on

Topic = Literal["choices", "preview", "packfile"]


Method = TypeVar("Method", bound=Callable[..., Any])


def told(method: Method) -> Method:
    """A method that a click or a signal calls: our own mistakes are told in words, kept for the diagnosis."""

    @functools.wraps(method)
    def run(self: Model, *arguments: Any, **named: Any) -> Any:
        try:
            return method(self, *arguments, **named)
        except Exception as error:  # noqa: BLE001 - the edge: past it Krita would show a traceback
            self.last_traceback = traceback.format_exc()
            self.backend.report(error)
            return None

    return run  # type: ignore[return-value]


def safely(use: Callable[[Job, Delivery], None]) -> Callable[[Job, Delivery], None]:
    """Something done with a result: any mistake in it ends its job as failed instead of leaving it open."""

    @functools.wraps(use)
    def run(job: Job, delivery: Delivery) -> None:
        try:
            use(job, delivery)
        except ScumbleError:
            raise
        except Exception as error:
            raise PluginFault(error) from error

    return run


@dataclass
class Picture:
    """A picture for the docker: RGB(A) u8 as its info says."""

    info: ImageInfo
    data: Any


@dataclass
class _SmallCopy:
    key: Any
    side: int
    detail: bool
    taken_at: float
    image: ImageInfo
    data: bytes
    place: Any


class Model:
    """One for all windows of an editor."""

    def __init__(
        self, backend: Backend, canvas: Any, file: ChoicesFile, *, clock: Callable[[], float] = time.perf_counter
    ) -> None:
        self.backend = backend
        self.canvas = canvas
        self.file = file
        self._clock = clock
        self._subscribers: list[tuple[Topic, Callable[[], None]]] = []
        self._copy: _SmallCopy | None = None
        self._started = False
        self.style = file.get("style", StyleChoices)
        self.upscale = file.get("upscale", UpscaleChoices)
        self.train = file.get("train", TrainChoices)
        self.train_file = ""
        self.train_recipe = ""  # name or path of a recipe of one's own; empty: by quality
        self.preview_in_docker = False
        self.preview_on_canvas = False
        self.preview_detail = False
        self.preview: Picture | None = None
        self.preview_problem: Problem | None = None
        self.preview_seconds = 0.0  # from asking to showing, of the newest
        self.preview_network_seconds = 0.0  # of these, in the network
        self.pack_offer: tuple[PackDetails, Picture | None, str, bytes] | None = None
        self.last_traceback = ""  # of our own mistakes, for the diagnosis
        self.timings: dict[str, float] = {}  # seconds of the last apply: reading, sending, network, ...
        backend.subscribe("packs", self._packs_changed)
        backend.subscribe("connection", self._connection_changed)

    # --- listening -------------------------------------------------------------------------------------

    def subscribe(self, topic: Topic, call: Callable[[], None]) -> None:
        self._subscribers.append((topic, call))

    def _changed(self, topic: Topic) -> None:
        for each, call in list(self._subscribers):
            if each == topic:
                call()

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

    def _connection_changed(self) -> None:
        if not self.backend.connected:
            self.preview_problem = self.backend.problem
            self._changed("preview")

    def _packs_changed(self) -> None:
        names = {pack.id for pack in self.backend.packs}
        changes: dict[str, Any] = {}
        styles = self.backend.styles()
        if self.style.pack not in names and styles:
            changes["pack"] = styles[0].id
        if self.style.second_pack and self.style.second_pack not in names:
            changes |= {"second_pack": "", "mix": 0.0}
        if changes:
            self.choose_style(**changes)
        models = [pack.id for pack in self.backend.upscalers()]
        if models and self.upscale.model not in (*models, "bicubic"):
            self.choose_upscale(model=models[0])

    # --- choices ---------------------------------------------------------------------------------------

    @told
    def choose_style(self, **changes: Any) -> None:
        """Change choices of the Style tab; a preview that is shown follows. Raises ValueError."""
        self.style = replace(self.style, **changes)
        self._keep("style", self.style)
        self.update_preview()

    @told
    def choose_upscale(self, **changes: Any) -> None:
        self.upscale = replace(self.upscale, **changes)
        self._keep("upscale", self.upscale)

    @told
    def choose_train(self, **changes: Any) -> None:
        self.train = replace(self.train, **changes)
        self._keep("train", self.train)

    def _keep(self, section: str, choices: Any) -> None:
        try:
            self.file.put(section, choices)
        except OSError as error:
            self.backend.report(
                ScumbleError(
                    tr("Your choices can't be kept: {error}.", error=error.strerror or error),
                    remedy=tr("Check the folder {folder}.", folder=self.file.path.parent),
                )
            )
        self._changed("choices")

    # --- preview ---------------------------------------------------------------------------------------

    @told
    def set_preview(
        self, *, docker: bool | None = None, canvas: bool | None = None, detail: bool | None = None
    ) -> None:
        self.preview_in_docker = self.preview_in_docker if docker is None else docker
        self.preview_detail = self.preview_detail if detail is None else detail
        if canvas is not None and canvas != self.preview_on_canvas:
            self.preview_on_canvas = canvas
            if not canvas:
                self.canvas.hide_preview()
        if not (self.preview_in_docker or self.preview_on_canvas):
            self.backend.preview.drop()
            self.preview = self.preview_problem = None
        self._changed("preview")
        self.update_preview()

    @told
    def source_changed(self) -> None:
        """Called when another document, layer or selection may be current, or it may have been painted on."""
        if self._copy is not None and self.canvas.key() != self._copy.key:
            self._copy = None
            if self.preview_in_docker or self.preview_on_canvas:
                self.update_preview()

    def update_preview(self) -> None:
        """Ask for a new preview where one is shown."""
        if not (self.preview_in_docker or self.preview_on_canvas) or not self.style.pack:
            return
        began = self._clock()
        detail = self.preview_detail and not self.preview_on_canvas
        try:
            copy = self._small_copy(CANVAS_PREVIEW_SIDE if self.preview_on_canvas else PREVIEW_SIDE, detail)
        except ScumbleError as error:
            self.backend.preview.drop()
            self.preview, self.preview_problem = None, self._explain(error)
            self._changed("preview")
            return

        @safely
        def show(job: Job, delivery: Delivery) -> None:
            assert isinstance(delivery.message, ImageResult)
            image, frame = delivery.message.image, delivery.frames[delivery.message.image.frame]
            image.check_payload(len(frame))
            self.preview, self.preview_problem = Picture(image, frame), None
            self.preview_seconds = self._clock() - began
            self.preview_network_seconds = delivery.message.network_seconds
            if self.preview_on_canvas and copy.place is not None:
                self.canvas.show_preview(copy.place, image, frame)
                if not self.preview_on_canvas:  # switched off while Krita added the layer, which turns its event loop
                    self.canvas.hide_preview()
            self._changed("preview")

        def ended(job: Job) -> None:
            if job.state == "failed":
                self.preview_problem = job.problem
                self._changed("preview")

        self.backend.preview.show(self.style.message(copy.image, "preview"), [copy.data], show, ended)

    def _small_copy(self, side: int, detail: bool) -> _SmallCopy:
        key = self.canvas.key()
        kept, now = self._copy, self._clock()
        if (
            kept is None
            or (kept.key, kept.side, kept.detail) != (key, side, detail)
            or now - kept.taken_at > COPY_AGE_S
        ):
            image, data, place = self.canvas.small_copy(side, detail)
            kept = self._copy = _SmallCopy(key, side, detail, now, image, data, place)
        return kept

    @staticmethod
    def _explain(error: ScumbleError) -> Problem:
        return Problem(error.message, error.remedy, error.code)

    # --- apply and upscale -------------------------------------------------------------------------------

    @told
    def apply_style(self) -> Job | None:
        """Paint the current layer or selection into a new layer. None: there was a problem, and it is shown."""
        began = self._clock()
        try:
            if not self.style.pack:
                raise NoStyle
            taken = self.canvas.take(self.style.stroke_scale)
        except ScumbleError as error:
            self.backend.report(error)
            return None
        read = self._clock()
        self.backend.dismiss_problem()
        self.backend.preview.drop()
        name = self.style.layer_name(self.backend.titles)

        @safely
        def insert(job: Job, delivery: Delivery) -> None:
            assert isinstance(delivery.message, ImageResult)
            image = delivery.message.image
            arrived = self._clock()
            self.canvas.insert(taken.place, image, delivery.frames[image.frame], name)
            self._measure(job, delivery.message, began, read, arrived)

        message = self.style.message(taken.image, "apply", tr("{name} on {layer}", name=name, layer=taken.place.name))
        return self.backend.submit(message, [taken.frame], on_done=insert, on_end=lambda job: self._applied())

    @told
    def apply_last(self) -> None:
        """The menu's action: works before any docker was seen, too."""
        self._started = True
        if self.backend.packs_known:
            self.apply_style()
        else:
            self.backend.ask(ListPacks(), on_answer=lambda delivery: self.apply_style())

    @told
    def toggle_canvas_preview(self) -> None:
        self.start()
        self.set_preview(canvas=not self.preview_on_canvas)

    def _applied(self) -> None:
        if self.preview_on_canvas:
            self.set_preview(canvas=False)
        else:
            self._changed("preview")

    def _measure(self, job: Job, result: ImageResult, began: float, read: float, arrived: float) -> None:
        posted, accepted, came = (job.marks.get(name, 0.0) for name in ("posted", "accepted", "arrived"))
        self.timings = {
            "reading": read - began,
            "sending": accepted - posted,
            "network": result.network_seconds,
            "backend_beside_network": result.seconds - result.network_seconds,
            "receiving": max(0.0, came - accepted - result.seconds),
            "inserting": self._clock() - arrived,
            "total": self._clock() - began,
        }

    @told
    def upscale_now(self, source: str = "") -> None:
        """Enlarge what the Upscale tab says; source: "layer", "selection" or "document" instead of its choice."""
        source = source or self.upscale.source
        try:
            if source == "document":
                DocumentEnlargement(self.backend, self.canvas, self.upscale).start()
                return
            taken = self.canvas.take_exactly(need_selection=source == "selection")
        except ScumbleError as error:
            self.backend.report(error)
            return
        self.backend.dismiss_problem()
        name = upscaled_name(taken.place.name, self.upscale.factor)

        @safely
        def insert(job: Job, delivery: Delivery) -> None:
            assert isinstance(delivery.message, ImageResult)
            image = delivery.message.image
            self.canvas.insert_enlarged(taken.place, image, delivery.frames[image.frame], name)

        self.backend.submit(self.upscale.message(taken.image, "apply", name), [taken.frame], on_done=insert)

    # --- training and packs --------------------------------------------------------------------------------

    @told
    def train_now(self) -> Job | None:
        try:
            if not self.train.name.strip():
                raise NoName
            image, frame = self.canvas.take_reference(self.train.source, self.train_file)
        except ScumbleError as error:
            self.backend.report(error)
            return None
        self.backend.dismiss_problem()
        name = self.train.name.strip()
        message = Train(image, name, self.train.quality, self.train.strength, recipe=self.train_recipe, title=name)
        return self.backend.submit(message, [frame], title=tr("Learning {name}", name=name))

    @told
    def offer_pack(self, path: str) -> None:
        """Look into a pack file; `pack_offer` then tells what would be installed."""
        try:
            data = Path(path).read_bytes()
        except OSError as error:
            self.backend.report(
                ScumbleError(
                    tr("{name} can't be read: {error}.", name=Path(path).name, error=error.strerror or error),
                    remedy=tr("Choose another file."),
                )
            )
            return
        name = Path(path).name

        def looked(delivery: Delivery) -> None:
            assert isinstance(delivery.message, PackDetails)
            small = delivery.message.thumbnail
            picture = Picture(small, delivery.frames[small.frame]) if small is not None else None
            self.pack_offer = delivery.message, picture, name, data
            self._changed("packfile")

        self.backend.dismiss_problem()
        self.backend.ask(InspectPack(file_name=name), [data], on_answer=looked)

    @told
    def install_offered(self, title: str = "", license: str = "") -> None:
        """Install what `offer_pack` showed; title and license where it asked for them."""
        if self.pack_offer is None:
            return
        details, _, name, data = self.pack_offer
        self.pack_offer = None
        message = InstallPack(file_name=name, title=title, license=license, trust_changed_key=bool(details.warning))
        self.backend.ask(message, [data], on_answer=lambda delivery: self.backend.refresh_packs())

    def refuse_offered(self) -> None:
        self.pack_offer = None

    @told
    def remove_pack(self, pack: str) -> None:
        self.backend.ask(RemovePack(pack), on_answer=lambda delivery: self.backend.refresh_packs())

    # --- the end ---------------------------------------------------------------------------------------------

    @told
    def close(self) -> None:
        """Krita closes: our jobs stop, training goes on in the backend."""
        self.backend.preview.drop()
        self.backend.cancel_all()
        self.backend.close()
