"""All pictures of the documentation, from the styles that ship and from the real editors:

    python benchmarks/docs_pictures.py [samples] [cards] [sheets] [enlarging] [krita] [gimp] [--out docs/pictures]

Without a name: all of them. `samples`: the sample photo in two styles. `cards`: every style on the sample photo, in
one picture. `sheets`: every style on photos, a portrait and drawings, from --data. `enlarging`: for the slider.
`krita` and `gimp`: the windows; these need root and a Debian tree with the editor, like tests/editors.
"""

from __future__ import annotations

import contextlib
import io
import math
import shutil
import subprocess
import sys
import unicodedata
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from PIL import Image, ImageDraw, ImageFont
from shared_options import options_of, parser_for

SOURCE = Path(__file__).resolve().parent.parent
EDITORS = SOURCE / "tests" / "editors"
SAMPLE = SOURCE / "training" / "scumble_training" / "photos" / "sample.jpg"
#: What the sheets show, in the measuring data.
ON_SHEETS = (
    "photos/demo/kodak-05.jpg", "photos/demo/kodak-19.jpg", "photos/demo/kodak-23.jpg",
    "photos/varied/people_headscarf.jpg", "drawings/sachi-standing.png", "drawings/flat-camp.jpg",
)  # fmt: skip
IN_TWO_STYLES = ("great-wave", "starry-night")
CARD, COLUMNS = 212, 5  # pixels; cards in a row

KRITA = '''
def window(name):
    """The window as it stands, at a size that a page can show."""
    picture = APP.activeWindow().qwindow().grab().toImage()
    picture.save(f"{SHOTS}/{name}.png")


def step_pictures_for_the_pages(figures):
    docker().setVisible(True)
    docker().raise_()
    yield from wait(lambda: model().backend.packs_known or model().backend.problem, 600)
    no_problem()
    made = APP.openDocument(os.environ["SCUMBLE_PHOTO"])
    made.setBatchmode(True)
    APP.activeWindow().addView(made)
    yield 500
    tab = docker().style_tab
    choose(style="great-wave")
    docker().tabs.setCurrentWidget(tab)
    model().preview.show(docker=True)
    yield from wait(lambda: model().preview.picture is not None, 900)
    yield 1500
    job = paint()
    yield from finish(job, 900)
    yield 1500
    window("krita-window")
    docker().setFloating(True)
    docker().resize(380, 900)
    yield 500
    tab.splitter.setSizes([400, 500])
    yield 4000
    docker().grab().save(f"{SHOTS}/krita-style.png")
    train = docker().train_tab
    docker().tabs.setCurrentWidget(train)
    model().choices.choose_train(name="Macaws")
    train.name.setText("Macaws")
    yield 500
    docker().resize(380, 520)
    yield 500
    docker().grab().save(f"{SHOTS}/krita-train.png")
    docker().tabs.setCurrentWidget(docker().upscale_tab)
    yield 500
    docker().grab().save(f"{SHOTS}/krita-upscale.png")
    docker().tabs.setCurrentWidget(tab)
    docker().setFloating(False)
    yield 500
    layers = made.rootNode().childNodes()
    layers[-1].setVisible(False)
    yield from activate(made, layers[0])
    area = Selection()
    width, height = made.width(), made.height()
    area.select(width * 46 // 100, 0, width * 54 // 100, height, 255)
    area.feather(20)
    made.setSelection(area)
    choose(style="starry-night")
    yield from finish(paint(), 900)
    yield 1500
    window("krita-selection")
'''


def main() -> None:
    parser = parser_for(__doc__)
    parser.add_argument("what", nargs="*", help="all, where left out")
    parser.add_argument("--out", type=Path, default=SOURCE / "docs" / "pictures")
    parser.add_argument("--data", type=Path, default=SOURCE.parent / "shared" / "data", help="for the sheets")
    options = options_of(parser)
    options.out.mkdir(parents=True, exist_ok=True)
    makers: dict[str, Any] = {
        "samples": samples, "cards": cards, "sheets": sheets, "enlarging": enlarging, "krita": krita, "gimp": gimp,
    }  # fmt: skip
    unknown = set(options.what) - set(makers)
    if unknown:
        parser.error(f"there are no pictures {', '.join(sorted(unknown))}")
    for name in options.what or makers:
        print(name, file=sys.stderr, flush=True)
        makers[name](options.out, options.data)


