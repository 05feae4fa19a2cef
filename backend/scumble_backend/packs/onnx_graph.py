"""The style network written down as an ONNX graph, operator by operator (opset 18, float32).

Written by hand because PyTorch's exporters freeze the picture's size into the grain and the color path.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor

from scumble_backend.nets.style import EPSILON, PaintLayer, StyleNetwork, StyleTable

OPSET = 18


class _Graph:
    """Collects nodes and initializers; every method returns the name of what it computes."""

    def __init__(self) -> None:
        self.nodes: list[Any] = []
        self.initializers: list[Any] = []

    def constant(self, value: Any, dtype: Any = np.int64) -> str:
        import onnx

        array = value.detach().cpu().float().numpy() if isinstance(value, Tensor) else np.asarray(value, dtype)
        name = f"c{len(self.initializers)}"
        self.initializers.append(onnx.numpy_helper.from_array(np.ascontiguousarray(array), name))
        return name

    def op(self, kind: str, *inputs: str, **attributes: Any) -> str:
        import onnx

        name = f"v{len(self.nodes)}"
        self.nodes.append(onnx.helper.make_node(kind, list(inputs), [name], **attributes))
        return name

    def number(self, value: float) -> str:
        return self.constant(value, np.float32)

    def side(self, image: str, axis: int) -> str:
        """The length of an axis as a 1-element int64 tensor."""
        return self.op("Shape", image, start=axis, end=axis + 1)

    def pad(self, x: str, pads: str, mode: str) -> str:
        return self.op("Pad", x, pads, mode=mode)

    def border(self, x: str, radius: int, mode: str) -> str:
        return self.pad(x, self.constant([0, 0, radius, radius] * 2), mode)

    def crop(self, x: str, height: str, width: str) -> str:
        ends = self.op("Concat", height, width, axis=0)
        return self.op("Slice", x, self.constant([0, 0]), ends, self.constant([2, 3]))


def style_model(network: StyleNetwork, table: StyleTable, *, title: str, license: str = "") -> bytes:
    """The bytes of an ONNX file: image (1, 3, height, width) in [0, 1] -> painted, alike. table: N = 1."""
    import onnx

    config, g = network.config, _Graph()
    height, width = g.side("image", 2), g.side("image", 3)
    x = "image"
    if config.grain:
        x = g.op("Add", x, g.op("Mul", _grain(g, height, width), g.number(config.grain)))
    x = g.pad(x, _stride_pads(g, height, width), "reflect")
    sizes = [layer.conv.out_channels for layer in network.norm_layers]
    scales, shifts = torch.split(table.scale[0], sizes), torch.split(table.shift[0], sizes)
    affine = iter(zip(network.norm_layers, scales, shifts, strict=True))

    def step(x: str, *, relu: bool = True) -> str:
        layer, scale, shift = next(affine)
        y = _normalized(g, layer, _convolved(g, layer, x), scale, shift, config.statistics_pull)
        return g.op("Relu", y) if relu else y

    for _ in network.down:
        x = step(x)
    for _ in range(config.residual_blocks):
        x = g.op("Add", x, step(step(x), relu=False))
    for _ in network.up:
        x = step(x)
    drawing = g.crop(_convolved(g, network.out, x), height, width)
    painted = g.op("Add", drawing, _color_path(g, network, table, height, width))
    if config.output == "sigmoid":
        painted = g.op("Sigmoid", painted)
    else:
        painted = g.op("Clip", painted, g.number(0.0), g.number(1.0))
    g.nodes.append(onnx.helper.make_node("Identity", [painted], ["painted"]))

    float32 = onnx.TensorProto.FLOAT
    shape: list[str | int | None] = [1, 3, "height", "width"]
    graph = onnx.helper.make_graph(
        g.nodes,
        "style",
        [onnx.helper.make_tensor_value_info("image", float32, shape)],
        [onnx.helper.make_tensor_value_info("painted", float32, shape)],
        g.initializers,
    )
    model = onnx.helper.make_model(
        graph, opset_imports=[onnx.helper.make_opsetid("", OPSET)], ir_version=9, producer_name="scumble"
    )
    onnx.helper.set_model_props(model, {"title": title, "license": license, "range": "sRGB-encoded RGB in [0, 1]"})
    onnx.checker.check_model(model, full_check=True)
    raw: bytes = model.SerializeToString(deterministic=True)
    return raw


def _convolved(g: _Graph, layer: PaintLayer, x: str) -> str:
    if layer.upsample:
        scales = g.constant([1, 1, 2, 2], np.float32)
        if layer.upsample == "nearest":
            how = {"mode": "nearest", "coordinate_transformation_mode": "asymmetric", "nearest_mode": "floor"}
        else:
            how = {"mode": "linear", "coordinate_transformation_mode": "half_pixel"}
        x = g.op("Resize", x, "", scales, **how)
    x = g.border(x, layer.radius, "reflect")
    weights = [g.constant(layer.conv.weight)]
    if layer.conv.bias is not None:
        weights.append(g.constant(layer.conv.bias))
    return g.op("Conv", x, *weights, kernel_shape=[layer.kernel] * 2, strides=[layer.stride] * 2)


def _normalized(g: _Graph, layer: PaintLayer, x: str, scale: Tensor, shift: Tensor, pull: float) -> str:
    if pull == 0:
        return g.op("InstanceNormalization", x, g.constant(scale), g.constant(shift), epsilon=EPSILON)
    axes = g.constant([2, 3])

    def per_channel(values: Tensor) -> str:
        return g.constant(values.reshape(1, -1, 1, 1))

    mean = g.op("ReduceMean", x, axes, keepdims=1)
    centered = g.op("Sub", x, mean)
    variance = g.op("ReduceMean", g.op("Mul", centered, centered), axes, keepdims=1)
    share = g.number(1 / (1 + pull))
    mean = g.op("Add", g.op("Mul", mean, share), per_channel(layer.average_mean * pull / (1 + pull)))
    # the small number that is added to every variance goes into the constant part
    constant = per_channel(layer.average_variance * pull / (1 + pull) + EPSILON)
    deviation = g.op("Sqrt", g.op("Add", g.op("Mul", variance, share), constant))
    gain = g.op("Div", per_channel(scale), deviation)
    return g.op("Add", g.op("Mul", g.op("Sub", x, mean), gain), per_channel(shift))


def _stride_pads(g: _Graph, height: str, width: str) -> str:
    """[0, 0, 0, 0, 0, 0, -height % 4, -width % 4]"""
    four = g.constant([4])
    missing = [g.op("Mod", g.op("Sub", four, g.op("Mod", side, four)), four) for side in (height, width)]
    return g.op("Concat", g.constant([0] * 6), *missing, axis=0)


def _color_path(g: _Graph, network: StyleNetwork, table: StyleTable, height: str, width: str) -> str:
    cell, cells = network.config.color_cell, network.config.color_cells
    # Whole cells first: the last ones average over what is there of them, as ceil_mode does in PyTorch.
    ones = g.op("ConstantOfShape", g.op("Concat", g.constant([1, 1]), height, width, axis=0), value=_one())
    sums = [_cell_sums(g, x, height, width, cell) for x in ("image", ones)]
    small = g.op("Div", *sums)
    small = g.op("AveragePool", g.border(small, cells // 2, "edge"), kernel_shape=[cells] * 2, strides=[1, 1])
    small = g.op("Sub", small, g.number(0.5))
    color = table.color[0]
    mixed = g.op("Conv", small, g.constant(color[:, :3].reshape(3, 3, 1, 1)), g.constant(color[:, 3]))
    scales = g.constant([1, 1, cell, cell], np.float32)
    full = g.op("Resize", mixed, "", scales, mode="linear", coordinate_transformation_mode="half_pixel")
    return g.crop(full, height, width)


def _cell_sums(g: _Graph, x: str, height: str, width: str, cell: int) -> str:
    """Sums over cells of `cell` x `cell`, the picture continued with zeros to whole cells."""
    size = g.constant([cell])
    missing = [g.op("Mod", g.op("Sub", size, g.op("Mod", side, size)), size) for side in (height, width)]
    x = g.pad(x, g.op("Concat", g.constant([0] * 6), *missing, axis=0), "constant")
    return g.op("AveragePool", x, kernel_shape=[cell] * 2, strides=[cell] * 2)


def _one() -> Any:
    import onnx

    return onnx.helper.make_tensor("one", onnx.TensorProto.FLOAT, [1], [1.0])


def _grain(g: _Graph, height: str, width: str) -> str:
    """`nets.style.place_grain` with seed 0, (1, 1, height, width). Shifts are divisions: the numbers are positive."""

    def places(side: str) -> str:
        end = g.op("Squeeze", side, g.constant([0]))
        return g.op("Range", g.constant(0), end, g.constant(1))

    def masked(h: str) -> str:
        return g.op("BitwiseAnd", h, g.constant(0xFFFFFFFF))

    def folded(h: str, bits: int) -> str:
        return g.op("BitwiseXor", h, g.op("Div", h, g.constant(1 << bits)))

    def scrambled(h: str, factor: int) -> str:
        return masked(g.op("Mul", h, g.constant(factor)))

    y = g.op("Unsqueeze", places(height), g.constant([1]))
    x = g.op("Unsqueeze", places(width), g.constant([0]))
    h = g.op("Add", g.op("Mul", x, g.constant(0x9E3779B1)), g.op("Mul", y, g.constant(0x85EBCA77)))
    h = masked(g.op("Add", h, g.constant(0x27D4EB2F)))
    h = scrambled(folded(h, 16), 0x85EBCA6B)
    h = scrambled(folded(h, 13), 0xC2B2AE35)
    h = g.op("Div", folded(h, 16), g.constant(256))
    noise = g.op("Cast", h, to=1)
    noise = g.op("Sub", g.op("Mul", noise, g.number(2.0 / (1 << 24))), g.number(1.0))
    return g.op("Unsqueeze", noise, g.constant([0, 1]))


__all__ = ["OPSET", "style_model"]
