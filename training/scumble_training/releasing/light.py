"""Write packs of the light network from trained weights: `python -m scumble_training.releasing.light --help`.

One base network for all, and one affine pack with table and delta per painting.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Mapping, Sequence
from hashlib import sha256
from pathlib import Path
from typing import Any

import torch
from PIL import Image, ImageOps
from torch import Tensor

from scumble_backend.packs.archive import WEIGHTS, write_pack
from scumble_backend.packs.making import affine_weights, base_file, style_architecture
from scumble_backend.packs.manifest import Manifest, Painting, Training
from scumble_backend.rendering.effects.colors import palette_of
from scumble_training.measuring.sheet import read_picture
from scumble_training.style.export import hardware, jpeg
from scumble_training.style.many.recipe import many_from_json
from scumble_training.style.many.weights import painter_of, read_weights, styles_in
from scumble_training.style.painting import to_image

#: Titles, artists and tags of the paintings, by the names of their files.
ABOUT = Path(__file__).parent.parent / "recipes" / "starters.json"
THUMBNAIL = 256  # pixels
SMALL_PAINTING, SMALL_PAINTING_BYTES = 160, 12 << 10
RIGHTS = "The painting is in the public domain; the network was trained from it by Scumble's own training package."


@torch.no_grad()
def write_light_packs(
    folder: Path,
    weights: Mapping[str, Tensor],
    note: Mapping[str, str],
    sample: Tensor,
    *,
    styles: Sequence[str] = (),
    data: str,
    date: str,
    paintings: Path | None = None,
) -> list[Path]:
    """Write bases/<sha256>.safetensors and a .scumble per style.

    weights, note: tensors and metadata of a run's weights.safetensors (`ManyRun.trained_weights`). sample: (3, H, W),
    the photo that thumbnails show painted. styles: all of the run's where left out. data: the photos, in words.
    date: ISO 8601, when the run ended. paintings: folder with <style>.jpg, whose colors and small picture the packs
    then carry; None: they don't.
    Returns the packs' paths. Raises FileTrouble for a painting that is missing, KeyError for a style that the run
    hasn't.
    """
    recipe = many_from_json(json.loads(note["recipe"]))
    there = styles_in(weights)
    about: dict[str, dict[str, Any]] = json.loads(ABOUT.read_text(encoding="utf-8"))
    network = painter_of(weights, there[0], recipe)[0]
    raw = base_file(network)
    base = sha256(raw).hexdigest()
    (folder / "bases").mkdir(parents=True, exist_ok=True)
    (folder / "bases" / f"{base}.safetensors").write_bytes(raw)
    training = Training(
        recipe={**recipe.to_json(), "steps_done": int(note["step"]), "styles": there},
        data=data,
        seed=recipe.seed,
        seconds=round(3600 * float(note["hours"]), 1),
        hardware=hardware(torch.device("cpu")),
        software=f"torch {torch.__version__}",
        finished=date,
    )
    written = []
    for style in styles or there:
        _, table, delta = painter_of(weights, style, recipe)
        painted = to_image(network(sample[None], table.at(), delta)[0])
        thumbnail = ImageOps.fit(painted, (THUMBNAIL, THUMBNAIL), Image.Resampling.LANCZOS)
        painting = read_picture(paintings / f"{style}.jpg", 512) if paintings else None
        tags = tuple(about[style].pop("tags", ()))
        known = Painting(**about[style], license="public domain")
        manifest = Manifest(
            id=style,
            title=known.title,
            kind="affine",
            architecture=style_architecture(network),
            authors=("The Scumble authors",),
            license="MIT",
            rights=RIGHTS,
            painting=known,
            base=base,
            tags=tags,
            boldness=table.scale_bold is not None,
            palette=palette_of(painting).numbers() if painting is not None else (),
            training=training,
        )
        files = {
            WEIGHTS: affine_weights(manifest, table, delta),
            "thumbnail.jpg": jpeg(thumbnail),
            "previews/1.jpg": jpeg(painted, quality=82),
        }
        if painting is not None:
            files["painting.jpg"] = small_painting(to_image(painting))
        path = folder / f"{style}.scumble"
        write_pack(path, manifest, files)
        written.append(path)
    return written


def small_painting(painting: Image.Image) -> bytes:
    """A JPEG for tooltips, no side over `SMALL_PAINTING` pixels and no larger than `SMALL_PAINTING_BYTES`."""
    small = painting.copy()
    small.thumbnail((SMALL_PAINTING, SMALL_PAINTING), Image.Resampling.LANCZOS)
    for quality in range(85, 30, -5):
        raw = jpeg(small, quality)
        if len(raw) <= SMALL_PAINTING_BYTES:
            break
    return raw


def main() -> None:
    parser = argparse.ArgumentParser(description="Write packs of the light network from trained weights.")
    parser.add_argument("weights", type=Path, help="weights.safetensors of a run of scumble_training.style.many")
    parser.add_argument("--styles", nargs="*", default=[], help="all of the run's where left out")
    parser.add_argument("--sample", type=Path, required=True, help="photo for the thumbnails")
    parser.add_argument("--data", required=True, help="the training photos, in words")
    parser.add_argument("--date", required=True, help="when the run ended, ISO 8601")
    parser.add_argument(
        "--paintings", type=Path, help="folder with the paintings, <style>.jpg, for their colors and pictures"
    )
    parser.add_argument("--out", type=Path, required=True)
    options = parser.parse_args()
    weights, note = read_weights(options.weights)
    written = write_light_packs(
        options.out, weights, note, read_picture(options.sample, 512),
        styles=options.styles, data=options.data, date=options.date, paintings=options.paintings,
    )  # fmt: skip
    print(f"{len(written)} packs in {options.out}")


if __name__ == "__main__":
    main()
