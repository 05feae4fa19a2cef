"""python benchmarks/gimp.py ROOT: where the time goes between GIMP and the backend, in a real GIMP.

ROOT: a Debian tree with GIMP in it, as `tests/editors/provision.sh gimp` makes it; needs root. A layer of 4000 x 3000
pixels is painted by a tiny random network: everything but the network is what a real style costs, too. Prints one
JSON object a line: seconds by part, of the quickest of some calls. "reading" and "inserting" are GIMP's, "road" is
all between plug-in and worker, there and back; "rest" is what is left of the call: GIMP starting the plug-in, its
imports, Hello, the list of packs. "opened" is the plug-in's own work until its dialog is on the screen, in processor
seconds. Last the dialog's previews: from asking to being shown, less the worker's time.
"""

from __future__ import annotations

import argparse
import json
import shutil
import sys
import tempfile
from pathlib import Path

SOURCE = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(SOURCE / part) for part in ("tests/editors", "backend", "training")]

from gimp_stage import staged  # noqa: E402

SCENARIO = """
def scenario_measure():
    for precision, name in ((PRECISION.U8_NON_LINEAR, "u8"), (PRECISION.FLOAT_LINEAR, "float")):
        for result in ("new-layer", "in-place"):
            for _ in range(int(os.environ["SCUMBLE_REPEATS"])):
                image = new_image(precision, size=(4000, 3000))
                layer = Gimp.Layer.new(image, "large", 4000, 3000, TYPE.RGBA_IMAGE, 100.0, Gimp.LayerMode.NORMAL)
                image.insert_layer(layer, None, 0)
                layer.fill(Gimp.FillType.WHITE)
                start = time.perf_counter()
                stylize(image, [layer], result=result)
                seconds = round(time.perf_counter() - start, 4)
                with Path(os.environ["SCUMBLE_TIMINGS"]).open("a") as stream:
                    stream.write(json.dumps({"call": seconds, "depth": name, "result": result}) + "\\n")
                image.delete()
"""

PREVIEWS = """
def scenario_previews():
    image, _layer = shown((1600, 1200))
    keys = "Tab " * 2 + "Down " * 8 + "Escape"
    interactive("plug-in-scumble-stylize", "Stylize", keys, image, settle=4.0)
"""


def table(lines: list[dict[str, object]]) -> list[dict[str, object]]:
    """The plug-in's parts and the caller's time of each call, put together; the quickest of each kind."""
    best: dict[tuple[object, object], dict[str, float]] = {}
    for inside, outside in zip(lines[::2], lines[1::2], strict=True):
        parts = {name: float(str(value)) for name, value in inside.items() if name not in ("total", "sending")}
        parts["call"] = float(str(outside["call"]))
        parts["all but the worker"] = parts["call"] - parts["worker"]
        parts["rest"] = parts["all but the worker"] - parts["reading"] - parts["road"] - parts["inserting"]
        kind = (outside["depth"], outside["result"])
        if kind not in best or parts["all but the worker"] < best[kind]["all but the worker"]:
            best[kind] = parts
    return [
        {"depth": depth, "result": result, **{name: round(value, 3) for name, value in parts.items()}}
        for (depth, result), parts in best.items()
    ]


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("root", type=Path, help="Debian tree with GIMP")
    parser.add_argument("--repeats", type=int, default=3)
    options = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="scumble-"))
    try:
        with staged(options.root, folder) as stage:
            timings = folder / "timings.jsonl"
            outcome = stage.run(
                ["measure"], extra=SCENARIO, SCUMBLE_TIMINGS=str(timings), SCUMBLE_REPEATS=str(options.repeats)
            )["measure"]
            if outcome["error"]:
                print(outcome["error"], file=sys.stderr)
                return 1
            lines = [json.loads(line) for line in timings.read_text("utf-8").splitlines()]
            timings.unlink()
            stage.run_with_windows(["previews"], extra=PREVIEWS, SCUMBLE_TIMINGS=str(timings))
            previews = [json.loads(line) for line in timings.read_text("utf-8").splitlines()]
            seen = [json.loads(line) for line in Path(f"{timings}.seen").read_text("utf-8").splitlines()]
        for row in table(lines):
            print(json.dumps(row))
        roads = sorted(each["shown"] - each["worker"] for each in previews)
        opened = [each["opened"] for each in seen if "opened" in each]
        print(json.dumps({"opened": opened}))
        print(json.dumps({"previews": len(roads), "median": roads[len(roads) // 2], "slowest": roads[-1]}))
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
