"""Style through client and backend, against the bare network's forward with as many threads.

    python benchmarks/style.py [--device cpu] [--sides 512 1024] [--rounds 5] [--families style style-skip] [--json]

RGBA u8 layers. The bare forward gets a float tensor that lies ready on the device. Both take turns; target 1.15. The
families take turns, too: `style` is the older one (24 channels), `style-skip` the light one, target half its time.
Marks count in pixels, so that every layer is painted at its own size.
"""

from __future__ import annotations

import json
import statistics
import time

import numpy as np
from own_backend import install_style, result_of, running
from shared_options import options_of, parser_for

from scumble_wire.messages import ImageInfo, StyleChoice, Stylize

TARGET = 1.15


def main() -> None:
    parser = parser_for(__doc__, device="cpu", rounds=5, json=True)
    parser.add_argument("--sides", type=int, nargs="+", default=[512, 1024])
    parser.add_argument("--families", nargs="+", default=["style", "style-skip"], choices=["style", "style-skip"])
    options = options_of(parser)
    rows = []
    with running("--device", options.device) as client:
        import torch

        from scumble_backend.rendering import device as devices

        device = devices.choose(options.device)
        networks = {}
        for family in options.families:
            network, table = install_style(f"bench-{family}", family)
            networks[family] = network.to(device).to(memory_format=torch.channels_last), table.to(device)
        for side in options.sides:
            pixels = np.random.default_rng(0).integers(0, 256, (side, side, 4), dtype=np.uint8)
            pixels[..., 3] = 255
            image = torch.from_numpy(pixels[..., :3].copy()).permute(2, 0, 1)[None].float().div(255).to(device)
            times: dict[str, list[tuple[float, float, float]]] = {family: [] for family in networks}
            for turn in range(options.rounds + 1):
                for family, (network, table) in networks.items():
                    message = Stylize(ImageInfo(side, side), [StyleChoice(f"bench-{family}")], absolute_strokes=True)
                    began = time.perf_counter()
                    with torch.inference_mode():
                        network(image, table)
                        devices.synchronize(device)
                    alone = time.perf_counter() - began
                    began = time.perf_counter()
                    result = result_of(client, message, [pixels.tobytes()])
                    if turn:  # the first one warms up
                        times[family].append((alone, time.perf_counter() - began, result.network_seconds))
            for family, pairs in times.items():
                alone_s, ours_s, inside_s = (statistics.median(pair[i] for pair in pairs) for i in range(3))
                best = [min(pair[i] for pair in pairs) for i in range(2)]
                rows.append(
                    {
                        "side": side,
                        "family": family,
                        "forward_s": round(alone_s, 3),
                        "scumble_s": round(ours_s, 3),
                        "scumble_best_s": round(best[1], 3),
                        "of_these_network_s": round(inside_s, 3),
                        "ratio_of_medians": round(ours_s / alone_s, 3),
                        "ratio_of_best": round(best[1] / best[0], 3),
                        "target": TARGET,
                    }
                )
        where = devices.describe(device)
    if options.json:
        print(json.dumps({"device": where, "rows": rows}))
        return
    print(f"{where}, {options.rounds} rounds in turns")
    print(
        f"{'side':>6}  {'family':<12}{'forward':>10}{'scumble':>10}{'best':>10}{'in network':>12}{'ratio':>8}"
        f"{'of best':>9}   target {TARGET}"
    )
    for row in rows:
        print(
            f"{row['side']:>6}  {row['family']:<12}{row['forward_s']:>8} s{row['scumble_s']:>8} s"
            f"{row['scumble_best_s']:>8} s{row['of_these_network_s']:>10} s{row['ratio_of_medians']:>8}"
            f"{row['ratio_of_best']:>9}"
        )


if __name__ == "__main__":
    main()
