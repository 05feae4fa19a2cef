"""The loop: one style a step, read from top to bottom.

A checkpoint holds everything needed to go on. Crops, grain, boldness and the order of styles are functions of seed,
process and step alone.

Several processes (torchrun) train side by side, each on crops and styles of its own, and average what they learned
every so many steps (local SGD, Stich 2019): on a CPU two processes of one thread do nearly twice the work of one
process of two threads, whose small convolutions share badly.
"""

from __future__ import annotations

import json
import math
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from scumble_backend.errors import CheckpointUnusable, LossNotFinite
from scumble_backend.nets.style_skip import SkipStyleNetwork, initialize
from scumble_backend.rendering import device as devices
from scumble_training.checkpoint import REMEDY, read_checkpoint, write_checkpoint
from scumble_training.distributed import World
from scumble_training.loss_network import LossNetwork, load_loss_network
from scumble_training.style.data import PhotoSet
from scumble_training.style.many.crops import CropPool
from scumble_training.style.many.objective import ManyObjective, Parts
from scumble_training.style.many.recipe import ManyRecipe, many_from_json
from scumble_training.style.many.style import Style

STEERING = 0.015  # how much a content loss that is 1 too large takes from the log of the style's weight, a step
STRENGTHS = (0.1, 1.5)  # of the recipe's; how far it goes
ENTRIES = frozenset(("recipe", "step", "seconds", "state", "averages", "optimizer"))  # of a checkpoint


