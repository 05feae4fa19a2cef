"""The artifact suite for every installed style, as a table.

    python benchmarks/artifacts.py [--packs great-wave,...] [--packs-folder DIR] [--side 256] [--out table.md]

Goals: white and black pages at least 60/255 apart; block means of a flat page spread over at most 12/255.
"""

from __future__ import annotations

from dataclasses import asdict

from chosen_packs import add_options, chosen
from shared_options import options_of, parser_for

from scumble_training.measuring.artifacts import Artifacts
from scumble_training.measuring.evaluate_style import Evaluation


def table(found: dict[str, Artifacts]) -> str:
    lines = [
        "| pack | white - black (1/255) | blotches (1/255) | deviation (1/255) | banding (1/255) "
        "| steepness | halo (px) | checkerboard | border | missed |",
        "|---|---|---|---|---|---|---|---|---|---|",
    ]
    for name, one in found.items():
        cells = " | ".join(f"{value:.1f}" for value in asdict(one).values())
        missed = "; ".join(one.shortfalls()) or "none"
        lines.append(f"| {name} | {cells} | {missed} |")
    return "\n".join(lines) + "\n"


def main() -> None:
    parser = parser_for(__doc__, device="auto", threads=True, out=True)
    add_options(parser)
    parser.add_argument("--side", type=int, default=256)
    options = options_of(parser)
    on = chosen(options)
    evaluation = Evaluation(on.store, device=on.device)
    text = table({pack.id: evaluation.artifacts(pack, options.side) for pack in on.packs})
    if options.out:
        options.out.write_text(text, encoding="utf-8")
    print(text, end="")


if __name__ == "__main__":
    main()
