"""How long a click takes in the real Krita: python benchmarks/krita.py [--rounds 3]

Runs the scenarios that measure (a 4000 x 3000 RGBA U8 layer by the road alone, a preview at docker size, a slider
dragged for ten seconds over a layer of 3000 x 2000 in 8 and 16 bits) in a Krita of its own in a Debian tree, with the
real backend beside it, and prints the medians. Needs root, like the tests. Latencies are from a change to the picture
on the screen, less the time in the network; turns are seconds of the main thread's own work, whatever else the
machine does, Krita's own calls included.
"""

from __future__ import annotations

import argparse
import shutil
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

SOURCE = Path(__file__).resolve().parent.parent
EDITORS = SOURCE / "tests" / "editors"
SCENARIOS = [
    "the_backend_is_started_when_the_docker_is_first_seen",
    "a_large_layer_is_quick_but_for_the_network",
    "the_preview_in_the_docker_follows_the_sliders",
    "drag_8_bit",
    "drag_16_bit",
]
DRAGGING = """
def _drag(figures, depth):
    made = yield from document(3000, 2000, "RGBA", depth)
    choose()
    current = model()
    current.preview.show(docker=True, canvas=True)
    yield from wait(lambda: current.preview.picture is not None, 60)
    yield from wait(lambda: not current.backend.preview.busy, 60)
    yield 2000
    beside, seen, turns = [], current.preview.picture, []
    end, strength, before = time.monotonic() + 10 * PATIENCE, 0.0, time.thread_time()
    while time.monotonic() < end:
        strength = (strength + 0.013) % 1.0
        docker().style_tab.strength._change(strength)
        yield 20
        now = time.thread_time()
        turns.append(now - before)
        before = now
        if current.preview.picture is not seen:
            seen = current.preview.picture
            beside.append(current.preview.seconds - current.preview.network_seconds)
    beside.sort()
    figures[f"previews_{depth}"] = len(beside)
    if beside:
        figures[f"latency_median_{depth}_s"] = round(beside[len(beside) // 2], 4)
        figures[f"latency_95_{depth}_s"] = round(beside[min(len(beside) - 1, len(beside) * 95 // 100)], 4)
    figures[f"longest_turn_{depth}_s"] = round(max(turns), 4)
    for name, fine in (("coarse", False), ("fine", True)):
        begun = time.thread_time()
        current.preview._copy = current.preview._fine_copy = None
        current.preview._small_copy(fine)
        figures[f"{name}_copy_{depth}_s"] = round(time.thread_time() - begun, 4)
    begun = time.thread_time()
    current.canvas.fingerprint()
    figures[f"fingerprint_{depth}_s"] = round(time.thread_time() - begun, 4)


def step_drag_8_bit(figures):
    yield from _drag(figures, "U8")


def step_drag_16_bit(figures):
    yield from _drag(figures, "U16")
"""


def main() -> None:
    parser = argparse.ArgumentParser(description="Measure the Krita plugin in the real Krita.")
    parser.add_argument("--rounds", type=int, default=3, help="starts of Krita; the median is told")
    rounds = parser.parse_args().rounds
    sys.path[:0] = [str(EDITORS), str(SOURCE / "backend"), str(SOURCE / "training")]
    from krita_stage import staged

    out = subprocess.run(["bash", str(EDITORS / "provision.sh"), "krita"], check=True, capture_output=True, text=True)
    root = Path(out.stdout.strip().splitlines()[-1])
    figures: dict[str, list[float]] = {}
    for _ in range(rounds):
        folder = Path(tempfile.mkdtemp(prefix="scumble-"))
        try:
            with staged(root, folder) as stage:
                for name, outcome in stage.run(SCENARIOS, extra=DRAGGING).items():
                    if not outcome["ok"]:
                        sys.exit(f"{name}: {outcome['error']}")
                    measured = outcome["figures"]
                    assert measured is None or isinstance(measured, dict)
                    for what, value in (measured or {}).items():
                        if isinstance(value, (int, float)):
                            figures.setdefault(what, []).append(float(value))
        finally:
            shutil.rmtree(folder, ignore_errors=True)
    print(f"| figure | median of {rounds} | best | worst |\n|---|---|---|---|")
    for what, values in figures.items():
        print(f"| {what} | {statistics.median(values):.3f} | {min(values):.3f} | {max(values):.3f} |")


if __name__ == "__main__":
    main()
