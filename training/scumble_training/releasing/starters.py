"""Write the starter packs from the checkpoint of a base run: `python -m scumble_training.releasing.starters --help`.

One base network for all, and one affine pack of a few kilobytes per painting.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Mapping, Sequence
from hashlib import sha256
from pathlib import Path

import torch
from PIL import Image, ImageOps
from torch import Tensor

from scumble_backend.packs.archive import WEIGHTS, write_pack
from scumble_backend.packs.making import affine_weights, base_file, style_architecture
from scumble_backend.packs.manifest import Manifest, Painting, Training
from scumble_training.loss_network import load_loss_network
from scumble_training.measuring.evaluate_style import painting_of, squares
from scumble_training.measuring.sheet import read_picture
from scumble_training.style.checkpoint import averaged
from scumble_training.style.export import hardware, jpeg
from scumble_training.style.held_out import HeldOut, measure
from scumble_training.style.loop import with_short_side
from scumble_training.style.objective import Objective
from scumble_training.style.painting import read_painting, to_image

#: Titles and artists of the paintings, by the names of their files.
ABOUT = Path(__file__).parent.parent / "recipes" / "starters.json"
THUMBNAIL = 256  # pixels
SIDE = 256  # pixels of the squares that the losses are measured on
RIGHTS = "The painting is in the public domain; the network was trained from it by Scumble's own training package."


@torch.no_grad()
def write_starters(
    folder: Path,
    checkpoint: Path,
    styles: Sequence[str],
    sample: Tensor,
    *,
    seconds: float,
    data: str,
    date: str,
    quality: Mapping[str, HeldOut] | None = None,
) -> list[Path]:
    """Write bases/<sha256>.safetensors and a .scumble per style.

    sample: (3, H, W), the photo that thumbnails show painted. seconds: of the whole run. data: the photos, in words.
    date: ISO 8601, when the run ended. quality: what `held_out_losses` found. Returns the packs' paths.
    """
    recipe, network, tables, step = averaged(checkpoint)
    about: dict[str, dict[str, str]] = json.loads(ABOUT.read_text(encoding="utf-8"))
    raw = base_file(network)
    base = sha256(raw).hexdigest()
    (folder / "bases").mkdir(parents=True, exist_ok=True)
    (folder / "bases" / f"{base}.safetensors").write_bytes(raw)
    training = Training(
        recipe={**recipe.to_json(), "steps_done": step, "styles": list(styles)},
        data=data,
        seed=recipe.seed,
        seconds=seconds,
        hardware=hardware(torch.device("cpu")),
        software=f"torch {torch.__version__}",
        finished=date,
    )
    written = []
    for place, style in enumerate(styles):
        table = tables.row(place)
        painted = to_image(network(sample[None], table)[0])
        thumbnail = ImageOps.fit(painted, (THUMBNAIL, THUMBNAIL), Image.Resampling.LANCZOS)
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
            stroke_scales=tuple(sorted(2.0**octave for octave in recipe.stroke_octaves)),
            training=training,
            quality={f"held_out_{name}": round(getattr(quality[style], name), 6) for name in ("style", "content")}
            if quality
            else {},
        )
        files = {
            WEIGHTS: affine_weights(manifest, table),
            "thumbnail.jpg": jpeg(thumbnail),
            "previews/1.jpg": jpeg(painted, quality=82),
        }
        path = folder / f"{style}.scumble"
        write_pack(path, manifest, files)
        written.append(path)
    return written


def held_out_losses(
    checkpoint: Path, styles: Sequence[str], paintings: Path, photos: Path, loss_network: Path, *, pictures: int = 8
) -> dict[str, HeldOut]:
    """Every style's losses on photos that the run has not seen, by the losses it was trained with.

    paintings: folder of pictures called as the styles. photos: folder; its first `pictures` are taken, by name.
    """
    recipe, network, tables, _ = averaged(checkpoint)
    networks = [load_loss_network(term.network, term.layers, folder=loss_network) for term in recipe.terms]
    contents = squares(photos, SIDE, pictures)
    found = {}
    for place, style in enumerate(styles):
        objective = Objective(recipe.terms, networks, recipe.weights)
        objective.add_style(
            0, 0.0, with_short_side(read_painting(painting_of(style, paintings)).pixels, recipe.data.style_side)
        )
        found[style] = measure(network, tables.row(place), objective, contents)
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description="Write the starter packs from the checkpoint of a base run.")
    parser.add_argument(
        "--run", type=Path, required=True, help="folder of the run of scumble_training.releasing.base"
    )
    parser.add_argument("--sample", type=Path, required=True, help="photo for the thumbnails")
    parser.add_argument("--seconds", type=float, required=True, help="wall clock of the whole run")
    parser.add_argument("--data", required=True, help="the training photos, in words")
    parser.add_argument("--date", required=True, help="when the run ended, ISO 8601")
    parser.add_argument("--paintings", type=Path, required=True, help="folder of the paintings")
    parser.add_argument("--held-out", type=Path, required=True, help="folder of photos that the run has not seen")
    parser.add_argument("--loss-network", type=Path, required=True, help="folder with the loss networks")
    parser.add_argument("--out", type=Path, required=True)
    options = parser.parse_args()
    checkpoint = options.run / "checkpoint.pt"
    styles: list[str] = json.loads((options.run / "styles.json").read_text())
    quality = held_out_losses(checkpoint, styles, options.paintings, options.held_out, options.loss_network)
    written = write_starters(
        options.out, checkpoint, styles, read_picture(options.sample, 512),
        seconds=options.seconds, data=options.data, date=options.date, quality=quality,
    )  # fmt: skip
    for style, one in quality.items():
        print(f"{style:28} style {one.style:.4f} content {one.content:.4f}")
    print(f"{len(written)} packs in {options.out}")


if __name__ == "__main__":
    main()
