"""Whether ONNX Runtime paints and enlarges as PyTorch does: the same picture? how fast?

    python benchmarks/without_pytorch.py [PICTURE] [--style great-wave] [--model faithful] [--rounds 3] [--json]

A style (base network, table and change of the kernels merged) and an enlarging network are written as ONNX for one
size and run in turns with PyTorch, each on --threads threads. Needs the packages onnx and onnxruntime.
Prints the largest difference in steps of 8 bits, the share of samples that differ at all, and the ratio of the times.
"""

from __future__ import annotations

import io
import json
import os
import statistics
import time
import warnings
from pathlib import Path
from typing import Any

import torch
from PIL import Image
from shared_options import ROOT, options_of, parser_for
from torch import Tensor, nn

from scumble_backend.nets.style import place_grain
from scumble_backend.packs.making import load_network, load_style, load_upscaler
from scumble_backend.packs.store import PackStore, default_folders
from scumble_training.style.painting import from_image

SAMPLE = ROOT / "training" / "scumble_training" / "photos" / "sample.jpg"


class Painter(nn.Module):
    """One style at its default, nothing left to choose: a picture in, a picture out."""

    def __init__(self, network: Any, table: Any, delta: Any, grain: Tensor) -> None:
        super().__init__()
        self.network, self.table, self.delta = network, table, delta
        self.register_buffer("grain", grain)

    def forward(self, image: Tensor) -> Tensor:
        painted: Tensor = self.network(image, self.table, self.delta, self.grain)
        return painted


def as_onnx(module: nn.Module, image: Tensor) -> bytes:
    """The module for pictures of this size."""
    stream = io.BytesIO()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.onnx.export(module, (image,), stream, opset_version=18, dynamo=False, input_names=["image"])
    return stream.getvalue()


def compared(module: nn.Module, image: Tensor, rounds: int, threads: int) -> dict[str, object]:
    import onnxruntime

    raw = as_onnx(module, image)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    session = onnxruntime.InferenceSession(raw, options, providers=["CPUExecutionProvider"])
    name = session.get_inputs()[0].name
    ours, theirs = [], []
    last = image.contiguous(memory_format=torch.channels_last)
    for _ in range(rounds + 1):
        began = time.thread_time() if threads == 1 else time.perf_counter()
        expected = module(last)
        ours.append((time.thread_time() if threads == 1 else time.perf_counter()) - began)
        began = time.thread_time() if threads == 1 else time.perf_counter()
        got = torch.from_numpy(session.run(None, {name: image.numpy()})[0])
        theirs.append((time.thread_time() if threads == 1 else time.perf_counter()) - began)
    off = (eight(expected) - eight(got)).abs()
    return {
        "megabytes": round(len(raw) / 1e6, 2),
        "largest_difference": int(off.max()),
        "share_that_differs": round(float((off > 0).float().mean()), 6),
        "seconds_pytorch": round(statistics.median(ours[1:]), 3),
        "seconds_onnxruntime": round(statistics.median(theirs[1:]), 3),
        "ratio": round(statistics.median(theirs[1:]) / statistics.median(ours[1:]), 2),
    }


def eight(picture: Tensor) -> Tensor:
    return (picture.clamp(0, 1) * 255).round()


def main() -> None:
    parser = parser_for(__doc__, rounds=3, threads=True, json=True)
    parser.add_argument("picture", nargs="?", type=Path, default=SAMPLE)
    parser.add_argument("--style", default="great-wave")
    parser.add_argument("--model", default="faithful")
    options = options_of(parser)
    threads = options.threads or int(os.environ.get("OMP_NUM_THREADS", "0")) or torch.get_num_threads()
    torch.set_num_threads(threads)
    store = PackStore(default_folders())
    image = from_image(Image.open(options.picture).convert("RGB"))[None]
    height, width = image.shape[-2:]
    pack = store.get(options.style)
    style = load_style(pack)
    grain = place_grain(height, width)[None, None]
    painter = Painter(load_network(store, pack), style.table.at(), style.delta, grain).eval()
    small = image[..., : height // 4, : width // 4]
    with torch.inference_mode(False), torch.no_grad():
        rows = {
            f"{options.style}, {width} x {height}": compared(painter, image, options.rounds, threads),
            f"{options.model}, {small.shape[-1]} x {small.shape[-2]} to four times": compared(
                load_upscaler(store.get(options.model)).eval(), small, options.rounds, threads
            ),
        }
    if options.json:
        print(json.dumps(rows, indent=1))
        return
    for name, row in rows.items():
        print(name, *(f"{key}: {value}" for key, value in row.items()), sep="\n  ")


if __name__ == "__main__":
    main()