def samples(out: Path, _data: Path) -> None:
    import torch

    from scumble_backend.packs.making import load_network, load_style
    from scumble_backend.packs.store import PackStore, default_folders
    from scumble_backend.rendering.effects.stylize import Part, Style, stylize
    from scumble_training.measuring.sheet import read_picture
    from scumble_training.style.painting import to_image

    store = PackStore(default_folders())
    for name in IN_TWO_STYLES:
        pack = store.get(name)
        loaded = load_style(pack)
        style = Style(load_network(store, pack), loaded.table, delta=loaded.delta)
        with torch.inference_mode():
            painted = to_image(stylize(read_picture(SAMPLE, 768), [Part(style)]).image)
        painted.save(out / f"sample-{name}.jpg", quality=88, optimize=True)


def cards(out: Path, _data: Path) -> None:
    """The packs' own thumbnails with their titles, the photo first."""
    from scumble_backend.packs.store import PackStore, default_folders

    store = PackStore(default_folders())
    pictures = [("The photo", Image.open(SAMPLE).convert("RGB"))]
    for pack in store.list("style"):
        found = pack.thumbnail_bytes()
        if found is not None and pack.starter:
            pictures.append((pack.manifest.title, Image.open(io.BytesIO(found)).convert("RGB")))
    height = CARD * 3 // 4
    rows = math.ceil(len(pictures) / COLUMNS)
    sheet = Image.new("RGB", (COLUMNS * (CARD + 6) + 6, rows * (height + 24) + 6), "white")
    draw, font = ImageDraw.Draw(sheet), ImageFont.load_default(11)
    for number, (title, picture) in enumerate(pictures):
        left, top = 6 + number % COLUMNS * (CARD + 6), 6 + number // COLUMNS * (height + 24)
        sheet.paste(cut(picture, CARD, height), (left, top))
        plain = unicodedata.normalize("NFKD", title).encode("ascii", "ignore").decode()  # all that the font has
        while draw.textlength(plain, font) > CARD:
            plain = plain.rstrip(".")[:-1].rstrip() + "..."
        draw.text((left, top + height + 3), plain, fill="#333", font=font)
    sheet.save(out / "styles.jpg", quality=86, optimize=True)


def cut(picture: Image.Image, width: int, height: int) -> Image.Image:
    """The middle of a picture, at a size."""
    scale = max(width / picture.width, height / picture.height)
    large = picture.resize(
        (math.ceil(picture.width * scale), math.ceil(picture.height * scale)), Image.Resampling.LANCZOS
    )
    left, top = (large.width - width) // 2, (large.height - height) // 2
    return large.crop((left, top, left + width, top + height))


def sheets(out: Path, data: Path) -> None:
    pictures = [data / name for name in ON_SHEETS]
    missing = [str(path) for path in pictures if not path.is_file()]
    if missing:
        sys.exit(f"not there: {', '.join(missing)}")
    for old in out.glob("styles-[0-9]*.jpg"):
        old.unlink()
    program = SOURCE / "benchmarks" / "contact_sheet.py"
    subprocess.run([sys.executable, str(program), *map(str, pictures), "--out", str(out / "styles")], check=True)


