"""How near painting is to the machine's limit, part by part.

    python benchmarks/performance.py [speed] [client] [upscale] [memory] [soak] [start]
        [--sides 256 512 1024 2048 4000x3000] [--ways eager paper onnxruntime openvino compile] [--rounds 3]
        [--threads 1] [--wall] [--jobs 60] [--megapixels 12] [--json]

speed: `paint` of the light network in turns with its own forward in eager PyTorch, the network of Johnson et al. 2016
("paper": 32 channels), ONNX Runtime, OpenVINO and, where --ways asks for it, torch.compile (minutes for each size; it
needs a C++ compiler); and what share of a matrix product's speed the convolutions of `paint` reach. From 4 megapixels
on the first turn counts, too.
upscale: SPAN (48 channels, weights by chance) at two and four times 640 x 480, through our tiles in turns with one
call of the same network by Spandrel on the whole picture.
client: `paint` alone and through client and backend, the processor time of both processes together.
memory: `memory.py` for each of --megapixels. soak: --jobs small jobs of all kinds; what the backend's memory grew by.
start: from starting a backend to its first picture, in parts; then `scumble style` of a photo of 0.4 megapixels.

Times are the median of processor seconds, which other work on the machine disturbs less, or with --wall of seconds by
the clock. What is not installed is left out with a word.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import own_backend
from shared_options import ROOT, options_of, parser_for

from scumble_wire.messages import Copy, ImageInfo, StyleChoice, Stylize, Upscale

PARTS = ("speed", "client", "upscale", "memory", "soak", "start")
WAYS = ("eager", "paper", "onnxruntime", "openvino", "compile")
WITHOUT_WARM_UP = 4_000_000  # pixels from which a turn takes so long that loading and compiling is lost in it
TARGETS = {"eager": "1.6 or more", "peak": "0.75 or more", "client": "1.05 or less"}


def main() -> None:
    parser = parser_for(__doc__, rounds=3, json=True)
    parser.add_argument("parts", nargs="*", help=f"of {', '.join(PARTS)}; all, where left out")
    parser.add_argument("--sides", nargs="+", default=["256", "512", "1024", "2048", "4000x3000"])
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--wall", action="store_true", help="seconds by the clock instead of the processor's")
    parser.add_argument("--jobs", type=int, default=60, help="of the soak; 1000 for the long form")
    parser.add_argument("--megapixels", nargs="+", default=["12"], help="of `memory`; 12 50 100 takes long")
    parser.add_argument("--ways", nargs="*", default=list(WAYS[:-1]), choices=WAYS, help="to paint, for speed")
    options = options_of(parser)
    if unknown := set(options.parts) - set(PARTS):
        parser.error(f"there are no parts {', '.join(sorted(unknown))}")
    sizes = [tuple(map(int, side.split("x"))) if "x" in side else (int(side), int(side)) for side in options.sides]
    makers: dict[str, Callable[[], Iterable[dict[str, Any]]]] = {
        "speed": lambda: (speed(*size, options) for size in sizes),
        "client": lambda: through_client(sizes, options),
        "upscale": lambda: (enlarging(factor, options) for factor in (2, 4)),
        "memory": lambda: memory([float(number) for number in options.megapixels]),
        "soak": lambda: [soak(options.jobs)],
        "start": lambda: (make(options.threads) for make in (first_picture, command)),
    }
    for part in options.parts or PARTS:
        for row in makers[part]():
            said = ", ".join(f"{key} {value}" for key, value in row.items())
            print(json.dumps({"part": part, **row}) if options.json else f"{part}: {said}", flush=True)


# --- networks ----------------------------------------------------------------------------------------------


def speed(width: int, height: int, options: Any) -> dict[str, Any]:
    """Every way to paint one picture, in turns."""
    import torch

    from scumble_backend.nets import style, style_skip
    from scumble_backend.rendering.effects.skip_painting import SkipMix, paint

    torch.set_num_threads(options.threads)
    clock = time.perf_counter if options.wall else time.process_time
    network = style_skip.SkipStyleNetwork().eval()
    style_skip.initialize(network, torch.Generator().manual_seed(0))
    network.requires_grad_(False).to(memory_format=torch.channels_last)
    table = network.plain_table()
    paper = style.StyleNetwork(style.StyleNetworkConfig(width=32)).eval().requires_grad_(False)
    style.initialize(paper, torch.Generator().manual_seed(0))
    paper.to(memory_format=torch.channels_last)
    image = torch.rand(1, 3, height, width, generator=torch.Generator().manual_seed(0))
    last = image.contiguous(memory_format=torch.channels_last)
    mix, paper_table = SkipMix.single(table), paper.plain_table(1)
    ways: dict[str, Callable[[], Any]] = {
        "paint": lambda: paint(network, image[0], mix),
        "eager": lambda: network(last, table),
        "paper": lambda: paper(last, paper_table),
    }
    row: dict[str, Any] = {"size": f"{width} x {height}"}
    ways = {name: way for name, way in ways.items() if name == "paint" or name in options.ways}
    left_out = []
    for name, make in (("onnxruntime", _onnxruntime), ("openvino", _openvino)):
        if name not in options.ways:
            continue
        try:
            ways[name] = make(network, table, image, options.threads)
        except ImportError as error:
            left_out.append(f"{name} ({error})")
    if "compile" in options.ways:
        try:
            ways["compile"] = _compiled(network, table, last)
        except _NotCompiled as error:
            left_out.append(f"compile ({error})")
    side = 1024
    one, two = torch.rand(side, side), torch.rand(side, side)
    ways["product"] = lambda: one @ two
    times: dict[str, list[float]] = {name: [] for name in ways}
    with torch.inference_mode():
        warm_up = width * height < WITHOUT_WARM_UP
        for turn in range(options.rounds + warm_up):
            for name, way in ways.items():
                began = clock()
                way()
                if turn or not warm_up:
                    times[name].append(clock() - began)
        convolving = _convolving(ways["paint"], clock)
    median = {name: statistics.median(all_of) for name, all_of in times.items()}
    operations = _operations(network, width, height)
    peak = 2 * side**3 / median["product"]
    row |= {f"{name}_s": round(seconds, 3) for name, seconds in median.items() if name != "product"}
    row |= {
        f"{name}/paint": round(median[name] / median["paint"], 2) for name in ways if name not in ("paint", "product")
    }
    row |= {
        "peak_gflops": round(peak / 1e9),
        "share_of_peak_in_convolutions": round(operations / convolving / peak, 2),
        "share_of_peak_of_all": round(operations / median["paint"] / peak, 2),
    }
    return row | ({"left_out": "; ".join(left_out)} if left_out else {})


class _NotCompiled(Exception):
    """Why torch.compile has nothing to show."""


def _compiled(network: Any, table: Any, image: Any) -> Callable[[], Any]:
    """The network compiled for this size. Raises _NotCompiled."""
    import torch

    compiler = os.environ.get("CXX", "cl" if sys.platform == "win32" else "g++")
    if shutil.which(compiler) is None:
        raise _NotCompiled(f"there is no C++ compiler {compiler}")
    compiled = torch.compile(network, dynamic=False)
    try:
        with torch.inference_mode():
            compiled(image, table)
    except torch._dynamo.exc.TorchDynamoException as error:
        raise _NotCompiled(str(error).strip().splitlines()[0]) from error
    return lambda: compiled(image, table)


def _onnxruntime(network: Any, table: Any, image: Any, threads: int) -> Callable[[], Any]:
    import onnx  # noqa: F401 - torch's export needs it
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    session = onnxruntime.InferenceSession(_onnx(network, table, image), options, providers=["CPUExecutionProvider"])
    return lambda: session.run(None, {session.get_inputs()[0].name: image.numpy()})


def _openvino(network: Any, table: Any, image: Any, threads: int) -> Callable[[], Any]:
    import openvino

    model = openvino.Core().read_model(_onnx(network, table, image))
    compiled = openvino.compile_model(
        model, "CPU", {"INFERENCE_NUM_THREADS": threads, "INFERENCE_PRECISION_HINT": "f32"}
    )
    return lambda: compiled([image.numpy()])


def _onnx(network: Any, table: Any, image: Any) -> bytes:
    from without_pytorch import Painter, as_onnx

    from scumble_backend.nets.style import place_grain

    painter = Painter(network, table, None, place_grain(*image.shape[-2:])[None, None]).eval()
    return as_onnx(painter, image)


def _operations(network: Any, width: int, height: int) -> float:
    """Floating-point operations of all convolutions."""
    margin = network.config.margin
    pixels = (width + 2 * margin + -width % 8) * (height + 2 * margin + -height % 8) / 4
    total = 0.0
    for stage in network.named_stages().values():
        pixels = pixels * 4 if stage.upsample else pixels / stage.stride**2
        total += pixels * (stage.conv.weight.numel() + (stage.skip.weight.numel() if stage.skip is not None else 0))
    return 2 * (total + width * height * network.out.weight.numel())


def _convolving(way: Callable[[], Any], clock: Callable[[], float]) -> float:
    """Seconds inside convolutions, by the clock that times the product of matrices, too."""
    import torch

    spent = 0.0

    class Clock(torch.utils._python_dispatch.TorchDispatchMode):
        def __torch_dispatch__(self, function: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
            nonlocal spent
            if "convolution" not in str(function) and "conv2d" not in str(function):
                return function(*args, **(kwargs or {}))
            began = clock()
            made = function(*args, **(kwargs or {}))
            spent += clock() - began
            return made

    with Clock():
        way()
    return spent


# --- enlarging ---------------------------------------------------------------------------------------------


def enlarging(factor: int, options: Any) -> dict[str, Any]:
    """A picture of 8 bits enlarged by our tiles, and by a plain call of the network; both from bytes to bytes."""
    import spandrel
    import torch

    from scumble_backend import nets
    from scumble_backend.nets.spandrel_model import SpandrelNetwork
    from scumble_backend.rendering import pixels
    from scumble_backend.rendering.effects.upscale import upscale
    from scumble_backend.rendering.effects.upscale_models import UpscaleNetwork

    torch.set_num_threads(options.threads)
    torch.manual_seed(0)
    clock = time.perf_counter if options.wall else time.process_time
    state = dict(nets.build({"name": "span", "features": 48, "factor": factor}).state_dict())
    model = spandrel.ModelLoader().load_from_state_dict(state)
    networks = [UpscaleNetwork(SpandrelNetwork(model), torch.device("cpu"))]
    width, height = 640, 480
    picture = np.random.default_rng(0).integers(0, 256, (height, width, 3), dtype=np.uint8)
    info = ImageInfo(width, height, "u8", "RGB")

    def ours() -> None:
        upscale(pixels.unpack(info, picture.data.cast("B")), info, networks, factor, lambda fraction: None)

    def plain() -> None:
        image = torch.from_numpy(picture).permute(2, 0, 1)[None].float() / 255
        model(image)[0].clamp(0, 1).mul(255).round().byte().permute(1, 2, 0).contiguous().numpy()

    times: dict[str, list[float]] = {"ours": [], "plain": []}
    with torch.inference_mode():
        for turn in range(options.rounds + 1):
            for name, way in (("ours", ours), ("plain", plain)):
                began = clock()
                way()
                if turn:
                    times[name].append(clock() - began)
    one, two = (statistics.median(times[name]) for name in ("ours", "plain"))
    size = f"{width} x {height} to {factor} times"
    return {"size": size, "ours_s": round(one, 3), "plain_s": round(two, 3), "plain/ours": round(two / one, 2)}


# --- processes ---------------------------------------------------------------------------------------------


def processor_seconds(pid: int) -> float:
    words = Path(f"/proc/{pid}/stat").read_text("ascii").rpartition(")")[2].split()
    return (int(words[11]) + int(words[12])) / os.sysconf("SC_CLK_TCK")


def through_client(sizes: list[tuple[int, ...]], options: Any) -> Iterator[dict[str, Any]]:
    """Layers of RGBA u8, painted at their own size."""
    with own_backend.running("--device", "cpu", threads=options.threads) as client:
        import torch

        from scumble_backend.rendering.effects.skip_painting import SkipMix, paint

        torch.set_num_threads(options.threads)
        network, table = own_backend.install_style(family="style-skip")
        network.to(memory_format=torch.channels_last)

        def clock() -> float:
            if options.wall:
                return time.perf_counter()
            return time.process_time() + processor_seconds(client.welcome.pid)

        for width, height in sizes:
            pixels = np.random.default_rng(0).integers(0, 256, (height, width, 4), dtype=np.uint8)
            pixels[..., 3] = 255
            image = torch.from_numpy(pixels[..., :3].copy()).permute(2, 0, 1).float().div(255)
            message = Stylize(ImageInfo(width, height), [StyleChoice("bench")], absolute_strokes=True)
            bare, whole = [], []
            for turn in range(options.rounds + 1):
                began = clock()
                with torch.inference_mode():
                    paint(network, image, SkipMix.single(table))
                between = clock()
                own_backend.result_of(client, message, [pixels.tobytes()])
                if turn:
                    bare.append(between - began)
                    whole.append(clock() - between)
            one, two = statistics.median(bare), statistics.median(whole)
            yield {
                "size": f"{width} x {height}",
                "paint_s": round(one, 3),
                "through_client_s": round(two, 3),
                "ratio": round(two / one, 3),
                "target": TARGETS["client"],
            }


def memory(megapixels: list[float]) -> Iterator[dict[str, Any]]:
    for number in megapixels:
        height = round((number * 1e6 * 3 / 4) ** 0.5)
        width = round(number * 1e6 / height)
        words = f"--width {width} --height {height} --family style-skip --json".split()
        program = [sys.executable, str(ROOT / "benchmarks" / "memory.py"), *words]
        yield json.loads(subprocess.run(program, check=True, capture_output=True, text=True).stdout)


def soak(jobs: int) -> dict[str, Any]:
    """Small jobs of all kinds, one after the other; growth is counted from a quarter of them on, at rest."""
    from memory import megabytes

    from scumble_backend.rendering.worker import TIDY_EVERY_S

    draw = np.random.default_rng(0)
    with own_backend.running("--device", "cpu", threads=1) as client:
        own_backend.install_style("bench", "style-skip")
        own_backend.install_style("older", "style")
        settled = 0.0

        def at_rest() -> float:
            time.sleep(2 * TIDY_EVERY_S)  # free memory has gone back to the system by then
            return megabytes(client.welcome.pid, "VmRSS")

        for number in range(jobs):
            width, height = (int(side) for side in draw.integers(16, 96, 2))
            info, kind = ImageInfo(width, height), number % 5
            message: Any = (
                Copy(info)
                if kind == 0
                else Upscale(info, float(draw.choice([2, 3, 4])), "bicubic")
                if kind == 1
                else Stylize(
                    info,
                    [StyleChoice(("bench", "older")[kind % 2])],
                    strength=float(draw.uniform(0.1, 1)),
                    colors=("style", "picture", "matched")[int(draw.integers(3))],
                    seed=int(draw.integers(100)),
                )
            )
            own_backend.result_of(client, message, [draw.bytes(width * height * 4)])
            if number == jobs // 4:
                settled = at_rest()
        end = at_rest()
    return {"jobs": jobs, "after_a_quarter_mb": round(settled, 1), "at_the_end_mb": round(end, 1)}


def first_picture(threads: int) -> dict[str, Any]:
    """A backend that nothing has used yet, in processor seconds of its process (and of the clock)."""
    began = time.perf_counter()
    with own_backend.running("--device", "cpu", threads=threads) as client:
        there = (processor_seconds(client.welcome.pid), time.perf_counter() - began)
        own_backend.install_style(family="style-skip")
        message = Stylize(ImageInfo(512, 512), [StyleChoice("bench")])
        marks = [(processor_seconds(client.welcome.pid), time.perf_counter())]
        for request, frames in ((Copy(ImageInfo(8, 8)), [bytes(256)]), *[(message, [bytes(512 * 512 * 4)])] * 2):
            own_backend.result_of(client, request, frames)
            marks.append((processor_seconds(client.welcome.pid), time.perf_counter()))
    steps = [tuple(round(b - a, 2) for a, b in zip(one, two, strict=True)) for one, two in pairwise(marks)]
    return {
        "what": "first picture, 512 x 512: (processor, clock) seconds",
        "threads": threads,
        "answers": tuple(round(number, 2) for number in there),
        "torch_and_device": steps[0],
        "first_picture": steps[1],
        "second_picture": steps[2],
    }


@contextlib.contextmanager
def _photo() -> Iterator[Path]:
    from PIL import Image

    sample = ROOT / "training" / "scumble_training" / "photos" / "sample.jpg"
    with tempfile.TemporaryDirectory() as folder:
        with Image.open(sample) as photo:
            photo.convert("RGB").resize((774, 516)).save(Path(folder) / "photo.jpg", quality=90)
        yield Path(folder)


def command(threads: int) -> dict[str, Any]:
    """`scumble style` with a backend that has painted before, in seconds of both processes' processor time."""
    path = os.pathsep.join(str(ROOT / part) for part in ("backend", "training", "cli"))
    with _photo() as folder, own_backend.running("--device", "cpu", threads=threads) as client:
        own_backend.install_style(family="style-skip")
        program = [
            sys.executable,
            "-m",
            "scumble_cli",
            "style",
            str(folder / "photo.jpg"),
            "-o",
            str(folder / "out.jpg"),
        ]
        environment = {**os.environ, "PYTHONPATH": path}
        own, theirs, wall, network = [], [], [], []
        for turn in range(4):
            before, backend, began = os.times(), processor_seconds(client.welcome.pid), time.perf_counter()
            done = subprocess.run(
                [*program, "-p", "bench", "--json"], check=True, capture_output=True, env=environment
            )
            after = os.times()
            if turn:
                wall.append(time.perf_counter() - began)
                own.append(
                    after.children_user + after.children_system - before.children_user - before.children_system
                )
                theirs.append(processor_seconds(client.welcome.pid) - backend)
                network.append(json.loads(done.stdout)["network_seconds"])
    return {
        "what": "scumble style, 0.4 megapixels",
        "threads": threads,
        "command_s": round(statistics.median(own), 2),
        "backend_s": round(statistics.median(theirs), 2),
        "clock_s": round(statistics.median(wall), 2),
        "of_these_network_clock_s": round(statistics.median(network), 2),
    }


if __name__ == "__main__":
    main()