class ManyRun:
    """One run and everything that it changes."""

    def __init__(
        self,
        recipe: ManyRecipe,
        paintings: Mapping[str, Tensor],
        photos: PhotoSet | None,
        *,
        device: torch.device | str = "cpu",
        loss_folder: Path | None = None,
        networks: Sequence[LossNetwork] | None = None,
        world: World | None = None,
    ) -> None:
        """Set up, nothing learned yet.

        paintings: one (3, H, W) in [0, 1] per style, at full size. photos: None trains on made-up pictures.
        networks: the loss networks of the recipe's terms, where they are loaded already.
        world: which of how many processes this one is; the styles are dealt out among them.
        """
        self.recipe, self.device, self.photos = recipe, torch.device(device), photos
        self.world = world or World()
        generator = torch.Generator().manual_seed(recipe.seed)
        self.network = SkipStyleNetwork(recipe.network.config())
        initialize(self.network, generator)
        self.network.to(self.device).to(memory_format=torch.channels_last)
        self.styles = nn.ModuleDict({name: Style(self.network, recipe, generator) for name in paintings})
        self.styles.to(self.device)
        if networks is None:
            networks = [
                load_loss_network(term.network, term.layers, folder=loss_folder, padding="reflect")
                for term in recipe.terms
            ]
        self.objective = ManyObjective(recipe.terms, networks, recipe.weights, recipe.data).to(self.device)
        self.goals = {
            name: self.objective.goals(recipe.as_learned(painting).to(self.device))
            for name, painting in paintings.items()
        }
        self.network.requires_grad_(recipe.trains == "all")
        self.optimizer = torch.optim.Adam(self._groups(), lr=0.0, betas=(0.9, 0.99), eps=1e-10)
        self.strengths = {name: recipe.strengths.get(name, 1.0) for name in paintings}
        self.step = 0
        self.seconds = 0.0  # of training so far, over all sittings
        self.averages = {name: value.detach().clone() for name, value in self._state().items()}
        self._pool: CropPool | None = None

    def styles_of(self, rank: int) -> list[str]:
        """The styles that process `rank` trains: every n-th; with fewer styles than processes several share one."""
        names = list(self.styles)
        return names[rank :: self.world.size] or [names[rank % len(names)]]

    def _groups(self) -> list[dict[str, Any]]:
        rates = self.recipe.optimizer
        named = dict(self.styles.named_parameters())
        color = [p for name, p in named.items() if ".table.color" in name]
        table = [p for name, p in named.items() if ".table." in name and ".table.color" not in name]
        left = [p for name, p in named.items() if ".left." in name]
        rest = [p for name, p in named.items() if ".right." in name]
        if self.recipe.trains == "all":
            rest += self.network.parameters()
        groups = [(color, rates.color_rate), (table, rates.table_rate), (left, rates.delta_rate), (rest, rates.rate)]
        return [{"params": params, "peak": peak} for params, peak in groups if params]

    def _state(self) -> dict[str, Tensor]:
        """All that is learned, by name: the network (with its average statistics) and every style."""
        return {f"network.{name}": value for name, value in self.network.state_dict().items()} | {
            f"styles.{name}": value for name, value in self.styles.state_dict().items()
        }

    # --- one step ---------------------------------------------------------------------------------------

    def rate(self, peak: float) -> float:
        """The learning rate of this step: rising, level, falling to 0."""
        optimizer = self.recipe.optimizer
        risen = min(1.0, (self.step + 1) / max(1, optimizer.warmup))
        left = 1 - self.step / optimizer.steps
        return peak * risen * min(1.0, left / max(optimizer.fall, 1e-9))

    def style_at(self, step: int) -> str:
        """Every style of this process once, in an order of its own, then all again."""
        names = self.styles_of(self.world.rank)
        turn, place = divmod(step, len(names))
        return names[int(np.random.default_rng((self.recipe.seed, 2, turn)).permutation(len(names))[place])]

    def crops(self) -> CropPool:
        recipe = self.recipe
        side = recipe.side_at(self.step / recipe.optimizer.steps)
        if self._pool is None or self._pool.side != side:
            self._pool = CropPool(
                self.photos,
                side,
                recipe.data.pool,
                self._content_of,
                canvases=recipe.data.canvases,
                seed=recipe.seed + 1000 * self.world.rank,
                turns=recipe.data.pool_turns,
            )
        return self._pool

    def _content_of(self, pictures: Tensor) -> list[Tensor]:
        return [features.cpu() for features in self.objective.content(pictures.to(self.device))]

    def train_step(self) -> Parts:
        """One step of the optimizer. Raises OutOfMemory; LossNotFinite, before such a loss has changed anything."""
        with devices.memory_errors("training"):
            return self._train_step()

    def _train_step(self) -> Parts:
        count = self.recipe.optimizer.pictures
        crops = self.crops().at(self.step * count, count)
        rng = np.random.default_rng((self.recipe.seed, 3, self.step, self.world.rank))
        side = crops.pictures.shape[-1]
        grain = torch.from_numpy(rng.uniform(-1, 1, (count, 1, side, side)).astype(np.float32)).to(self.device)
        boldness = float(rng.uniform(-1, 1))
        name = self.style_at(self.step)
        for group in self.optimizer.param_groups:
            group["lr"] = self.rate(group["peak"])
        self.optimizer.zero_grad(set_to_none=True)  # styles that have no turn keep still: no gradient, no step
        self.network.train(self.recipe.trains == "all")
        pictures = crops.pictures.to(self.device)
        others = self._in_another_style(name, pictures, grain, rng) if self.recipe.weights.likeness else None
        painted = self._painted(name, pictures, grain, boldness)
        content = [features.to(self.device) for features in crops.content]
        canvases, strength = crops.is_canvas.to(self.device), self.strengths[name]
        parts: Parts = self.objective(
            painted, pictures, content, self.goals[name], canvases, boldness, strength, others
        )
        if not torch.isfinite(parts.total):
            raise LossNotFinite(
                f"the loss became {float(parts.total.detach())} at step {self.step}.".replace("nan", "NaN"),
                remedy="The last checkpoint is kept; go on from it with a smaller `optimizer.rate` in the recipe.",
            )
        if not crops.is_canvas.any():
            self._steer(name, parts.content)
        parts.total.backward()  # type: ignore[no-untyped-call]
        moved = [p for group in self.optimizer.param_groups for p in group["params"] if p.grad is not None]
        nn.utils.clip_grad_norm_(moved, self.recipe.optimizer.clip)
        self.optimizer.step()
        self.step += 1
        # The average forgets its start: early on it follows closely.
        keep = min(self.recipe.optimizer.average, self.step / (self.step + 10))
        with torch.no_grad():
            for key, value in self._state().items():
                self.averages[key].lerp_(value, 1 - keep)
        return parts

    def _painted(self, name: str, pictures: Tensor, grain: Tensor, boldness: float = 0.0) -> Tensor:
        style = self.styles[name]
        assert isinstance(style, Style)
        painted: Tensor = self.network(pictures, style.whole_table().at(1.0, boldness), style.delta(), grain)
        return painted

    @torch.no_grad()
    def _in_another_style(
        self, name: str, pictures: Tensor, grain: Tensor, rng: np.random.Generator
    ) -> Tensor | None:
        """The same pictures in any other style of the run, which does not learn from it; None where there is none."""
        names = [other for other in self.styles if other != name]
        if not names:
            return None
        learning = self.network.training
        self.network.eval()  # its average statistics are not asked for another style's pictures
        painted = self._painted(names[int(rng.integers(len(names)))], pictures, grain)
        self.network.train(learning)
        return painted

    def _steer(self, name: str, content: float) -> None:
        """Bring a style nearer to the content loss that the recipe wants, by its weight.

        What one weight does differs by painting: of some it tears pictures apart, of others it leaves a tint.
        """
        goal = self.recipe.optimizer.content_goal
        if goal:
            low, high = (self.recipe.strengths.get(name, 1.0) * bound for bound in STRENGTHS)
            steered = self.strengths[name] * math.exp(STEERING * (goal - content))
            self.strengths[name] = min(max(steered, low), high)

    @torch.no_grad()
    def meet(self) -> None:
        """Bring all processes to the mean of the network, and of each style over those that train it."""
        world = self.world
        if world.size == 1:
            return
        dealt = [self.styles_of(rank) for rank in range(world.size)]
        trained = list(self._state().items()) + list(self.averages.items())
        for name, value in trained:
            if name.startswith("styles."):
                style = name.split(".")[1]
                sharers = sum(style in styles for styles in dealt)
                value.mul_(world.size / sharers if style in dealt[world.rank] else 0.0)
        world.average([value for _, value in trained])

    def check_together(self) -> None:
        """Raises CheckpointUnusable, in all processes, where they would go on from different steps."""
        mean = torch.tensor([float(self.step)])
        self.world.average([mean])
        if float(mean) != self.step:
            raise CheckpointUnusable(
                f"process {self.world.rank} is at step {self.step}, the mean of all at {float(mean):g}.",
                remedy="Begin in another folder with --weights and the weights.safetensors of this one.",
            )

    # --- checkpoints ------------------------------------------------------------------------------------

    def save(self, path: Path) -> None:
        """Write a checkpoint in one step. Raises DiskFull, FileTrouble."""
        write_checkpoint(
            path,
            {
                "recipe": json.dumps(self.recipe.to_json()),
                "step": self.step,
                "seconds": self.seconds,
                "state": self._state(),
                "averages": self.averages,
                "optimizer": self.optimizer.state_dict(),
                "strengths": self.strengths,
            },
        )

    def load(self, path: Path) -> None:
        """Go on where a checkpoint of this run ended. Raises CheckpointUnusable."""
        saved = read_checkpoint(path, ENTRIES)
        theirs = many_from_json(json.loads(saved["recipe"]))
        if theirs.trains != self.recipe.trains:
            raise CheckpointUnusable(f"{path.name} trained {theirs.trains!r}.", remedy=REMEDY)
        self._take(saved["state"])
        try:
            self.optimizer.load_state_dict(saved["optimizer"])
        except (RuntimeError, ValueError) as error:
            raise CheckpointUnusable(f"{path.name} does not fit the recipe: {error}", remedy=REMEDY) from error
        if saved["averages"].keys() != self.averages.keys():
            raise CheckpointUnusable(f"{path.name} holds other styles.", remedy=REMEDY)
        self.averages = {key: value.to(self.device) for key, value in saved["averages"].items()}
        self.step, self.seconds = int(saved["step"]), float(saved["seconds"])
        self.strengths |= saved.get("strengths", {})  # absent where nothing steered yet
        peaks = {id(group["params"][0]): group["peak"] for group in self._groups()}
        for group in self.optimizer.param_groups:
            group["peak"] = peaks[id(group["params"][0])]  # a recipe may change its rates between two sittings

    def start_from(self, weights: Mapping[str, Tensor], *, like: Mapping[str, str] | None = None) -> None:
        """Take the network and the styles of the same name from trained weights (see `trained_weights`).

        like: style -> a style in `weights` to start it from. A style that has neither starts from the mean of all
        tables, without a delta. Raises CheckpointUnusable where the network differs.
        """
        state = {f"network.{k[8:]}": v.float() for k, v in weights.items() if k.startswith("network.")}
        there = sorted({key.split(".")[1] for key in weights if key.startswith("styles.")})
        for name in self.styles:
            source = (like or {}).get(name, name)
            prefix = f"styles.{source}."
            own = {k[len(prefix) :]: v.float() for k, v in weights.items() if k.startswith(prefix)}
            if not own and there:
                means = [f"table.{part}" for part in ("scale", "shift")]
                own = {k: torch.stack([weights[f"styles.{s}.{k}"].float() for s in there]).mean(0) for k in means}
            state |= {f"styles.{name}.{key}": value for key, value in own.items()}
        self._take({**self._state(), **state})
        self.averages = {name: value.detach().clone() for name, value in self._state().items()}

    def _take(self, state: Mapping[str, Tensor]) -> None:
        try:
            self.network.load_state_dict({k[8:]: v for k, v in state.items() if k.startswith("network.")})
            self.styles.load_state_dict({k[7:]: v for k, v in state.items() if k.startswith("styles.")})
        except RuntimeError as error:
            raise CheckpointUnusable(f"The weights do not fit the recipe: {error}", remedy=REMEDY) from error

    def trained_weights(self) -> dict[str, Tensor]:
        """The averaged weights on the CPU: `network.*` and `styles.NAME.{table,left,right}.*`.

        In half precision, but for the average statistics, whose variances may leave its range.
        """
        return {
            name: (value if ".average_" in name else value.half()).cpu().contiguous()
            for name, value in self.averages.items()
        }


