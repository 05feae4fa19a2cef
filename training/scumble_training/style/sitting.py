"""What a sitting of a training has, whichever network learns: painting, photos, loss networks, its end."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TypeVar

import torch
from PIL import Image
from torch import Tensor

from scumble_backend.errors import LossNetworkMissing
from scumble_backend.nets.style_skip import SkipStyleNetwork, SkipStyleTable, StyleDelta
from scumble_backend.packs.making import AnyStyleNetwork, AnyStyleTable
from scumble_backend.packs.store import Folders, PackStore, default_folders
from scumble_backend.rendering.effects.colors import palette_of
from scumble_backend.training_runs.events import Done, Preview, Progress
from scumble_backend.training_runs.job import TrainingJob
from scumble_training.distributed import World
from scumble_training.loss_network import LossNetwork, load_loss_network
from scumble_training.schedule import Clock, Schedule
from scumble_training.style import held_out
from scumble_training.style.data import PhotoSet
from scumble_training.style.export import Story, free_id, write_style_pack
from scumble_training.style.held_out import HeldOut
from scumble_training.style.history import History, Line
from scumble_training.style.many.recipe import ManyRecipe
from scumble_training.style.painting import Painting, read_painting, to_image
from scumble_training.style.recipe import LossTerm, Recipe
from scumble_training.style.report import STRENGTHS, STROKE_SCALES, Report, write_report
from scumble_training.tensorboard import Board
from scumble_training.watching import Watcher

R = TypeVar("R", Recipe, ManyRecipe)

PREVIEW_S = 15.0  # seconds between previews, at least
SIDE = 256  # pixels; of the held-out pictures
#: What a picture of the report costs, against one held-out picture that is painted and compared.
REPORT_COST = 0.3
WITHOUT_PHOTOS = "It learned from made-up pictures; with a folder of 16 or more photos it suits photos better."


@dataclass(frozen=True)
class Outcome:
    """What is to become of a pack and a report.

    base_sha256: the installed base network; empty: the pack holds all weights; with_base: it carries its own base.
    """

    recipe: Recipe | ManyRecipe
    network: AnyStyleNetwork
    table: AnyStyleTable
    held: HeldOut
    histories: Mapping[str, Sequence[Line]]
    delta: StyleDelta | None = None
    base_sha256: str = ""
    with_base: bool = False
    quality: Mapping[str, float] = field(default_factory=dict)


class Sitting:
    """One sitting of a run; its subclasses know a network, and end with `finish`."""

    def __init__(
        self,
        job: TrainingJob,
        folder: Path,
        watcher: Watcher,
        device: torch.device,
        world: World,
        board: Board | None,
    ) -> None:
        self.job, self.folder, self.watcher, self.device, self.world = job, folder, watcher, device, world
        self._board = board
        self._fraction = 0.0
        self.schedule = Schedule()
        self.tell(0.0, "loading")
        folder.mkdir(parents=True, exist_ok=True)
        self.clock = Clock.of(folder / "clock.json")
        self.notes: list[str] = []
        self.painting: Painting = read_painting(job.painting)
        self.note(*self.painting.notes)
        self.store = PackStore(packs_of(job))
        self.own: list[Tensor] = []
        self._loss_networks: dict[str, LossNetwork] = {}

    # --- what is told -----------------------------------------------------------------------------------

    def note(self, *texts: str) -> None:
        for text in texts:
            self.notes.append(text)
            self.watcher.note(text)

    def tell(self, fraction: float, stage: str) -> None:
        """fraction: of the whole run; it never falls."""
        self._fraction = max(self._fraction, fraction)
        self.watcher.tell(Progress(self._fraction, self.schedule.remaining_s(), stage))

    def worked(self, stage: str) -> None:
        """One picture of a stage is done."""
        self.schedule.did(stage)
        self.tell(self._fraction, stage)

    def preview(
        self, stage: str, painter: Callable[[Tensor], Tensor], step: int, steps: int, style: float, content: float
    ) -> None:
        """Show how far it has come. painter: (3, H, W) -> the same, painted. style, content: losses."""
        if not self.world.leads:
            return
        painted = [painter(picture) for picture in [*self.own, *self.shown][:2]]
        sheet = Image.new("RGB", (SIDE * len(painted), SIDE))
        for place, picture in enumerate(painted):
            sheet.paste(to_image(picture), (SIDE * place, 0))
        path = self.folder / f"preview-{stage}-{step:06d}.jpg"
        sheet.save(path, quality=88)
        for old in sorted(self.folder.glob("preview-*.jpg"), key=lambda file: file.stat().st_mtime)[:-4]:
            old.unlink(missing_ok=True)
        self.watcher.tell(Preview(path, step, steps, style, content))

    def chart(self, stage: str, step: int, losses: Mapping[str, float]) -> None:
        """Losses on the board, where there is one."""
        if self._board is not None:
            for key, value in losses.items():
                self._board.add_scalar(f"{stage}/{key}", value, step)

    # --- what it works with -----------------------------------------------------------------------------

    def networks(self, terms: Sequence[LossTerm], *, download: bool) -> list[LossNetwork]:
        """The loss networks of a recipe's terms, each loaded once. Raises LossNetworkMissing, LossNetworkUnusable."""
        for term in terms:
            key = repr((term.network, term.layers))
            if key not in self._loss_networks:
                self._loss_networks[key] = self._load(term, download)
        return [self._loss_networks[repr((term.network, term.layers))] for term in terms]

    def reachable(self, recipe: R) -> R:
        """The recipe, or with its alternative terms where the loss networks of its own are not at hand."""
        download = self.job.download
        try:
            self.networks(recipe.terms, download=download and not recipe.alternative)
        except LossNetworkMissing:
            if not recipe.alternative:
                raise
            self.networks(recipe.alternative, download=download)
            return replace(recipe, terms=recipe.alternative, alternative=[])
        return recipe

    def _load(self, term: LossTerm, download: bool) -> LossNetwork:
        return load_loss_network(term.network, term.layers, folder=self.job.loss_network, download=download)

    def load_photos(self, short_side: int) -> None:
        """Photos to learn from, and pictures to judge and to show."""
        photos = None
        if self.job.photos is not None:
            photos = PhotoSet.load(self.job.photos, short_side=short_side)
            if photos.skipped:
                self.note(f"{len(photos.skipped)} files of the photos could not be read and were skipped.")
            if len(photos) < 16:
                self.note(f"There are only {len(photos)} photos; 16 or more give a style that fits any picture.")
        else:
            self.note(WITHOUT_PHOTOS)
        self.data = f"{len(photos)} photos" if photos else "made-up pictures"
        self.photos, held = held_out.split(photos)
        self.contents = held_out.pictures(held, SIDE)  # what the style is judged on
        self.shown = self.contents if held else [held_out.sample(SIDE), *self.contents]  # what people look at
        # The user's own picture goes into previews, not into the pack or the report, which others may get to see.
        self.own = [held_out.from_file(self.job.shown, SIDE)] if self.job.shown is not None else []

    def history(self, stage: str, first_step: int) -> History:
        folder = self.folder / stage
        if self.world.leads:
            folder.mkdir(parents=True, exist_ok=True)
        return History(folder / "history.jsonl", first_step=first_step)

    # --- the end ----------------------------------------------------------------------------------------

    def expect_report(self) -> None:
        self.schedule.expect("writing", len(self.shown[:4]) * len((*STRENGTHS, *STROKE_SCALES)), REPORT_COST)

    def finish(self, outcome: Outcome) -> Done:
        """Write the pack and the report."""
        job = self.job
        self.schedule.over("measuring")
        self.tell(0.98, "writing")
        self.schedule.begin()
        held = outcome.held
        quality = {"held_out_style": held.style, "held_out_content": held.content, **outcome.quality}
        story = Story(outcome.recipe, self.data, self.clock.seconds, self.device, quality)
        pack_id = free_id(job.name, [pack.id for pack in self.store.list()])
        pack, report = self.folder / f"{pack_id}.scumble", self.folder / "report.html"
        if self.world.leads:
            paints = [paint(outcome.network, outcome.table, content, outcome.delta) for content in self.shown[:2]]
            manifest = write_style_pack(
                pack, title=job.name, pack_id=pack_id, network=outcome.network, table=outcome.table,
                delta=outcome.delta, base_sha256=outcome.base_sha256, story=story, with_base=outcome.with_base,
                thumbnail=self.painting.thumbnail(256), palette=palette_of(self.painting.pixels).numbers(),
                previews=[to_image(picture) for picture in paints],
            )  # fmt: skip
            write_report(
                report,
                Report(
                    title=job.name, painting=self.painting, manifest=manifest, network=outcome.network,
                    table=outcome.table, delta=outcome.delta, contents=self.shown[:4], histories=outcome.histories,
                    held=held, notes=tuple(self.notes), each=lambda: self.worked("writing"),
                ),
            )  # fmt: skip
            self.clock.save()
        self.schedule.over("writing")
        self.tell(1.0, "writing")
        return Done(pack, report, round(self.clock.seconds, 1), " ".join(self.notes))


def packs_of(job: TrainingJob) -> Folders:
    """Where the packs lie that a job may begin from."""
    usual = default_folders()
    return usual if job.packs_folder is None else Folders(job.packs_folder, usual.starters)


@torch.no_grad()
def paint(network: AnyStyleNetwork, table: AnyStyleTable, picture: Tensor, delta: StyleDelta | None = None) -> Tensor:
    """(3, H, W) in [0, 1] -> the same, painted as the style was trained."""
    if isinstance(network, SkipStyleNetwork):
        assert isinstance(table, SkipStyleTable)
        skip: Tensor = network(picture[None], table.at(), delta)[0]
        return skip
    painted: Tensor = network(picture[None], table.at(1.0))[0]
    return painted
