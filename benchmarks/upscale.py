"""How long enlarging takes and how much memory: 640 x 480 four times larger, and 12 megapixels.

    python benchmarks/upscale.py [--models fast,faithful] [--file MODEL.pth ...] [--device cuda] [--json]
    python benchmarks/upscale.py --best --models faithful --pairs SET5 SET14
    python benchmarks/upscale.py --memory --models faithful

Times are the median of `--rounds` runs of the whole effect (tiles, halo, conversion to 8 bit), after a small one
unmeasured; where other work shares the processor, its time (`--threads 1`) says more than the clock's. Memory is the
highest resident size of a process of its own. `--best` adds a line for the mean of eight passes; `--pairs` gives PSNR
in dB and SSIM of the luma instead of times, x2 and x4, as `scumble evaluate sr` does. The foreign networks are built
by Spandrel from random weights of the published sizes, which take the same time as trained ones.
"""

from __future__ import annotations

import json
import multiprocessing
import resource
import statistics
import sys
import time
from pathlib import Path
from typing import Any

from shared_options import options_of, parser_for

OURS = ("bicubic", "fast", "faithful", "vivid", "lineart")
FOREIGN = {"Compact 64 x 16 (Spandrel)": ("compact", 64), "SPAN 48 (Spandrel)": ("span", 48)}


def foreign(kind: str, features: int) -> Any:
    """A published architecture with random weights, through Spandrel."""
    import spandrel
    import torch

    from scumble_backend import nets
    from scumble_backend.nets.spandrel_model import SpandrelNetwork

    torch.manual_seed(0)
    config: dict[str, Any] = {"name": kind, "features": features, "factor": 4}
    if kind == "compact":
        config["layers"] = 16
    state = dict(nets.build(config).state_dict())
    return SpandrelNetwork(spandrel.ModelLoader().load_from_state_dict(state))


def from_file(path: Path) -> Any:
    """A model file of the user's."""
    import spandrel

    from scumble_backend.nets.spandrel_model import SpandrelNetwork

    return SpandrelNetwork(spandrel.ModelLoader().load_from_file(path))


def networks_of(name: str, device: Any) -> list[Any]:
    """The networks of one line of the table."""
    from scumble_backend.packs.store import PackStore
    from scumble_backend.rendering.effects import upscale_models

    if name in FOREIGN:
        return [upscale_models.UpscaleNetwork(foreign(*FOREIGN[name]), device)]
    if Path(name).suffix in (".pth", ".pt", ".ckpt", ".safetensors"):
        return [upscale_models.UpscaleNetwork(from_file(Path(name)), device)]
    return upscale_models.load(PackStore(), name, device)


def run(networks: list[Any], width: int, height: int, factor: float, device: Any) -> tuple[float, float]:
    """Seconds of one enlargement of noise, 8-bit RGB: by the clock, and of the processor."""
    import numpy as np

    from scumble_backend.rendering import pixels
    from scumble_backend.rendering.effects.upscale import upscale
    from scumble_wire.messages import ImageInfo

    noise = np.random.default_rng(0).integers(0, 256, (height, width, 3), dtype=np.uint8)
    info = ImageInfo(width, height, "u8", "RGB")
    began, worked = time.perf_counter(), time.process_time()
    upscale(pixels.unpack(info, noise.data.cast("B")), info, networks, factor, lambda fraction: None, device=device)
    return time.perf_counter() - began, time.process_time() - worked


def peak_memory(name: str, setting: str, line: Any) -> None:
    """In a fresh process: send (megabytes before, megabytes at the highest, seconds) of 4000 x 3000 x 4."""
    import torch

    from scumble_backend.rendering import device as devices

    device = devices.choose(setting)
    networks = networks_of(name, device)
    run(networks, 64, 64, 4, device)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    seconds, _ = run(networks, 4000, 3000, 4, device)
    after = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    on_device = torch.cuda.max_memory_allocated(device) / 2**20 if device.type == "cuda" else 0.0
    line.send((before, after, on_device, seconds))


def ways(name: str, device: Any, best: bool) -> list[tuple[str, list[Any]]]:
    """A model's lines of a table: its networks as they are and, where asked for, with eight passes."""
    from scumble_backend.rendering.effects.turned import Turned

    networks = networks_of(name, device)
    lines = [(name, networks)]
    return [*lines, (f"{name}, eight passes", [Turned(network) for network in networks])] if best else lines


