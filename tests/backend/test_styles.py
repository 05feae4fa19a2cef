"""Styles of the light family through the renderer: boldness, and marks that agree between preview and result."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from packs.packs_factory import Factory

from scumble_backend.config import Settings
from scumble_backend.packs.store import Folders, PackStore
from scumble_backend.rendering import renderer as rendering
from scumble_backend.rendering import steadying
from scumble_backend.rendering.effects import marks
from scumble_backend.rendering.renderer import Renderer
from scumble_wire.messages import ImageInfo, StyleChoice, Stylize

SPRAY = [StyleChoice("spray")]


@pytest.fixture
def renderer(tmp_path: Path) -> Renderer:
    store = PackStore(Folders(tmp_path / "packs"))
    store.install(Factory(tmp_path).skip())
    store.install(Factory(tmp_path).affine())
    return Renderer(Settings(device="cpu"), store)


def painted(renderer: Renderer, image: np.ndarray, **options: object) -> np.ndarray:
    """image: (H, W, 3) u8; the same painted."""
    info = ImageInfo(image.shape[1], image.shape[0], "u8", "RGB")
    message = Stylize(info, **{"styles": SPRAY, **options})  # type: ignore[arg-type]
    made = renderer.stylize(message, [image.tobytes()], lambda fraction, stage: None)
    return np.frombuffer(made.pixels, np.uint8).reshape(image.shape).astype(float)


def photo(height: int, width: int) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (height, width, 3), dtype=np.uint8)


def test_boldness_changes_what_is_painted_in_both_directions(renderer: Renderer) -> None:
    image = photo(40, 48)
    as_trained, bold, faithful = (painted(renderer, image, boldness=b) for b in (0.0, 1.0, -1.0))
    assert np.abs(bold - as_trained).mean() > 2
    assert np.abs(faithful - as_trained).mean() > 2
    assert np.abs(faithful - bold).mean() > 2


def test_a_style_without_the_axis_ignores_boldness(renderer: Renderer) -> None:
    image, wave = photo(40, 48), [StyleChoice("great-wave")]
    assert np.array_equal(painted(renderer, image, styles=wave, boldness=1.0), painted(renderer, image, styles=wave))


def test_a_mix_of_both_families_is_painted(renderer: Renderer) -> None:
    image = photo(40, 48)
    mixed = painted(renderer, image, styles=[StyleChoice("great-wave"), StyleChoice("spray")])
    apart = [painted(renderer, image, styles=[StyleChoice(name)]) for name in ("great-wave", "spray")]
    assert np.abs(mixed - sum(apart) / 2).max() <= 1.5


def test_a_small_copy_is_painted_at_the_size_that_the_whole_is(
    renderer: Renderer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """So a preview shows the marks that the result will have."""
    monkeypatch.setattr(marks, "USUAL_WORK", 64 * 48)
    sizes: list[tuple[int, ...]] = []
    real = rendering.styles.skip_painting.paint

    def watched(network: object, image: object, *rest: object, **options: object) -> object:
        sizes.append(tuple(image.shape[-2:]))  # type: ignore[attr-defined]
        return real(network, image, *rest, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(rendering.styles.skip_painting, "paint", watched)
    whole = {"picture_pixels": 192 * 144}
    painted(renderer, photo(144, 192), **whole)
    painted(renderer, photo(36, 48), **whole, scale=0.25, priority="preview")
    painted(renderer, photo(72, 96), **whole)  # a detail at its own size
    assert sizes == [(48, 64), (48, 64), (24, 32)]


def test_a_large_layer_is_painted_over_its_own_memory_with_the_same_result(
    renderer: Renderer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As many bytes as the layer has as numbers are saved; the frame that came stays as it was."""
    monkeypatch.setattr(marks, "USUAL_WORK", 48 * 64)
    image = photo(144, 192)
    seen: list[bool] = []
    real = rendering.styles.brought_to_size

    def watched(painted: object, *rest: object, out: object = None, **options: object) -> object:
        seen.append(out is not None)
        return real(painted, *rest, out=out, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(rendering.styles, "brought_to_size", watched)
    before = image.copy()
    over = painted(renderer, image)
    assert np.array_equal(image, before)
    apart = painted(renderer, image, priority="preview")
    assert seen == [True, False] and np.array_equal(over, apart)
    half = painted(renderer, image, strength=0.5)
    assert seen[-1] is False and np.abs(half - (image + over) / 2).max() <= 1.5


def test_a_preview_is_painted_once_for_all_strengths_and_colors(
    renderer: Renderer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A slider of strength then waits for no network; each picture is the one that would be painted for itself."""
    image = photo(40, 48)
    wishes: list[dict[str, object]] = [{}, {"strength": 0.4}, {"colors": "picture"}, {"colors": "matched"}, {}]
    apart = [painted(renderer, image, **wish) for wish in wishes]
    calls: list[str] = []
    real = rendering.styles.skip_painting.paint

    def watched(*rest: object, **options: object) -> object:
        calls.append("painted")
        return real(*rest, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(rendering.styles.skip_painting, "paint", watched)
    previews = [painted(renderer, image, priority="preview", **wish) for wish in wishes]
    assert len(calls) == 1
    assert all(np.array_equal(one, other) for one, other in zip(apart, previews, strict=True))
    others: list[dict[str, object]] = [{"seed": 1}, {"boldness": 1.0}, {"stroke_scale": 2.0}]
    for wish in others:
        painted(renderer, image, priority="preview", **wish)
    painted(renderer, image[::-1].copy(), priority="preview")
    assert len(calls) == 5, "each of these is another painting"
    painted(renderer, image, priority="preview")
    assert len(calls) == 6, "no more than some are kept"
    renderer.release()
    painted(renderer, image, priority="preview")
    assert len(calls) == 7, "none after the memory was given back"


def test_anchors_give_the_statistics_of_both_families_and_are_measured_once(
    renderer: Renderer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A frame with another frame's statistics; with its own as the anchor nothing changes."""
    frame, anchor = photo(40, 48), photo(40, 48) // 2
    info = ImageInfo(48, 40, "u8", "RGB")
    mix = [StyleChoice("great-wave"), StyleChoice("spray")]
    calls: list[str] = []
    for name in ("painting", "skip_painting"):
        module = getattr(rendering.styles, name)
        real = module.paint

        def watched(*rest: object, real: object = real, name: str = name, **options: object) -> object:
            calls.append(name)
            return real(*rest, **options)  # type: ignore[operator]

        monkeypatch.setattr(module, "paint", watched)

    def with_anchor(other: np.ndarray) -> bytes:
        message = Stylize(info, mix, anchor_frames=[1], anchor_weights=[1.0])
        made = renderer.stylize(message, [frame.tobytes(), other.tobytes()], lambda fraction, stage: None)
        return bytes(made.pixels)

    plain = bytes(renderer.stylize(Stylize(info, mix), [frame.tobytes()], lambda fraction, stage: None).pixels)
    assert with_anchor(frame) == plain and with_anchor(anchor) != plain
    calls.clear()
    assert with_anchor(anchor) != plain
    assert sorted(calls) == ["painting", "skip_painting"], "the anchor's statistics were kept"


def test_noise_is_shared_with_neighbors_and_anchors_of_another_shot_do_not_count(renderer: Renderer) -> None:
    """As a batch does it before it sends a frame: the same bytes."""
    chance = np.random.default_rng(5)
    scene = np.linspace(60, 190, 40 * 48 * 3).reshape(40, 48, 3)
    frames = [np.clip(scene + chance.normal(0, 2, scene.shape), 0, 255).astype(np.uint8) for _ in range(3)]
    other_shot = frames[0] // 4
    info = ImageInfo(48, 40, "u8", "RGB")

    def paint(sent: list[np.ndarray], **options: object) -> bytes:
        message = Stylize(info, [StyleChoice("spray")], **options)  # type: ignore[arg-type]
        return bytes(renderer.stylize(message, [one.tobytes() for one in sent], lambda done, stage: None).pixels)

    evened = steadying.steadied(info, frames[1], [frames[0], frames[2]])
    assert not np.array_equal(evened, frames[1])
    expected = paint([evened, frames[0]], anchor_frames=[1], anchor_weights=[1.0])
    sent = [frames[1], frames[0], frames[2], other_shot]
    assert expected == paint(sent, neighbor_frames=[1, 2], anchor_frames=[1, 3], anchor_weights=[0.5, 0.5])
    assert expected != paint(sent, neighbor_frames=[1, 2])
