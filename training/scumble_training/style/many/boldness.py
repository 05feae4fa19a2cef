"""Which trained boldness a pack calls its default.

Training draws boldness from -1 to 1 and lets it move the style's weight by octaves. What people see first is better
further on the faithful side: the judge's style hardly changes there while content falls
(benchmarks/results/pictures.md).
"""

from __future__ import annotations

from scumble_backend.nets.style_skip import SkipStyleTable

DEFAULT, REACH = -1.2, 0.9  # in trained units: a pack's boldness 0, and how much further its 1 and -1 are


def rebased(table: SkipStyleTable, default: float = DEFAULT, reach: float = REACH) -> SkipStyleTable:
    """The table whose boldness 0 is the `default` of this one, and whose boldness 1 is `reach` further."""
    if table.scale_bold is None:
        return table
    placed = table.at(1.0, default)
    slopes = {name: reach * t for name, t in table.tensors().items() if name.endswith("_bold")}
    return SkipStyleTable(**{**table.tensors(), **placed.tensors(), **slopes})


def as_trained(table: SkipStyleTable) -> SkipStyleTable:
    """A pack's table in the units of training: the inverse of `rebased`."""
    return rebased(table, -DEFAULT / REACH, 1 / REACH)
