"""Many small pictures: `scumble batch` against the plain ways to do it, in one run.

    python benchmarks/batch.py [--pictures 60] [--side 256] [--device cpu] [--ray] [--json]

Pictures a second of

* `scumble batch` over a folder of JPEGs, the backend already there;
* the same with one picture at a time (`--workers 1`);
* a plain loop that runs `scumble style` once for each picture, the same backend there (a tenth of the pictures, at
  least three; it does not get faster with more);
* a bare loop in Python in this process: Pillow reads, the network paints, Pillow writes, and nothing else;
* with --ray, the same batch on a Ray started here; told is the time a picture that Ray adds.

The style is one of the size that ships with weights made by chance. Device idle: the part of the batch's time in
which no network ran, by the backend's own clock.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import subprocess
import sys
import tempfile
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


def on_ray(words: list[str]) -> dict[str, Any]:
    """The batch on a Ray of this machine alone."""
    ray = str(Path(sys.executable).with_name("ray"))
    os.environ["PYTHONPATH"] = os.pathsep.join(str(ROOT / part) for part in ("backend", "training", "cli"))
    started = subprocess.run(
        [ray, "start", "--head", "--include-dashboard=false", "--port=6399"],
        check=False,
        capture_output=True,
        text=True,
    )
    if started.returncode:
        raise SystemExit(started.stdout + started.stderr)
    try:
        return scumble(*words, "--cluster", "127.0.0.1:6399")
    finally:
        subprocess.run([ray, "stop", "--force"], check=False, capture_output=True)


def main() -> None:
    parser = parser_for(__doc__, device="cpu", json=True, threads=True)
    parser.add_argument("--pictures", type=int, default=60)
    parser.add_argument("--side", type=int, default=256)
    parser.add_argument("--ray", action="store_true", help="also on a Ray started here (extra `cluster`)")
    options = options_of(parser)
    figures = measure(options)
    if options.json:
        print(json.dumps(figures, indent=2))
        return
    for name, value in figures.items():
        print(f"{name.replace('_', ' '):<44}{value}")


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
        if options.ray:
            far = on_ray(["batch", str(pictures), "-o", str(folder / "ray"), *style])
            figures["ray_pictures_per_second"] = round(options.pictures / far["seconds"], 2)
            figures["ray_milliseconds_a_picture_more"] = round(
                1000 * (far["seconds"] - batch["seconds"]) / options.pictures, 1
            )
        return figures


if __name__ == "__main__":
    main()