@dataclass(frozen=True)
class Moment:
    """What a watcher of the loop is told after a step."""

    step: int
    steps: int
    style: str
    parts: Parts
    seconds: float


def fit(
    run: ManyRun,
    folder: Path,
    *,
    each: Callable[[Moment], None],
    stop: Callable[[], bool] = lambda: False,
    save_s: float = 240.0,
) -> bool:
    """Train to the recipe's last step, or until `stop` says so; returns True at the last step.

    A checkpoint lies in the folder (`checkpoint_path`) every `save_s` seconds and at the end, whatever ends the loop,
    except after a loss that is not finite: then it is the last good one. Processes that train together stop and save
    only where they have just averaged their weights.
    """
    run.check_together()
    folder.mkdir(parents=True, exist_ok=True)
    checkpoint = checkpoint_path(folder, run.world)
    saved = last = time.perf_counter()
    alone = run.world.size == 1
    steps, every = run.recipe.optimizer.steps, 1 if alone else run.recipe.optimizer.average_every
    good = alone  # what lies between two meetings can't be gone on from
    try:
        while run.step < steps:
            style = run.style_at(run.step)
            try:
                parts = run.train_step()
            except LossNotFinite:
                good = False
                raise
            now = time.perf_counter()
            run.seconds, last = run.seconds + now - last, now
            each(Moment(run.step, steps, style, parts, run.seconds))
            if run.step % every and run.step < steps:
                continue
            run.meet()
            # One of them decides for all, by its clock.
            asked = torch.tensor([float(stop()), float(run.world.leads and now - saved > save_s)])
            run.world.average([asked])
            if asked[1] > 0:
                run.save(checkpoint)
                saved = now
            if asked[0] > 0:
                good = True
                return False
        good = True
        return True
    finally:
        if good:
            run.save(checkpoint)


def checkpoint_path(folder: Path, world: World) -> Path:
    """Where a process keeps its checkpoint."""
    return folder / (f"checkpoint-{world.rank}.pt" if world.rank else "checkpoint.pt")
