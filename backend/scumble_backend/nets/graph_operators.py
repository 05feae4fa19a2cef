"""Operators of ONNX graphs, computed by PyTorch: those that super-resolution networks are written with.

Each takes its node's attributes and inputs (None for one that is left out) and returns its outputs. Numbers that
describe sizes and places stay on the CPU. What an operator can't do as it is asked is a ValueError.
Source: https://onnx.ai/onnx/operators, operator sets 7 to 22.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

Attributes = Mapping[str, Any]
Inputs = Sequence[Tensor | None]
Operator = Callable[[Attributes, Inputs], list[Tensor]]

LARGEST = 1 << 31  # samples of a tensor: more is a graph that was made to harm, or a mistake


def _given(inputs: Inputs, index: int) -> Tensor | None:
    return inputs[index] if index < len(inputs) else None


def _need(inputs: Inputs, index: int) -> Tensor:
    value = _given(inputs, index)
    if value is None:
        raise ValueError(f"an operator lacks its input {index + 1}")
    return value


def _numbers(attributes: Attributes, name: str, inputs: Inputs, index: int) -> list[Any] | None:
    """What older operator sets give as an attribute and newer ones as an input."""
    value = _given(inputs, index)
    if value is not None:
        return list(value.reshape(-1).tolist())
    return list(attributes[name]) if name in attributes else None


def _number(attributes: Attributes, name: str, inputs: Inputs, index: int) -> float | None:
    value = _given(inputs, index)
    return float(value) if value is not None else attributes.get(name)


def _limited(count: float) -> None:
    if count > LARGEST:
        raise ValueError("a tensor would become too large")


def _together(inputs: Inputs) -> list[Tensor]:
    """Operands on one device: single numbers are kept on the CPU."""
    tensors = [_need(inputs, index) for index in range(len(inputs))]
    device = next((tensor.device for tensor in tensors if tensor.device.type != "cpu"), None)
    return [tensor.to(device) for tensor in tensors] if device else tensors


# --- one sample at a time ----------------------------------------------------------------------------------


def _one(compute: Callable[[Tensor], Tensor]) -> Operator:
    return lambda attributes, inputs: [compute(_need(inputs, 0))]


def _two(compute: Callable[[Tensor, Tensor], Tensor]) -> Operator:
    def operator(attributes: Attributes, inputs: Inputs) -> list[Tensor]:
        a, b = _together(inputs)
        return [compute(a, b)]

    return operator


def _divided(a: Tensor, b: Tensor) -> Tensor:
    return a / b if a.is_floating_point() else torch.div(a, b, rounding_mode="trunc")


def _several(compute: Callable[[Tensor, Tensor], Tensor]) -> Operator:
    def operator(attributes: Attributes, inputs: Inputs) -> list[Tensor]:
        first, *rest = _together(inputs)
        for other in rest:
            first = compute(first, other)
        return [first]

    return operator


def _leaky_relu(attributes: Attributes, inputs: Inputs) -> list[Tensor]:
    return [F.leaky_relu(_need(inputs, 0), attributes.get("alpha", 0.01))]


def _elu(attributes: Attributes, inputs: Inputs) -> list[Tensor]:
    return [F.elu(_need(inputs, 0), attributes.get("alpha", 1.0))]


def _prelu(attributes: Attributes, inputs: Inputs) -> list[Tensor]:
    x, slope = _together(inputs)
    return [torch.where(x < 0, x * slope.to(x.dtype), x)]


def _hard_sigmoid(attributes: Attributes, inputs: Inputs) -> list[Tensor]:
    x = _need(inputs, 0)
    return [(x * attributes.get("alpha", 0.2) + attributes.get("beta", 0.5)).clamp(0, 1)]


def _gelu(attributes: Attributes, inputs: Inputs) -> list[Tensor]:
    return [F.gelu(_need(inputs, 0), approximate=attributes.get("approximate", "none"))]


def _clip(attributes: Attributes, inputs: Inputs) -> list[Tensor]:
    low, high = _number(attributes, "min", inputs, 1), _number(attributes, "max", inputs, 2)
    x = _need(inputs, 0)
    return [x if low is None and high is None else x.clamp(low, high)]


def _cast(attributes: Attributes, inputs: Inputs) -> list[Tensor]:
    """Between kinds of numbers: all floats are kept in the network's own precision."""
    x, to = _need(inputs, 0), int(attributes["to"])
    if to in (1, 10, 11, 16):  # float32, float16, float64, bfloat16
        return [x if x.is_floating_point() else x.float()]
    if to == 9:
        return [x.bool()]
    if to in (2, 3, 4, 5, 6, 7, 12, 13):
        return [x.long()]
    raise ValueError(f"Cast to the type {to} of ONNX is not known")


