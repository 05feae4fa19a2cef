"""How long a click takes in the real Krita: python benchmarks/krita.py [--rounds 3]

Runs the scenarios that measure (a 4000 x 3000 RGBA U8 layer by the road alone, a preview at docker size) in a Krita
of its own in a Debian tree, with the real backend beside it, and prints the medians. Needs root, like the tests.
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
]


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
                for name, outcome in stage.run(SCENARIOS).items():
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
