"""Enlarging pictures: sizes, tiles, alpha, gray, depths, memory, cancelling."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor

from scumble_backend.errors import FactorWrong, ImageTooLarge, JobCancelled, NetworkFailed, OutOfMemory
from scumble_backend.nets.compact import Compact
from scumble_backend.nets.span import Span
from scumble_backend.rendering import pixels
from scumble_backend.rendering.effects.resample import resize
from scumble_backend.rendering.effects.turned import Turned
from scumble_backend.rendering.effects.upscale import Second, Upscaled, upscale
from scumble_backend.rendering.effects.upscale_models import UpscaleNetwork
from scumble_wire.messages import ImageInfo

TYPES = {"u8": np.uint8, "u16": np.uint16, "f16": np.float16, "f32": np.float32}
CPU = torch.device("cpu")


def span(factor: int = 2) -> UpscaleNetwork:
    torch.manual_seed(factor)
    network = Span(8, factor)
    network.start_as_bilinear()
    return UpscaleNetwork(network, CPU)


def far_sighted(factor: int = 2) -> UpscaleNetwork:
    """A network whose result depends strongly on all that lies within its halo."""
    torch.manual_seed(factor)
    network = Compact(8, 4, factor)
    for module in network.body:
        if isinstance(module, torch.nn.Conv2d):
            torch.nn.init.kaiming_normal_(module.weight)
    return UpscaleNetwork(network, CPU)


class Smoothing:
    """Rubs out what is finer than three pixels."""

    factor, halo, cost = 2, 1, 100

    def __call__(self, image: Tensor, *, half: bool = False) -> Tensor:
        padded = torch.nn.functional.pad(image, (1, 1, 1, 1), mode="replicate")
        smooth = torch.nn.functional.avg_pool2d(padded, 3, stride=1)
        return smooth.repeat_interleave(2, -1).repeat_interleave(2, -2)


def picture_of(array: np.ndarray, order: str, depth: str = "u8", transfer: str = "srgb"):
    info = ImageInfo(array.shape[1], array.shape[0], depth, order, transfer)  # type: ignore[arg-type]
    return pixels.unpack(info, np.ascontiguousarray(array).tobytes()), info


def noise(height: int, width: int, channels: int = 3, depth: str = "u8", seed: int = 0) -> np.ndarray:
    samples = np.random.default_rng(seed).random((height, width, channels))
    full = {"u8": 255, "u16": 65535}.get(depth, 1)
    return (samples * full).astype(TYPES[depth])


def enlarge(
    array: np.ndarray, order: str, factor: float, networks, *, depth="u8", transfer="srgb", core=None, **options
):
    picture, info = picture_of(array, order, depth, transfer)
    result = upscale(picture, info, networks, factor, lambda fraction: None, core=core, **options)
    assert isinstance(result, Upscaled)
    assert result.frame.shape == (result.info.height, result.info.width, info.channels)
    assert result.frame.dtype == TYPES[depth]
    return result.frame


@pytest.mark.parametrize("factor", [1.1, 1.5, 2, 2.7, 3, 4, 5.3])
def test_any_factor_gives_the_rounded_size(factor: float) -> None:
    result = enlarge(noise(13, 21), "RGB", factor, [span(2)])
    assert result.shape == (round(13 * factor), round(21 * factor), 3)


@pytest.mark.parametrize("factor", [2.0, 1.7, 4.0, 3.3])
@pytest.mark.parametrize("core", [17, 40])
def test_tiles_give_the_whole_picture(factor: float, core: int) -> None:
    tiles_are_exact(factor, core, [far_sighted()])


@pytest.mark.parametrize("options", [{"grain": 1.0}, {"second": Second([far_sighted(3)], 0.4)}])
@pytest.mark.parametrize("factor", [1.0, 2.0, 3.3])
def test_tiles_of_what_can_be_chosen_beside_the_model_are_exact(factor: float, options: dict) -> None:
    tiles_are_exact(factor, 17, [Turned(far_sighted())], **options)


def tiles_are_exact(factor: float, core: int, networks, **options) -> None:
    array = noise(75, 93)
    whole = enlarge(array, "RGB", factor, networks, core=4096, **options)
    tiled = enlarge(array, "RGB", factor, networks, core=core, **options)
    assert np.abs(whole.astype(int) - tiled).max() <= 1
    assert len(np.unique(whole)) > 100  # it is a picture, not a flat field


def test_tiles_would_differ_without_their_halo() -> None:
    array = noise(75, 93)
    network = far_sighted()
    whole = enlarge(array, "RGB", 2, [network], core=4096)
    network.halo -= 2
    assert np.abs(whole.astype(int) - enlarge(array, "RGB", 2, [network], core=17)).max() > 1


def test_a_picture_of_one_pixel_is_enlarged() -> None:
    result = enlarge(np.full((1, 1, 3), 77, np.uint8), "RGB", 16, [span(4)])
    assert result.shape == (16, 16, 3)


@pytest.mark.parametrize("factor", [0, 0.99, -2, 1e6, float("nan"), float("inf"), 16.1])
def test_a_factor_out_of_range_is_refused(factor: float) -> None:
    with pytest.raises(FactorWrong, match="can't be enlarged"):
        enlarge(noise(4, 4), "RGB", factor, [])


def test_a_result_beyond_all_measure_is_refused_before_any_work() -> None:
    picture, info = picture_of(noise(1, 9000), "RGB")
    with pytest.raises(ImageTooLarge, match="144000 x 16"):
        upscale(picture, info, [], 16, lambda fraction: None)


def test_bicubic_needs_no_network_and_reproduces_a_ramp() -> None:
    ramp = np.broadcast_to(np.linspace(0.2, 0.8, 32, dtype=np.float32)[None, :, None], (8, 32, 3))
    result = enlarge(ramp, "RGB", 2, [], depth="f32")
    inner = result[4, 8:-8, 0]
    steps = np.diff(inner)
    assert steps.std() < 1e-6 and abs(steps.mean() - 0.6 / 31 / 2) < 1e-6


@pytest.mark.parametrize("order", ["GRAY", "GRAYA"])
def test_a_gray_picture_stays_gray(order: str) -> None:
    array = noise(20, 20, len(order) - 3)
    assert enlarge(array, order, 2, [span(2)]).shape == (40, 40, array.shape[2])


def test_gray_content_of_a_color_picture_is_not_tinted() -> None:
    array = np.repeat(noise(20, 24, 1), 3, axis=2)
    result = enlarge(array, "RGB", 3, [span(2)])
    assert (result[..., 0] == result[..., 1]).all() and (result[..., 1] == result[..., 2]).all()


def test_order_of_channels_does_not_matter() -> None:
    array = noise(16, 16)
    assert (enlarge(array, "RGB", 2, [span(2)])[..., ::-1] == enlarge(array[..., ::-1], "BGR", 2, [span(2)])).all()


def test_sixteen_bits_are_more_than_eight() -> None:
    ramp = np.linspace(20000, 21000, 24 * 24).reshape(24, 24, 1).repeat(3, 2).astype(np.uint16)
    result = enlarge(ramp, "RGB", 2, [span(2)], depth="u16")
    assert len(np.unique(result)) > 200


@pytest.mark.parametrize("depth", ["f16", "f32"])
@pytest.mark.parametrize("transfer", ["srgb", "linear"])
def test_floats_keep_what_lies_beyond_white(depth: str, transfer: str) -> None:
    array = np.full((24, 24, 3), 0.5, TYPES[depth])
    array[:12] = 4.0
    result = enlarge(array, "RGB", 2, [span(2)], depth=depth, transfer=transfer)
    assert result[:16].max() > 3 and np.isfinite(result).all()


def test_alpha_has_clean_edges() -> None:
    array = noise(32, 32, 4)
    array[..., 3] = 0
    array[8:24, 8:24, 3] = 255
    result = enlarge(array, "RGBA", 4, [span(4)], core=12)
    alpha = result[..., 3]
    assert (alpha[: 7 * 4] == 0).all() and (alpha[9 * 4 : 23 * 4, 9 * 4 : 23 * 4] == 255).all()


def test_hidden_color_does_not_bleed() -> None:
    array = np.zeros((32, 32, 4), np.uint8)
    array[..., 0] = 255  # hidden red
    array[8:24, 8:24] = (0, 255, 0, 255)
    result = enlarge(array, "RGBA", 2, [])
    seen = result[result[..., 3] > 0]
    assert seen[:, 0].max() <= 1 and seen[:, 1].min() >= 254


def test_progress_rises_tile_by_tile_to_one() -> None:
    told: list[float] = []
    picture, info = picture_of(noise(64, 64), "RGB")
    upscale(picture, info, [span(2)], 2, told.append, core=16)
    assert told == sorted(told) and told[0] == 0 and told[-1] == 1 and len(told) == 17


def test_a_cancelled_job_ends_at_once() -> None:
    calls = 0

    class Counting:
        factor, halo, cost = 2, 1, 100

        def __call__(self, image: Tensor, *, half: bool = False) -> Tensor:
            nonlocal calls
            calls += 1
            return image.repeat_interleave(2, -1).repeat_interleave(2, -2)

    def stop(fraction: float) -> None:
        if fraction > 0.1:
            raise JobCancelled

    picture, info = picture_of(noise(64, 64), "RGB")
    with pytest.raises(JobCancelled):
        upscale(picture, info, [Counting()], 2, stop, core=16)
    assert calls == 2


class Greedy:
    """Runs out of memory, as a device does, on more than so many pixels."""

    factor, halo, cost = 2, 2, 100

    def __init__(self, most: int) -> None:
        self.most, self.sizes = most, []

    def __call__(self, image: Tensor, *, half: bool = False) -> Tensor:
        area = image.shape[-1] * image.shape[-2]
        if area > self.most:
            raise torch.OutOfMemoryError("none left")
        self.sizes.append(area)
        return torch.nn.functional.interpolate(image, scale_factor=2.0, mode="bilinear")


def test_without_memory_for_a_tile_smaller_ones_are_tried() -> None:
    array = noise(128, 128)
    picture, info = picture_of(array, "RGB")
    greedy, told = Greedy(50 * 50), []
    result = upscale(picture, info, [greedy], 2, told.append, core=128)
    assert (result.frame == enlarge(array, "RGB", 2, [Greedy(1 << 20)])).all()
    assert max(greedy.sizes) <= 2500 and told == sorted(told) and told[-1] == 1


def test_without_memory_for_the_smallest_tile_it_says_so() -> None:
    picture, info = picture_of(noise(64, 64), "RGB")
    with pytest.raises(OutOfMemory, match="smallest part"):
        upscale(picture, info, [Greedy(0)], 2, lambda fraction: None)


def test_a_network_of_nan_is_named_as_the_cause() -> None:
    network = Compact(4, 1, 2)
    torch.nn.init.constant_(network.body[0].weight, float("nan"))
    with pytest.raises(NetworkFailed, match="no numbers"):
        enlarge(noise(8, 8), "RGB", 2, [UpscaleNetwork(network, CPU)])


def test_a_network_of_another_shape_is_named_as_the_cause() -> None:
    class Wrong(Greedy):
        def __call__(self, image: Tensor, *, half: bool = False) -> Tensor:
            return image

    with pytest.raises(NetworkFailed, match="expected"):
        enlarge(noise(8, 8), "RGB", 2, [Wrong(1)])


def test_the_source_picture_is_not_changed() -> None:
    picture, info = picture_of(noise(16, 16, 4), "RGBA")
    before = picture.color.clone(), picture.alpha.clone()
    upscale(picture, info, [span(2)], 3, lambda fraction: None)
    assert torch.equal(picture.color, before[0]) and torch.equal(picture.alpha, before[1])


def small_again(enlarged: np.ndarray, like: np.ndarray) -> float:
    """Mean difference of an enlarged picture, made small again, from what it was made of, in steps of 8 bits."""
    small = resize(torch.from_numpy(enlarged.astype(np.float32)).permute(2, 0, 1), like.shape[:2])
    return float((small - torch.from_numpy(like.astype(np.float32)).permute(2, 0, 1)).abs().mean())


def test_grain_comes_back_as_far_as_it_is_asked_for() -> None:
    array = (noise(40, 40).astype(float) * 0.2 + 100).astype(np.uint8)
    lost = [small_again(enlarge(array, "RGB", 2, [Smoothing()], grain=grain), array) for grain in (0.0, 0.5, 1.0)]
    assert lost[0] > 8 and lost[2] < 0.5 * lost[0] and lost[2] < lost[1] < lost[0], lost


def test_eight_passes_give_the_same_whichever_way_the_picture_lies() -> None:
    array = noise(24, 31)
    made = enlarge(array, "RGB", 2, [Turned(far_sighted())])
    turned = enlarge(np.rot90(array)[:, ::-1], "RGB", 2, [Turned(far_sighted())])
    assert np.abs(np.rot90(made)[:, ::-1].astype(int) - turned).max() <= 1
    once = enlarge(array, "RGB", 2, [far_sighted()])
    assert np.abs(once.astype(int) - made).max() > 1


def test_two_models_are_mixed_by_their_results() -> None:
    array = noise(24, 31, 4)
    one, other = far_sighted(2), span(4)
    apart = [enlarge(array, "RGBA", 3, [network]).astype(float) for network in (one, other)]
    mixed = enlarge(array, "RGBA", 3, [one], second=Second([other], 0.25))
    assert np.abs(0.75 * apart[0] + 0.25 * apart[1] - mixed).max() <= 1


def test_factor_1_cleans_a_picture_and_keeps_its_size_and_alpha() -> None:
    array = noise(33, 40, 4)
    array[..., 3] = np.maximum(array[..., 3], 8)  # of what is nearly clear the color is made up
    cleaned = enlarge(array, "RGBA", 1, [span(2)])
    assert cleaned.shape == array.shape and (cleaned[..., 3] == array[..., 3]).all()
    assert cleaned[..., :3].std() < 0.7 * array[..., :3].std(), "noise is smoothed away"
    half = enlarge(array, "RGBA", 1, [span(2)], grain=0.5)
    assert (enlarge(array, "RGBA", 1, [span(2)], grain=1.0) == array).all()
    assert np.abs((cleaned.astype(float) + array) / 2 - half).max() <= 1
    deep = np.full((12, 12, 3), 4.0, np.float32)
    assert enlarge(deep, "RGB", 1, [span(2)], depth="f32").min() > 3, "beyond white"


def test_factor_1_without_a_network_is_refused() -> None:
    with pytest.raises(FactorWrong, match="stays as it is"):
        enlarge(noise(8, 8), "RGB", 1, [])