def _where(attributes: Attributes, inputs: Inputs) -> list[Tensor]:
    condition, a, b = _together(inputs)
    return [torch.where(condition.bool(), a, b)]


# --- convolutions, pools and norms ----------------------------------------------------------------------------


def _same_pads(
    attributes: Attributes, kernel: Sequence[int], strides: Sequence[int], dilations: Sequence[int]
) -> Any:
    """[top, left, bottom, right] of a node, from its `pads` or, where it says so, from its kernel."""
    auto = attributes.get("auto_pad", "NOTSET")
    if auto in ("NOTSET", "VALID"):
        return list(attributes.get("pads", [0, 0, 0, 0])) if auto == "NOTSET" else [0, 0, 0, 0]
    if any(stride != 1 for stride in strides):
        raise ValueError(f"auto_pad {auto} with strides {list(strides)} is not known")
    totals = [dilation * (side - 1) for side, dilation in zip(kernel, dilations, strict=True)]
    small, large = [total // 2 for total in totals], [total - total // 2 for total in totals]
    return small + large if auto == "SAME_UPPER" else large + small


def _conv(attributes: Attributes, inputs: Inputs) -> list[Tensor]:
    x, weight = _need(inputs, 0), _need(inputs, 1)
    strides, dilations = attributes.get("strides", [1, 1]), attributes.get("dilations", [1, 1])
    top, left, bottom, right = _same_pads(attributes, weight.shape[2:], strides, dilations)
    if (top, left) != (bottom, right):
        x, top, left = F.pad(x, (left, right, top, bottom)), 0, 0
    groups = attributes.get("group", 1)
    return [F.conv2d(x, weight, _given(inputs, 2), strides, (top, left), dilations, groups)]


def _conv_transpose(attributes: Attributes, inputs: Inputs) -> list[Tensor]:
    top, left, bottom, right = attributes.get("pads", [0, 0, 0, 0])
    if attributes.get("auto_pad", "NOTSET") != "NOTSET" or "output_shape" in attributes:
        raise ValueError("ConvTranspose with auto_pad or output_shape is not known")
    made = F.conv_transpose2d(
        _need(inputs, 0),
        _need(inputs, 1),
        _given(inputs, 2),
        attributes.get("strides", [1, 1]),
        0,
        attributes.get("output_padding", [0, 0]),
        attributes.get("group", 1),
        attributes.get("dilations", [1, 1]),
    )
    return [made[..., top : made.shape[-2] - bottom, left : made.shape[-1] - right]]


def _pool(compute: Callable[..., Tensor]) -> Operator:
    def operator(attributes: Attributes, inputs: Inputs) -> list[Tensor]:
        kernel = attributes["kernel_shape"]
        strides = attributes.get("strides", [1, 1])
        dilations = attributes.get("dilations", [1, 1])
        pads = _same_pads(attributes, kernel, strides, dilations)
        if any(pads) or attributes.get("ceil_mode", 0) or list(dilations) != [1, 1]:
            raise ValueError("pooling beyond the picture's border is not known")
        return [compute(_need(inputs, 0), kernel, strides)]

    return operator


def _batch_normalization(attributes: Attributes, inputs: Inputs) -> list[Tensor]:
    x, scale, shift, mean, variance = (_need(inputs, index) for index in range(5))
    return [F.batch_norm(x, mean, variance, scale, shift, eps=attributes.get("epsilon", 1e-5))]


def _layer_normalization(attributes: Attributes, inputs: Inputs) -> list[Tensor]:
    x, scale = _need(inputs, 0), _need(inputs, 1)
    shape = list(x.shape[attributes.get("axis", -1) :])
    return [F.layer_norm(x, shape, scale, _given(inputs, 2), attributes.get("epsilon", 1e-5))]


def _reduced(compute: Callable[..., Tensor]) -> Operator:
    def operator(attributes: Attributes, inputs: Inputs) -> list[Tensor]:
        x = _need(inputs, 0)
        axes = _numbers(attributes, "axes", inputs, 1)
        if axes is None:
            axes = [] if attributes.get("noop_with_empty_axes") else list(range(x.dim()))
        return [compute(x, dim=axes, keepdim=bool(attributes.get("keepdims", 1))) if axes else x]

    return operator


def _global_average(attributes: Attributes, inputs: Inputs) -> list[Tensor]:
    return [_need(inputs, 0).mean((2, 3), keepdim=True)]


def _softmax(attributes: Attributes, inputs: Inputs) -> list[Tensor]:
    return [_need(inputs, 0).softmax(attributes.get("axis", -1))]


# --- sizes ----------------------------------------------------------------------------------------------------


def _depth_to_space(attributes: Attributes, inputs: Inputs) -> list[Tensor]:
    x, block = _need(inputs, 0), int(attributes["blocksize"])
    if attributes.get("mode", "DCR") == "CRD":
        return [F.pixel_shuffle(x, block)]
    count, channels, height, width = x.shape
    cells = x.reshape(count, block, block, channels // block**2, height, width)
    return [cells.permute(0, 3, 4, 1, 5, 2).reshape(count, channels // block**2, height * block, width * block)]


def _space_to_depth(attributes: Attributes, inputs: Inputs) -> list[Tensor]:
    x, block = _need(inputs, 0), int(attributes["blocksize"])
    count, channels, height, width = x.shape
    cells = x.reshape(count, channels, height // block, block, width // block, block)
    return [cells.permute(0, 3, 5, 1, 2, 4).reshape(count, channels * block**2, height // block, width // block)]


_ALIKE = ("half_pixel", "pytorch_half_pixel")


def _resize(attributes: Attributes, inputs: Inputs) -> list[Tensor]:
    """Resize (from operator set 11 on; 10 as well, whose scales are the second input) and Upsample."""
    x = _need(inputs, 0)
    place = 1 if len(inputs) <= 2 else 2
    sizes, scales = _given(inputs, 3), _numbers(attributes, "scales", inputs, place)
    if sizes is not None:
        size = [int(side) for side in sizes.reshape(-1).tolist()[-2:]]
    elif scales:
        size = [math.floor(side * scale) for side, scale in zip(x.shape[-2:], scales[-2:], strict=True)]
    else:
        raise ValueError("Resize tells no size")
    if size == list(x.shape[-2:]):
        return [x]
    if min(size) < 1:
        raise ValueError("Resize leaves nothing")
    _limited(x.shape[0] * x.shape[1] * math.prod(size))
    mode = attributes.get("mode", "nearest")
    # Before operator set 11 there was one way only, which the attribute now calls so.
    how = attributes.get("coordinate_transformation_mode", "half_pixel" if place == 2 else "asymmetric")
    if mode == "nearest":
        if any(large % small for large, small in zip(size, x.shape[-2:], strict=True)):
            raise ValueError("Resize by other than whole factors to the nearest sample is not known")
        return [F.interpolate(x, size=size, mode="nearest")]
    kinds = {"linear": "bilinear", "cubic": "bicubic"}
    if mode not in kinds or (how not in _ALIKE and how != "align_corners") or attributes.get("antialias"):
        raise ValueError(f"Resize of the kind {mode}, {how} is not known")
    return [F.interpolate(x, size=size, mode=kinds[mode], align_corners=how == "align_corners")]


def _pad(attributes: Attributes, inputs: Inputs) -> list[Tensor]:
    x = _need(inputs, 0)
    pads = _numbers(attributes, "pads", inputs, 1)
    axes = _numbers({}, "", inputs, 3) or list(range(x.dim()))
    if pads is None or len(pads) != 2 * len(axes):
        raise ValueError("Pad tells no fitting sizes")
    before, after = [0] * x.dim(), [0] * x.dim()
    for axis, low, high in zip(axes, pads[: len(axes)], pads[len(axes) :], strict=True):
        before[axis], after[axis] = low, high
    _limited(math.prod(side + max(0, a) + max(0, b) for side, a, b in zip(x.shape, before, after, strict=True)))
    mode = attributes.get("mode", "constant")
    if mode == "constant":
        flat = [number for axis in reversed(range(x.dim())) for number in (before[axis], after[axis])]
        return [F.pad(x, flat, value=_number(attributes, "value", inputs, 2) or 0.0)]
    if mode not in ("reflect", "edge") or any(before[:-2] + after[:-2]):
        raise ValueError(f"Pad of the kind {mode} is not known")
    torchs = "reflect" if mode == "reflect" else "replicate"
    return [F.pad(x, (before[-1], after[-1], before[-2], after[-2]), mode=torchs)]


def _slice(attributes: Attributes, inputs: Inputs) -> list[Tensor]:
    x = _need(inputs, 0)
    starts, ends = _numbers(attributes, "starts", inputs, 1), _numbers(attributes, "ends", inputs, 2)
    assert starts is not None and ends is not None
    axes = _numbers(attributes, "axes", inputs, 3) or list(range(len(starts)))
    steps = _numbers({}, "", inputs, 4) or [1] * len(starts)
    for axis, start, end, step in zip(axes, starts, ends, steps, strict=True):
        places = range(*slice(start, end, step).indices(x.shape[axis]))
        if step == 1:
            x = x.narrow(axis, places.start, len(places))
        else:
            x = x.index_select(axis, torch.tensor(places, dtype=torch.int64, device=x.device))
    return [x]


def _split(attributes: Attributes, inputs: Inputs) -> list[Tensor]:
    x, axis = _need(inputs, 0), attributes.get("axis", 0)
    parts = _numbers(attributes, "split", inputs, 1)
    if parts is None:
        count = int(attributes["num_outputs"])
        each = -(-x.shape[axis] // count)
        parts = [min(each, x.shape[axis] - at) for at in range(0, x.shape[axis], each)]
    return list(torch.split(x, [int(part) for part in parts], axis))


def _concat(attributes: Attributes, inputs: Inputs) -> list[Tensor]:
    return [torch.cat(_together(inputs), attributes["axis"])]


def _reshape(attributes: Attributes, inputs: Inputs) -> list[Tensor]:
    x = _need(inputs, 0)
    wanted = _numbers(attributes, "shape", inputs, 1) or []
    if not attributes.get("allowzero"):
        wanted = [x.shape[place] if side == 0 else side for place, side in enumerate(wanted)]
    return [torch.reshape(x, tuple(int(side) for side in wanted))]


def _transpose(attributes: Attributes, inputs: Inputs) -> list[Tensor]:
    x = _need(inputs, 0)
    return [x.permute(attributes.get("perm", list(reversed(range(x.dim())))))]


def _flatten(attributes: Attributes, inputs: Inputs) -> list[Tensor]:
    x, axis = _need(inputs, 0), attributes.get("axis", 1)
    return [x.reshape(math.prod(x.shape[:axis]), -1)]


def _squeeze(attributes: Attributes, inputs: Inputs) -> list[Tensor]:
    x, axes = _need(inputs, 0), _numbers(attributes, "axes", inputs, 1)
    return [x.squeeze() if axes is None else x.squeeze(tuple(int(axis) for axis in axes))]


def _unsqueeze(attributes: Attributes, inputs: Inputs) -> list[Tensor]:
    x, axes = _need(inputs, 0), _numbers(attributes, "axes", inputs, 1)
    assert axes is not None
    rank = x.dim() + len(axes)
    for axis in sorted(int(axis) % rank for axis in axes):
        x = x.unsqueeze(axis)
    return [x]


def _shape(attributes: Attributes, inputs: Inputs) -> list[Tensor]:
    sides = list(_need(inputs, 0).shape)[attributes.get("start", 0) : attributes.get("end")]
    return [torch.tensor(sides, dtype=torch.int64)]


def _gather(attributes: Attributes, inputs: Inputs) -> list[Tensor]:
    x, places = _need(inputs, 0), _need(inputs, 1)
    axis = attributes.get("axis", 0)
    side = x.shape[axis]
    flat = torch.where(places < 0, places + side, places).reshape(-1).to(x.device)
    picked = x.index_select(axis, flat)
    return [torch.reshape(picked, (*x.shape[:axis], *places.shape, *x.shape[axis % x.dim() + 1 :]))]


def _expand(attributes: Attributes, inputs: Inputs) -> list[Tensor]:
    x, shape = _need(inputs, 0), [int(side) for side in _need(inputs, 1).tolist()]
    whole = [
        max(a, b)
        for a, b in zip(
            [1] * (len(shape) - x.dim()) + list(x.shape), [1] * (x.dim() - len(shape)) + shape, strict=True
        )
    ]
    _limited(math.prod(whole))
    return [x.expand(whole)]


def _constant_of_shape(attributes: Attributes, inputs: Inputs) -> list[Tensor]:
    shape = [int(side) for side in _need(inputs, 0).tolist()]
    _limited(math.prod(shape))
    value = attributes.get("value", [0.0])[0]
    return [torch.full(shape, value)]


def _tile(attributes: Attributes, inputs: Inputs) -> list[Tensor]:
    x, times = _need(inputs, 0), [int(count) for count in _need(inputs, 1).tolist()]
    _limited(x.numel() * math.prod(times))
    return [x.repeat(times)]


#: What a graph may be made of.
OPERATORS: dict[str, Operator] = {
    "Abs": _one(torch.abs),
    "Add": _two(torch.add),
    "AveragePool": _pool(F.avg_pool2d),
    "BatchNormalization": _batch_normalization,
    "Cast": _cast,
    "Ceil": _one(torch.ceil),
    "Clip": _clip,
    "Concat": _concat,
    "ConstantOfShape": _constant_of_shape,
    "Conv": _conv,
    "ConvTranspose": _conv_transpose,
    "DepthToSpace": _depth_to_space,
    "Div": _two(_divided),
    "Dropout": _one(lambda x: x),
    "Elu": _elu,
    "Equal": _two(torch.eq),
    "Erf": _one(torch.erf),
    "Exp": _one(torch.exp),
    "Expand": _expand,
    "Flatten": _flatten,
    "Floor": _one(torch.floor),
    "Gather": _gather,
    "Gelu": _gelu,
    "GlobalAveragePool": _global_average,
    "HardSigmoid": _hard_sigmoid,
    "HardSwish": _one(F.hardswish),
    "Identity": _one(lambda x: x),
    "LayerNormalization": _layer_normalization,
    "LeakyRelu": _leaky_relu,
    "Log": _one(torch.log),
    "MatMul": _two(torch.matmul),
    "Max": _several(torch.maximum),
    "MaxPool": _pool(F.max_pool2d),
    "Min": _several(torch.minimum),
    "Mish": _one(F.mish),
    "Mod": _two(torch.remainder),
    "Mul": _two(torch.mul),
    "Neg": _one(torch.neg),
    "PRelu": _prelu,
    "Pad": _pad,
    "Pow": _two(torch.pow),
    "Reciprocal": _one(torch.reciprocal),
    "ReduceMax": _reduced(torch.amax),
    "ReduceMean": _reduced(torch.mean),
    "ReduceSum": _reduced(torch.sum),
    "Relu": _one(F.relu),
    "Reshape": _reshape,
    "Resize": _resize,
    "Round": _one(torch.round),
    "Shape": _shape,
    "Sigmoid": _one(torch.sigmoid),
    "Slice": _slice,
    "Softmax": _softmax,
    "Softplus": _one(F.softplus),
    "SpaceToDepth": _space_to_depth,
    "Split": _split,
    "Sqrt": _one(torch.sqrt),
    "Squeeze": _squeeze,
    "Sub": _two(torch.sub),
    "Sum": _several(torch.add),
    "Tanh": _one(torch.tanh),
    "Tile": _tile,
    "Transpose": _transpose,
    "Unsqueeze": _unsqueeze,
    "Upsample": _resize,
    "Where": _where,
}
