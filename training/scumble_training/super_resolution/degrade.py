"""How a small picture is made from a large one: as the tables do, as the paper does, as life does."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from scumble_backend.rendering.effects.resample import downsample_u8, resize
from scumble_training.super_resolution import worn
from scumble_training.super_resolution.faults import blur, eight_bits, jpeg


@dataclass(frozen=True, slots=True)
class Degradation:
    """Either `whole` (a picture at a time, before training) or `patches` (a batch at a time, at random).

    whole: (3, H, W) uint8 and the factor, to (3, H / factor, W / factor) uint8.
    patches: (N, 3, H, W) float in [0, 1], the factor, a generator, to (N, 3, H / factor, W / factor) float in [0, 1].
    """

    whole: Callable[[Tensor, int], Tensor] | None = None
    patches: Callable[[Tensor, int, torch.Generator], Tensor] | None = None


def johnson(image: Tensor, factor: int) -> Tensor:
    """Gaussian blur of sigma 1, then bicubic. Source: Johnson et al. 2016, section 4.2."""
    blurred = blur(image[None].float(), torch.tensor([[1.0, 1.0, 0.0]]))[0]
    return downsample_u8(blurred.round_().clamp_(0, 255).to(torch.uint8), factor)


@dataclass(frozen=True, slots=True)
class Wear:
    """How badly pictures are treated. Each range is drawn from evenly."""

    clean: float  # share of the patches that are only made smaller
    blur: tuple[float, float]  # standard deviations along two axes, high-resolution pixels
    noise: float  # largest standard deviation, of 1
    jpeg: tuple[int, int]  # qualities
    jpeg_share: float

    def __call__(self, large: Tensor, factor: int, generator: torch.Generator) -> Tensor:
        """See `Degradation.patches`. A shift of less than a pixel, as other filters leave it, is not taught."""
        count = large.shape[0]

        def draw(low: float, high: float, *shape: int) -> Tensor:
            return torch.rand(*shape, generator=generator) * (high - low) + low

        sigmas = torch.cat([draw(*self.blur, count, 2), draw(0, torch.pi, count, 1)], 1)
        is_worn = (draw(0, 1, count) >= self.clean).tolist()
        blurred = blur(large, sigmas) if self.blur[1] else large
        size = (large.shape[-2] // factor, large.shape[-1] // factor)
        noise = draw(0, self.noise, count, 1, 1, 1).to(large.device)
        grain = torch.randn(count, 3, *size, generator=generator).to(large.device)
        gray_grain = (draw(0, 1, count, 1, 1, 1) < 0.4).to(large.device)
        grain = torch.where(gray_grain, grain[:, :1], grain) * noise
        filters = torch.randint(3, (count,), generator=generator).tolist()
        pressed = (draw(0, 1, count) < self.jpeg_share).tolist()
        qualities = torch.randint(self.jpeg[0], self.jpeg[1] + 1, (count,), generator=generator).tolist()
        small = []
        for i in range(count):
            if not is_worn[i]:
                small.append(eight_bits(resize(large[i], size)))
                continue
            patch = _SMALLER[filters[i]](blurred[i], size) + grain[i]
            patch = eight_bits(patch)
            small.append(jpeg(patch.cpu(), qualities[i]).to(patch) if pressed[i] else patch)
        return torch.stack(small)


def _area(image: Tensor, size: tuple[int, int]) -> Tensor:
    return F.adaptive_avg_pool2d(image[None], size)[0]


_SMALLER: tuple[Callable[[Tensor, tuple[int, int]], Tensor], ...] = (
    resize,
    lambda image, size: resize(image, size, kernel="bilinear"),
    _area,
)

DEGRADATIONS: dict[str, Degradation] = {
    "bicubic": Degradation(whole=downsample_u8),
    "johnson": Degradation(whole=johnson),
    # Photos from the web and from cameras: a little of everything, and many that are sound.
    "photo": Degradation(
        patches=Wear(clean=0.4, blur=(0.2, 1.8), noise=0.03, jpeg=(60, 95), jpeg_share=0.5),
    ),
    # Scanned or exported drawings: sharp or slightly soft, JPEG's ringing around lines, hardly any noise.
    "drawing": Degradation(
        patches=Wear(clean=0.5, blur=(0.2, 1.4), noise=0.012, jpeg=(50, 95), jpeg_share=0.5),
    ),
    # The same, worn twice over.
    "worn-photo": Degradation(patches=worn.PHOTO),
    "worn-drawing": Degradation(patches=worn.DRAWING),
}
