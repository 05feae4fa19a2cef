"""Many small pictures: `scumble batch` against the plain ways to do it, in one run.

    python benchmarks/batch.py [--pictures 60] [--side 256] [--device cpu] [--ray] [--json]

Pictures a second of

* `scumble batch` over a folder of JPEGs, the backend already there;
* the same with one picture at a time (`--workers 1`);
* a plain loop that runs `scumble style` once for each picture, the same backend there (a tenth of the pictures, at
  least three; it does not get faster with more);
* a bare loop in Python in this process: Pillow reads, the network paints, Pillow writes, and nothing else.

With --ray instead: the same engine in this process and in an actor of a Ray started here, with a twentieth of the
pictures and with all of them. Told is what the few take, start included, and what each of the others takes, by the
clock and in processor time of all processes together; the difference is what Ray adds.

The style is one of the size that ships with weights made by chance. Device idle: the part of the batch's time in
which no network ran, by the backend's own clock.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import secrets
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import Any

import numpy as np
from own_backend import install_style, running
from PIL import Image
from shared_options import ROOT, options_of, parser_for

PHOTO = ROOT / "training/scumble_training/photos/sample.jpg"


def write_pictures(folder: Path, count: int, side: int) -> None:
    """Crops of a photo, each from another place."""
    folder.mkdir()
    chance = np.random.default_rng(0)
    with Image.open(PHOTO) as opened:
        whole = opened.convert("RGB")
    for number in range(count):
        left, top = (int(chance.integers(0, length - side)) for length in whole.size)
        whole.crop((left, top, left + side, top + side)).save(folder / f"{number:05}.jpg", quality=92)


def scumble(*words: str) -> dict[str, Any]:
    """Run the command in a process of its own; its JSON, and how long it took."""
    began = time.perf_counter()
    code = f"import sys; sys.path[:] = {sys.path!r}; from scumble_cli.main import main; sys.exit(main())"
    done = subprocess.run([sys.executable, "-c", code, *words, "--json"], capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(done.stdout + done.stderr)
    return {**json.loads(done.stdout), "whole_seconds": time.perf_counter() - began}


def bare_loop(folder: Path, out: Path, network: Any, table: Any, device: str) -> float:
    """Seconds of the loop that anybody would write first."""
    import torch

    out.mkdir()
    network, table = network.to(device), table.to(device)
    network.to(memory_format=torch.channels_last)
    began = time.perf_counter()
    with torch.inference_mode():
        for path in sorted(folder.glob("*.jpg")):
            with Image.open(path) as opened:
                values = np.asarray(opened.convert("RGB"), np.float32) / 255
            image = torch.from_numpy(values).permute(2, 0, 1)[None].to(device)
            painted = network(image, table)[0].permute(1, 2, 0).cpu().numpy()
            Image.fromarray((painted * 255 + 0.5).astype(np.uint8)).save(out / path.name, quality=92)
    return time.perf_counter() - began


class Clock:
    """Processor seconds of this process and all that it starts, on Linux; looked up now and then until they end."""

    def __init__(self) -> None:
        self._mark = f"SCUMBLE_BENCH_RUN={secrets.token_hex(8)}"
        os.environ.update([self._mark.split("=")])
        self._seconds: dict[int, float] = {}
        threading.Thread(target=self._watch, daemon=True).start()

    def now(self) -> float:
        for process in Path("/proc").glob("[0-9]*"):
            with contextlib.suppress(OSError):  # it has ended
                if self._mark.encode() in (process / "environ").read_bytes():
                    fields = (process / "stat").read_text().rpartition(")")[2].split()
                    ticks = int(fields[11]) + int(fields[12])
                    self._seconds[int(process.name)] = ticks / os.sysconf("SC_CLK_TCK")
        return time.process_time() + sum(self._seconds.values())

    def _watch(self) -> None:
        while True:
            self.now()
            time.sleep(0.3)


def main() -> None:
    parser = parser_for(__doc__, device="cpu", json=True, threads=True)
    parser.add_argument("--pictures", type=int, default=60)
    parser.add_argument("--side", type=int, default=256)
    parser.add_argument(
        "--ray", action="store_true", help="instead: here and on a Ray started here (extra `cluster`)"
    )
    options = options_of(parser)
    figures = measure_ray(options) if options.ray else measure(options)
    if options.json:
        print(json.dumps(figures, indent=2))
        return
    for name, value in figures.items():
        print(f"{name.replace('_', ' '):<44}{value}")


def measure_ray(options: argparse.Namespace) -> dict[str, Any]:
    """The same engine in this process and in an actor of a Ray started here: what a picture takes, start left out."""
    import ray

    from scumble_backend.batch import cluster, inputs, plan, threads
    from scumble_backend.batch.effect import Styling
    from scumble_backend.batch.engines import OwnEngine
    from scumble_backend.batch.journal import Journal
    from scumble_backend.batch.names import Names
    from scumble_backend.batch.work import Hand
    from scumble_backend.config import Settings
    from scumble_backend.packs.store import PackStore
    from scumble_backend.rendering.renderer import Renderer

    few = max(1, options.pictures // 20)
    os.environ["PYTHONPATH"] = os.pathsep.join(str(ROOT / part) for part in ("backend", "training", "cli"))
    with tempfile.TemporaryDirectory(prefix="scumble-bench-") as at:
        folder = Path(at)
        os.environ["SCUMBLE_HOME"] = str(folder / "home")
        install_style(family="style-skip")
        store = PackStore()
        write_pictures(folder / "few", few, options.side)
        write_pictures(folder / "all", options.pictures, options.side)
        engine = OwnEngine(Renderer(Settings(device=options.device), store))
        clock = Clock()
        ray.init("local", num_cpus=1, include_dashboard=False, log_to_driver=False, logging_level="error")
        figures: dict[str, Any] = {"pictures": f"{options.pictures} of {options.side} x {options.side}"}
        for name in ("here", "on_ray"):
            taken = []
            for run, which in enumerate(("few", "few", "all")):  # the first time everything starts cold
                out = folder / f"{name}-{run}"
                journal, styling = Journal(out), Styling((("bench", 1.0),), absolute_strokes=True)
                found = inputs.find([str(folder / which)], out)
                tasks = plan.make(found, [styling], Names(), journal, out, store=store).tasks
                began = time.perf_counter(), clock.now()
                if name == "here":
                    hand = Hand(journal, convert=True, workers=cluster.AT_A_TIME)
                    done = list(threads.carry_out(tasks, hand, lambda stop: engine, cluster.AT_A_TIME))
                else:
                    done = list(cluster.carry_out(tasks, "auto", store, convert=True))
                if [one.status for one in done] != ["done"] * len(tasks):
                    raise SystemExit(f"{name}: {done}")
                taken.append((time.perf_counter() - began[0], clock.now() - began[1]))
                print(f"{name}, {which}: {taken[-1][0]:.1f} s, processor {taken[-1][1]:.1f} s", file=sys.stderr)
            more = options.pictures - few
            for unit, first, last in zip(("", "processor_"), *taken[-2:], strict=True):
                figures[f"{name}_{few}_pictures_{unit}seconds"] = round(first, 2)
                figures[f"{name}_{unit}milliseconds_a_picture"] = round(1000 * (last - first) / more, 1)
        ray.shutdown()
        return figures


def measure(options: argparse.Namespace) -> dict[str, Any]:
    with contextlib.ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="scumble-bench-")))
        client = stack.enter_context(running("--device", options.device))
        network, table = install_style(family="style-skip")
        pictures = folder / "in"
        write_pictures(pictures, options.pictures, options.side)
        style = ["--pack", "bench", "--stroke-size-absolute"]
        first = sorted(pictures.glob("*.jpg"))[0]
        scumble("style", str(first), "-o", str(folder / "first.jpg"), *style)  # loads torch and the network
        client.poll(0.0)
        batch = scumble("batch", str(pictures), "-o", str(folder / "batch"), *style)
        client.poll(0.0)
        alone = scumble("batch", str(pictures), "-o", str(folder / "alone"), "--workers", "1", *style)
        client.poll(0.0)
        few = sorted(pictures.glob("*.jpg"))[: max(3, options.pictures // 10)]
        began = time.perf_counter()
        for path in few:
            scumble("style", str(path), "-o", str(folder / f"single-{path.name}"), *style)
            client.poll(0.0)
        loop_s = (time.perf_counter() - began) / len(few)
        bare_s = bare_loop(pictures, folder / "bare", network, table, options.device) / options.pictures
        batch_s, whole_s = (batch[name] / options.pictures for name in ("seconds", "whole_seconds"))
        figures: dict[str, Any] = {
            "pictures": f"{options.pictures} of {options.side} x {options.side}",
            "device": ", ".join(batch["devices"]),
            "batch_pictures_per_second": round(1 / batch_s, 2),
            "batch_with_start_pictures_per_second": round(1 / whole_s, 2),
            "one_at_a_time_pictures_per_second": round(options.pictures / alone["seconds"], 2),
            "loop_of_scumble_style_pictures_per_second": round(1 / loop_s, 2),
            "bare_python_loop_pictures_per_second": round(1 / bare_s, 2),
            "batch_against_loop_of_scumble_style": round(loop_s / whole_s, 2),
            "batch_against_bare_python_loop": round(bare_s / batch_s, 2),
            "device_idle": f"{100 * max(0.0, 1 - batch['network_seconds'] / batch['seconds']):.0f} %",
        }
        return figures


if __name__ == "__main__":
    main()
