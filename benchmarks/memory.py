"""Peak memory of the backend while it paints a 12-megapixel layer (Linux).

    python benchmarks/memory.py [--device cpu] [--width 4000] [--height 3000] [--family style-skip] [--absolute]
        [--json]

Resident memory after torch has been loaded, and the highest it ever was after one RGBA u8 layer. "Beyond the picture"
is what of it is neither the layer that came nor the one that goes. --absolute: painted at its own size, where brush
marks of the usual size let a large layer be painted smaller and enlarged.
"""

from __future__ import annotations

import json
import time
from pathlib import Path

import numpy as np
from own_backend import install_style, result_of, running
from shared_options import options_of, parser_for

from scumble_wire.messages import ImageInfo, StyleChoice, Stylize


def megabytes(pid: int, name: str) -> float:
    """VmRSS or VmHWM of a process."""
    for line in Path(f"/proc/{pid}/status").read_text(encoding="ascii").splitlines():
        if line.startswith(f"{name}:"):
            return int(line.split()[1]) / 1024
    raise SystemExit(f"/proc tells no {name}")


def main() -> None:
    parser = parser_for(__doc__, device="cpu", json=True)
    parser.add_argument("--width", type=int, default=4000)
    parser.add_argument("--height", type=int, default=3000)
    parser.add_argument("--family", default="style", choices=["style", "style-skip"], help="of the network")
    parser.add_argument("--absolute", action="store_true", help="marks counted in pixels")
    options = options_of(parser)
    width, height = options.width, options.height
    pixels = np.random.default_rng(0).integers(0, 256, (height, width, 4), dtype=np.uint8)
    with running("--device", options.device) as client:
        install_style(family=options.family)
        small = Stylize(ImageInfo(64, 64), [StyleChoice("bench")])
        result_of(client, small, [bytes(64 * 64 * 4)])
        before = megabytes(client.welcome.pid, "VmRSS")
        began = time.perf_counter()
        message = Stylize(ImageInfo(width, height), [StyleChoice("bench")], absolute_strokes=options.absolute)
        result = result_of(client, message, [pixels.tobytes()])
        seconds = time.perf_counter() - began
        peak = megabytes(client.welcome.pid, "VmHWM")
    figures = {
        "device": result.device,
        "megapixels": round(width * height / 1e6, 1),
        "loaded_mb": round(before),
        "peak_mb": round(peak),
        "for_the_layer_mb": round(peak - before),
        "beyond_the_picture_mb": round(peak - before - 2 * pixels.nbytes / 2**20),
        "seconds": round(seconds, 1),
    }
    if options.json:
        print(json.dumps(figures))
        return
    for name, value in figures.items():
        print(f"{name.replace('_', ' '):<20}{value}")


if __name__ == "__main__":
    main()
