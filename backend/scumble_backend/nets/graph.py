"""A network given as a graph of operators, as ONNX files hold it, computed by PyTorch.

Files of this kind often hold a network for pictures of one size. A larger picture is then enlarged in windows of that
size that overlap by the halo; a smaller one is continued to it.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from scumble_backend.nets.graph_operators import OPERATORS
from scumble_backend.nets.spandrel_model import PROBE, measured_halo

MOST_NODES = 20_000
LEAST_SIDE = 16  # pixels: what operators such as mirrored borders may need; smaller pictures are continued
LARGEST_SIDE = 2048  # pixels, of a network for one size


@dataclass(frozen=True, slots=True)
class Node:
    """One operator. The name "" stands for an input that is left out or an output that nobody takes."""

    kind: str  # a key of `OPERATORS`
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    attributes: Mapping[str, Any]


class GraphNetwork(nn.Module):
    """Enlarge an RGB picture with a graph.

    graph: JSON, see `read_graph`. factor: 2 to 16. height, width: source pixels, where it takes one size only, or 0.
    multiple: what the sides of a picture must be multiples of. Raises ValueError for a graph that can't be computed.
    forward: (N, 3, H, W) float, range [0, 1], to (N, 3, H x factor, W x factor); any H and W from 1 on.
    """

    least_side = 1  # `forward` adds what the network needs

    def __init__(self, graph: str, factor: int, height: int = 0, width: int = 0, multiple: int = 1) -> None:
        super().__init__()
        if not 2 <= factor <= 16 or not 1 <= multiple <= 256:
            raise ValueError(f"a graph enlarges 2 to 16 times in multiples of 1 to 256, not {factor} and {multiple}")
        if (height or width) and not all(8 <= side <= LARGEST_SIDE for side in (height, width)):
            raise ValueError(f"a graph takes pictures of 8 to {LARGEST_SIDE} pixels a side, not {width} x {height}")
        self.factor, self.multiple = factor, multiple
        self.size = (height, width) if height else None
        self.nodes, constants, shapes, (self._input, self._output) = read_graph(graph)
        self._constants = {name: torch.tensor(value, device="cpu") for name, value in constants.items()}
        for name, shape in shapes.items():
            self.register_parameter(name, nn.Parameter(torch.empty(shape), requires_grad=False))
        self._forget = _last_uses(self.nodes, {self._output})
        self.family = sha256(graph.encode()).hexdigest()  # which networks can be mixed by their weights
        self._halo: int | None = None

    @property
    def cost(self) -> int:
        """Multiply-adds for a source pixel, roughly: those of a network that computes at the source's size."""
        return sum(parameter.numel() for parameter in self.parameters())

    @property
    def halo(self) -> int:
        """Source pixels beside its own on which a pixel of the result depends, measured once.

        At most a quarter of the size where there is one: what lies further off is faint.
        """
        if self._halo is None:
            like = next(self.parameters())
            if self.size:
                self._halo = min(min(self.size) // 4, measured_halo(self.compute, like, self.factor, self.size))
            else:
                self._halo = measured_halo(self, like, self.factor, (PROBE, PROBE))
        return self._halo

    def forward(self, image: Tensor) -> Tensor:
        height, width = image.shape[-2:]
        least, multiple = self.size or (LEAST_SIDE, LEAST_SIDE), 1 if self.size else self.multiple
        rows, columns = (max(side, need) for side, need in zip((height, width), least, strict=True))
        below, right = rows + -rows % multiple - height, columns + -columns % multiple - width
        padded = F.pad(image, (0, right, 0, below), mode="replicate") if below or right else image
        made = self._in_windows(padded, self.size) if self.size else self.compute(padded)
        return made[..., : height * self.factor, : width * self.factor]

    def compute(self, image: Tensor) -> Tensor:
        """The graph itself, for a picture of a size that it takes. Raises ValueError where it doesn't enlarge it."""
        values: dict[str, Tensor] = {self._input: image, **self._constants, **dict(self.named_parameters())}
        for node, done in zip(self.nodes, self._forget, strict=True):
            given = [values[name] if name else None for name in node.inputs]
            values.update(zip(node.outputs, OPERATORS[node.kind](node.attributes, given), strict=False))
            for name in done:
                values.pop(name, None)
        made, wanted = values[self._output], [side * self.factor for side in image.shape[-2:]]
        if list(made.shape) != [*image.shape[:2], *wanted]:
            raise ValueError(f"the graph makes {list(made.shape)} of {list(image.shape)}")
        return made

    def _in_windows(self, image: Tensor, size: tuple[int, int]) -> Tensor:
        """A picture at least as large as the size the graph takes."""
        factor = self.factor
        height, width = image.shape[-2:]
        result = image.new_empty(*image.shape[:-2], height * factor, width * factor)
        for top, first_row, end_row in _windows(height, size[0], self.halo):
            for left, first, end in _windows(width, size[1], self.halo):
                # Copied, so that strides tell nothing about the picture around.
                made = self.compute(image[..., top : top + size[0], left : left + size[1]].contiguous())
                rows = slice(first_row * factor, end_row * factor)
                columns = slice(first * factor, end * factor)
                within_rows = slice((first_row - top) * factor, (end_row - top) * factor)
                within = slice((first - left) * factor, (end - left) * factor)
                result[..., rows, columns] = made[..., within_rows, within]
        return result


def _windows(length: int, window: int, halo: int) -> list[tuple[int, int, int]]:
    """(start of the window, first and end of what is kept of it) along an axis at least as long as the window."""
    cells: list[tuple[int, int, int]] = []
    first = 0
    while first < length:
        start = min(max(0, first - halo), length - window)
        end = length if start + window == length else start + window - halo
        cells.append((start, first, end))
        first = end
    return cells


Parts = tuple[list[Node], dict[str, Any], dict[str, list[int]], tuple[str, str]]


def read_graph(text: str) -> Parts:
    """Nodes in order, small constants, shapes of the weights, names of input and output. Raises ValueError.

    text: {"input": name, "output": name, "weights": {name: shape}, "constants": {name: numbers}, "nodes":
    [[kind, [inputs], [outputs], {attributes}], ...]}. Every name is given before it is used.
    """
    try:
        data = json.loads(text)
        ends = (str(data["input"]), str(data["output"]))
        weights: dict[str, list[int]] = {str(name): [int(side) for side in s] for name, s in data["weights"].items()}
        constants = dict(data["constants"])
        nodes = [Node(str(kind), tuple(ins), tuple(outs), dict(told)) for kind, ins, outs, told in data["nodes"]]
    except (KeyError, TypeError, AttributeError, RecursionError, ValueError) as error:
        raise ValueError(f"the graph can't be read ({error})") from error
    if not 0 < len(nodes) <= MOST_NODES:
        raise ValueError(f"a graph has 1 to {MOST_NODES} operators, not {len(nodes)}")
    if unknown := unknown_operators(node.kind for node in nodes):
        raise ValueError(f"the operators {', '.join(unknown)} are not known")
    known = {ends[0], *weights, *constants}
    if len(known) != 1 + len(weights) + len(constants):
        raise ValueError("a name of the graph stands for two things")
    for node in nodes:
        missing = [name for name in node.inputs if name and name not in known]
        if missing or any(name in known for name in node.outputs if name):
            raise ValueError(f"the graph's {node.kind} takes or makes what it can't")
        known.update(node.outputs)
    if ends[1] not in known or not weights:
        raise ValueError("the graph has no result or no weights")
    return nodes, constants, weights, ends


def unknown_operators(kinds: Any) -> list[str]:
    """Kinds of operators that can't be computed here, each once, in order."""
    return sorted(set(kinds) - OPERATORS.keys())


def _last_uses(nodes: Sequence[Node], kept: set[str]) -> list[list[str]]:
    """For each node the names that nobody takes after it, so that their memory is given back."""
    left = Counter(name for node in nodes for name in node.inputs if name)
    done: list[list[str]] = []
    for node in nodes:
        left.subtract(name for name in node.inputs if name)
        names = {*node.inputs, *node.outputs} - {""} - kept
        done.append([name for name in names if not left[name]])
    return done


def build(config: Mapping[str, Any]) -> GraphNetwork:
    """The network of a pack's architecture. Raises TypeError for an unknown entry, ValueError for a wrong one."""
    return GraphNetwork(**config)