def quality(names: list[str], folders: list[Path], setting: str, best: bool) -> list[dict[str, Any]]:
    """One row a model: PSNR on each folder of pairs, x2 and x4."""
    import torch

    from scumble_backend.rendering import device as devices
    from scumble_backend.rendering import pixels
    from scumble_backend.rendering.effects.upscale import upscale
    from scumble_training.measuring.evaluate_sr import evaluate
    from scumble_wire.messages import ImageInfo

    device = devices.choose(setting)

    def enlarged(small: Any, networks: list[Any], factor: int) -> Any:
        info = ImageInfo(small.shape[2], small.shape[1], "u8", "RGB")
        picture = pixels.unpack(info, small.permute(1, 2, 0).contiguous().numpy())
        made = upscale(picture, info, networks, factor, lambda fraction: None, device=device)
        return torch.from_numpy(made.frame).permute(2, 0, 1)

    rows = []
    for name, networks in (way for model in names for way in ways(model, device, best)):
        row: dict[str, Any] = {"model": name}
        for factor in (2, 4):
            for folder in folders:
                found = evaluate(folder, factor, name, lambda small: enlarged(small, networks, factor))  # noqa: B023
                row[f"{folder.name} x{factor}"] = f"{found.mean.psnr:.2f} / {found.mean.ssim:.4f}"
        rows.append(row)
    return rows


def times(
    names: list[str], setting: str, rounds: int, best: bool = False, size: tuple[int, int] = (640, 480)
) -> list[dict[str, Any]]:
    """One row a model: milliseconds at a size (width, height) four times larger."""
    from scumble_backend.rendering import device as devices

    device = devices.choose(setting)
    rows = []
    for name, networks in (way for model in names for way in ways(model, device, best)):
        run(networks, 48, 48, 4, device)
        clock, worked = zip(*(run(networks, *size, 4, device) for _ in range(rounds)), strict=True)
        work = sum(network.cost for network in networks if network.factor == 4)
        rows.append(
            {
                "model": name,
                "multiply-adds a pixel": work,
                "milliseconds": round(1000 * statistics.median(clock)),
                "of the processor": round(1000 * statistics.median(worked)),
                "device": devices.describe(device),
            }
        )
    return rows


def memory(names: list[str], setting: str) -> list[dict[str, Any]]:
    """One row a model: the highest resident memory of 12 megapixels four times larger."""
    rows = []
    for name in names:
        context = multiprocessing.get_context("spawn")
        ours, theirs = context.Pipe()
        process = context.Process(target=peak_memory, args=(name, setting, theirs))
        process.start()
        theirs.close()
        before, after, on_device, seconds = ours.recv()
        process.join()
        rows.append(
            {
                "model": name,
                "result_mb": round(16000 * 12000 * 3 / 2**20),
                "before_mb": round(before),
                "peak_mb": round(after),
                "device_mb": round(on_device),
                "seconds": round(seconds, 1),
            }
        )
    return rows


def main() -> int:
    parser = parser_for(__doc__, device="auto", rounds=3, threads=True, json=True)
    parser.add_argument("--models", default=",".join(OURS), help="packs, or bicubic, separated by commas")
    parser.add_argument("--file", action="append", default=[], help="a model file that Spandrel reads")
    parser.add_argument("--no-foreign", action="store_true", help="leave the foreign architectures out")
    parser.add_argument("--size", default="640x480", help="of the picture that is timed, WIDTHxHEIGHT")
    parser.add_argument("--memory", action="store_true", help="12 megapixels instead; slow on a CPU")
    parser.add_argument("--best", action="store_true", help="eight passes, too")
    parser.add_argument("--pairs", type=Path, nargs="+", help="folders of pairs to measure decibels on")
    given = options_of(parser)
    names = [name for name in given.models.split(",") if name] + given.file
    if given.memory:
        rows = memory(names, given.device)
    elif given.pairs:
        rows = quality(names, given.pairs, given.device, given.best)
    else:
        names += [] if given.no_foreign else list(FOREIGN)
        width, height = map(int, given.size.split("x"))
        rows = times(names, given.device, given.rounds, given.best, (width, height))
    if given.json:
        print(json.dumps(rows, indent=2))
        return 0
    heads = list(rows[0])
    print("| " + " | ".join(heads) + " |\n|" + "---|" * len(heads))
    for row in rows:
        print("| " + " | ".join(str(row[head]) for head in heads) + " |")
    return 0


if __name__ == "__main__":
    sys.exit(main())