def enlarging(out: Path, _data: Path) -> None:
    """A piece of the sample photo, made small by four and enlarged by four again: bicubic and by the networks."""
    import numpy as np
    import torch

    from scumble_backend.packs.store import PackStore, default_folders
    from scumble_backend.rendering import pixels
    from scumble_backend.rendering.effects import upscale_models
    from scumble_backend.rendering.effects.upscale import upscale
    from scumble_wire.messages import ImageInfo

    store, device = PackStore(default_folders()), torch.device("cpu")
    photo = Image.open(SAMPLE).convert("RGB")
    small = photo.resize((photo.width // 4, photo.height // 4), Image.Resampling.BICUBIC).crop((0, 8, 160, 115))
    info = ImageInfo(small.width, small.height, "u8", "RGB")
    for model in ("bicubic", "faithful", "vivid"):
        networks = [] if model == "bicubic" else upscale_models.load(store, model, device)
        picture = pixels.unpack(info, np.ascontiguousarray(small).data.cast("B"))
        large = upscale(picture, info, networks, 4, lambda _: None, device=device)
        Image.fromarray(np.asarray(large.frame)).save(out / f"enlarged-{model}.jpg", quality=92, optimize=True)


# --- the editors -----------------------------------------------------------------------------------------


@contextlib.contextmanager
def place(editor: str) -> Iterator[tuple[Path, Path]]:
    """(the editor's Debian tree, a folder that it sees, with the photo in it)."""
    sys.path[:0] = [str(EDITORS), str(EDITORS.parent), str(SOURCE / "backend"), str(SOURCE / "training")]
    from staging import short_folder

    done = subprocess.run(["bash", str(EDITORS / "provision.sh"), editor], capture_output=True, text=True)
    if done.returncode:
        sys.exit(done.stderr)
    with short_folder() as folder:
        Image.open(SAMPLE).convert("RGB").save(folder / "photo.png")
        yield Path(done.stdout.strip().splitlines()[-1]), folder


def take(outcomes: dict[str, dict[str, object]], folder: Path, out: Path, names: tuple[str, ...], said: str) -> None:
    wrong = {name: outcome["error"] for name, outcome in outcomes.items() if outcome.get("error")}
    for name in names:
        shot = folder / "shots" / f"{name}.png"
        if not shot.is_file():
            sys.exit(f"{name} was not taken: {wrong}\n{said}")
        picture = Image.open(shot).convert("RGB")
        if picture.width > 1280:
            picture = picture.resize((1280, round(picture.height * 1280 / picture.width)), Image.Resampling.LANCZOS)
        picture.quantize(256, dither=Image.Dither.FLOYDSTEINBERG).save(out / f"{name}.png", optimize=True)
    if wrong:
        print(f"taken, but: {wrong}", file=sys.stderr)


def krita(out: Path, _data: Path) -> None:
    with place("krita") as (root, folder):
        from krita_stage import Stage
        from staging import Backend

        backend = Backend(folder)
        stage = Stage(root, folder, backend)
        stage.prepare()
        try:
            photo = str(folder / "photo.png")
            outcomes = stage.run(["pictures_for_the_pages"], extra=KRITA, SCUMBLE_PHOTO=photo)
        finally:
            backend.stop()
        names = ("krita-window", "krita-style", "krita-train", "krita-upscale", "krita-selection")
        take(outcomes, folder, out, names, stage.said())


def gimp(out: Path, _data: Path) -> None:
    with place("gimp") as (root, folder):
        from gimp_stage import Stage, build_plug_in
        from staging import Backend

        backend = Backend(folder)
        build_plug_in(folder / "profile")
        (folder / "profile" / "gimprc").write_text("(show-welcome-dialog no)\n(check-updates no)\n", "utf-8")
        shutil.copyfile(SOURCE / "docs" / "scripting.md", folder / "guide.md")
        backend.start()
        try:
            stage = Stage(root, folder, backend)
            outcomes = stage.run_with_windows(
                ["pictures_for_the_pages"],
                extra=GIMP,
                SCUMBLE_PHOTO=str(folder / "photo.png"),
                SCUMBLE_TIMINGS=str(folder / "timings.jsonl"),
            )
        finally:
            backend.stop()
        take(outcomes, folder, out, ("gimp-stylize", "gimp-upscale"), stage.said())


GIMP = """
def scenario_pictures_for_the_pages():
    image = photo()
    TIMINGS.write_text("")
    name = "plug-in-scumble-stylize"
    last_values(name, style="great-wave")
    interactive(name, "Stylize", "Escape", image, "gimp-stylize", settle=6.0, awaited=TIMINGS)
    TIMINGS.write_text("")
    last_values("plug-in-scumble-upscale", model="faithful")
    interactive("plug-in-scumble-upscale", "Upscale", "Escape", image, "gimp-upscale", settle=6.0, awaited=TIMINGS)
"""


if __name__ == "__main__":
    main()
