"""What the benchmarks share: the packages of this checkout, and options that mean the same in each of them."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT / part) for part in ("backend", "training", "cli")]


def parser_for(
    page: str | None,
    *,
    device: str = "",
    rounds: int = 0,
    threads: bool = False,
    json: bool = False,
    out: bool = False,
) -> argparse.ArgumentParser:
    """A parser with a benchmark's docstring as its help, and those shared options that it has; defaults as given."""
    parser = argparse.ArgumentParser(description=page, formatter_class=argparse.RawDescriptionHelpFormatter)
    if device:
        parser.add_argument("--device", default=device, help="auto, cpu, cuda, ...")
    if rounds:
        parser.add_argument("--rounds", type=int, default=rounds, help="how often; the median is told")
    if threads:
        parser.add_argument("--threads", type=int, default=0, help="as many as torch chooses where left out")
    if json:
        parser.add_argument("--json", action="store_true", help="print JSON")
    if out:
        parser.add_argument("--out", type=Path, help="file for the table")
    return parser


def options_of(parser: argparse.ArgumentParser) -> argparse.Namespace:
    """The command line's options; torch uses as many threads as they say."""
    options = parser.parse_args()
    if getattr(options, "threads", 0):
        import torch

        torch.set_num_threads(options.threads)
    return options
