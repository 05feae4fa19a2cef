"""Install time and memory of packs, switching the style of a warm backend, and how fuzz cases end.

    python benchmarks/packs.py [--width 32] [--repeat 5] [--json] [--fuzz CASES]

Packs are made with random weights in a temporary folder; nothing of the user's is touched.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from hashlib import sha256
from pathlib import Path
from typing import Any

from shared_options import ROOT, options_of, parser_for


def make_packs(folder: Path, width: int) -> dict[str, Path]:
    """An affine pack that carries its base, one that finds it installed, and a network pack, of a usual size."""
    import torch

    from scumble_backend.nets.style import StyleNetwork, StyleNetworkConfig, initialize
    from scumble_backend.packs import making
    from scumble_backend.packs.archive import write_pack
    from scumble_backend.packs.manifest import Manifest

    network = StyleNetwork(StyleNetworkConfig(width=width))
    initialize(network, torch.Generator().manual_seed(1))
    base = making.base_file(network)
    made = {}
    for name, kind in (("affine-with-base", "affine"), ("affine", "affine"), ("network", "network")):
        manifest = Manifest(
            id=name,
            title=name,
            kind=kind,  # type: ignore[arg-type]
            architecture=making.style_architecture(network),
            base=sha256(base).hexdigest() if kind == "affine" else "",
        )
        table = network.plain_table()
        if kind == "affine":
            files = {"weights.safetensors": making.affine_weights(manifest, table)}
        else:
            files = {"weights.safetensors": making.network_weights(manifest, network, table)}
        if name == "affine-with-base":
            files["base.safetensors"] = base
        made[name] = folder / f"{name}.scumble"
        write_pack(made[name], manifest, files)
    return made


def installs(width: int, repeat: int) -> list[dict[str, Any]]:
    """Median seconds of an install over an installed one, and the peak memory that it adds, each in a new process."""
    rows = []
    with tempfile.TemporaryDirectory(prefix="scumble-benchmark-") as place:
        packs = make_packs(Path(place), width)
        for name, path in packs.items():
            done = subprocess.run(
                [sys.executable, __file__, "--one", str(path), str(packs["affine-with-base"]), str(repeat)],
                capture_output=True,
                text=True,
                check=True,
                env={**os.environ, "OMP_NUM_THREADS": os.environ.get("OMP_NUM_THREADS", "2")},
            )
            rows.append({"pack": name, "file_kb": round(path.stat().st_size / 1024, 1), **json.loads(done.stdout)})
    return rows


def one(path: Path, first: Path, repeat: int) -> dict[str, Any]:
    """Child process: install `path` again and again. `first` brings the base network."""
    import torch  # noqa: F401 - a warm backend has it loaded

    from scumble_backend.packs.store import Folders, PackStore

    with tempfile.TemporaryDirectory(prefix="scumble-benchmark-") as place:
        store = PackStore(Folders(Path(place)))
        began = time.perf_counter()
        store.install(first)  # also imports what an install needs
        cold = time.perf_counter() - began
        before = memory_kb("VmRSS")
        forget_peak()
        times, busy = [], []
        for _ in range(repeat):
            began, cpu = time.perf_counter(), time.process_time()
            store.install(path)
            times.append(time.perf_counter() - began)
            busy.append(time.process_time() - cpu)
        peak = memory_kb("VmHWM")
    return {
        "first_install_of_the_process_ms": round(cold * 1e3, 1),
        "install_ms": round(statistics.median(times) * 1e3, 1),
        "install_cpu_ms": round(statistics.median(busy) * 1e3, 1),
        "peak_memory_added_mb": round((peak - before) / 1024, 1) if peak else None,
    }


def memory_kb(field: str) -> int:
    """A field of Linux's account of this process; 0 elsewhere."""
    status = Path("/proc/self/status")
    if not status.exists():
        return 0
    return next(int(line.split()[1]) for line in status.read_text().splitlines() if line.startswith(field))


def forget_peak() -> None:
    """Reset VmHWM (Linux); the peak of the process so far is that of its imports."""
    if Path("/proc/self/clear_refs").exists():
        Path("/proc/self/clear_refs").write_text("5")


def switching(width: int, repeat: int) -> dict[str, Any]:
    """Milliseconds from a pack's id to a table ready to paint with, the base being loaded: two packs in turn."""
    from scumble_backend.packs import making
    from scumble_backend.packs.store import Folders, PackStore

    with tempfile.TemporaryDirectory(prefix="scumble-benchmark-") as place:
        packs = make_packs(Path(place), width)
        store = PackStore(Folders(Path(place) / "packs"))
        for path in packs.values():
            store.install(path)
        network = making.load_network(store, store.get("affine"))
        name = making.network_name(store.get("affine"))
        times, busy = [], []
        for turn in range(40 * repeat):
            began, cpu = time.perf_counter(), time.process_time()
            style = making.load_style(store.get(("affine", "affine-with-base")[turn % 2]))
            assert style.network == name
            times.append(time.perf_counter() - began)
            busy.append(time.process_time() - cpu)
        began = time.perf_counter()
        making.load_network(store, store.get("network"))
        other = time.perf_counter() - began
        listing = []
        for _ in range(repeat):
            began = time.perf_counter()
            PackStore(store.folders).list()
            listing.append(time.perf_counter() - began)
    return {
        "switch_median_ms": round(statistics.median(times) * 1e3, 2),
        "switch_worst_ms": round(max(times) * 1e3, 2),
        "switch_worst_cpu_ms": round(max(busy) * 1e3, 2),
        "load_another_network_ms": round(other * 1e3, 1),
        "list_3_packs_ms": round(statistics.median(listing) * 1e3, 2),
        "norm_channels": network.norm_channels,
    }


def fuzz(cases: int) -> int:
    """Run the fuzz tests with `cases` cases each; returns pytest's exit status."""
    command = [
        sys.executable,
        "-m",
        "pytest",
        "tests/packs/test_fuzz.py",
        "-q",
        "--hypothesis-show-statistics",
        "--timeout=0",
    ]
    return subprocess.run(
        command, cwd=ROOT, env={**os.environ, "SCUMBLE_FUZZ_CASES": str(cases)}, check=False
    ).returncode


def main() -> int:
    parser = parser_for(__doc__, json=True)
    parser.add_argument("--width", type=int, default=32, help="channels of the first layer")
    parser.add_argument("--repeat", type=int, default=5)
    parser.add_argument("--fuzz", type=int, default=0, metavar="CASES")
    parser.add_argument("--one", nargs=3, help=argparse.SUPPRESS)
    asked = options_of(parser)
    if asked.one:
        print(json.dumps(one(Path(asked.one[0]), Path(asked.one[1]), int(asked.one[2]))))
        return 0
    if asked.fuzz:
        return fuzz(asked.fuzz)
    result = {"width": asked.width, "installs": installs(asked.width, asked.repeat)}
    result["switching"] = switching(asked.width, asked.repeat)
    if asked.json:
        print(json.dumps(result, indent=1))
        return 0
    for row in result["installs"]:
        print("  ".join(f"{key} {value}" for key, value in row.items()))
    print("  ".join(f"{key} {value}" for key, value in result["switching"].items()))
    return 0


if __name__ == "__main__":
    sys.exit(main())
