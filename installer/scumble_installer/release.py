"""`install.py release`: everything that a release consists of, each part tried on a clean home, and its notes."""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import subprocess
import tempfile
import zipfile
from pathlib import Path

from . import bundle, checkout, environment, payload, places, site, try_it
from .commands import Options
from .console import Console, megabytes, stream
from .errors import InstallError

NOTES, SUMS = "notes.md", "SHA256SUMS"
#: What has to be in each plugin's zip.
INSIDE = {
    "scumble_krita.zip": ("pykrita/scumble_krita.desktop", "pykrita/scumble_krita/manual/en.html"),
    "scumble_gimp.zip": ("scumble_gimp/scumble_gimp.py", "scumble_gimp/manual/de.html"),
}
PART_S = 600.0  # longest time for building or trying one part, the kit aside


def run(options: Options, console: Console, output: Path, *, with_kit: bool, draft: bool) -> int:
    """Write wheel, plugin zips, site, offline kit, notes and check sums into `output`. Raises InstallError."""
    here, source, output = places.this_machine(options.prefix), places.source_root(), output.resolve()
    version = payload.project_version(source)
    text = notes((source / "CHANGELOG.md").read_text(encoding="utf-8"), version, draft=draft)
    if output.exists() and any(output.iterdir()):
        raise InstallError(
            f"{output} isn't empty.", "Name an empty folder, so that nothing old gets into the release."
        )
    output.mkdir(parents=True, exist_ok=True)
    python = str(environment.python_in(checkout.backend_environment(here, console)))
    with console.step("The wheel"):
        made = [wheel(source, str(environment.python_in(checkout.dev_environment(here, console))), output)]
        try_wheel(made[0], python, source, version)
    with console.step("The plugins"):
        made += bundle.plugin_zips(source, python, output)
        for path in made[1:]:
            look_into(path)
    with tempfile.TemporaryDirectory(prefix="scumble-") as name:
        pages = site.build(here, console, Path(name) / "site")
        made.append(output / f"scumble-{version}-docs.zip")
        with zipfile.ZipFile(str(made[-1]), "w", zipfile.ZIP_DEFLATED) as archive:
            bundle.add_tree(archive, pages, pages.parent)
    if with_kit:
        with console.step("The offline kit") as step:
            made.append(bundle.kit(options, console, source, output))
            step.note = megabytes(made[-1].stat().st_size)
        with console.step("Installing from the kit, on a clean home"):
            try_kit(made[-1], python, console)
    (output / NOTES).write_text(text, encoding="utf-8")
    lines = [f"{_sha256(path)}  {path.name}\n" for path in made]
    (output / SUMS).write_text("".join(lines), encoding="utf-8")
    made += [output / NOTES, output / SUMS]
    if options.as_json:
        print(json.dumps({"version": version, "files": [str(path.resolve()) for path in made]}))
    else:
        for path in made:
            print(path)
    return 0


def notes(changelog: str, version: str, *, draft: bool = False) -> str:
    """The changelog's section of a version, under a heading of its own.

    draft: take "Unreleased" where the version has no section yet. Raises InstallError if there is none.
    """
    sections: dict[str, str] = {}
    for part in re.split(r"^## ", changelog, flags=re.MULTILINE)[1:]:
        title, _, body = part.partition("\n")
        sections[title.split()[0].strip("[]")] = body.strip()
    body = sections.get(version) or (sections.get("Unreleased", "") if draft else "")
    if not body:
        raise InstallError(
            f"CHANGELOG.md has no section {version}.",
            f"Call the section of the unreleased changes {version}, or make a draft: install.py release --draft",
        )
    return f"# Scumble {version}\n\n{body}\n"


def wheel(source: Path, python: str, output: Path) -> Path:
    """Build the wheel with hatchling."""
    _call(
        [python, "-m", "hatchling", "build", "-t", "wheel", "-d", str(output.resolve())], source, PART_S, "The wheel"
    )
    found = sorted(output.glob("scumble-*.whl"))
    if len(found) != 1:
        raise InstallError(f"{len(found)} wheels were built instead of one.")
    return found[0]


def try_wheel(path: Path, python: str, source: Path, version: str) -> None:
    """Unpack the wheel, and paint with nothing of Scumble's but what is in it, in an empty home."""
    with tempfile.TemporaryDirectory(prefix="scumble-") as name:
        folder = Path(name)
        with zipfile.ZipFile(str(path)) as archive:
            archive.extractall(str(folder / "wheel"))
        environ = _clean(folder)
        environ["PYTHONPATH"] = str(folder / "wheel")
        command = [python, "-m", "scumble_cli"]
        said = _call([*command, "--version"], folder, PART_S, "The wheel's command", environ)
        if said.strip() != f"scumble {version}":
            raise InstallError(f"The wheel says {said.strip()!r} instead of scumble {version}.")
        try_it.style(command, environ, source / try_it.SAMPLE, folder / "painted.png", try_it.PACK)


def look_into(path: Path) -> None:
    """Whether a plugin's zip is whole. Raises InstallError."""
    with zipfile.ZipFile(str(path)) as archive:
        broken, names = archive.testzip(), set(archive.namelist())
    missing = [name for name in INSIDE[path.name] if name not in names]
    if broken or missing:
        raise InstallError(f"{path.name} isn't whole: {broken or ', '.join(missing)}.")


def try_kit(path: Path, python: str, console: Console) -> None:
    """Unpack the kit and install from it alone, in an empty home; that ends with a painted picture.

    Some gigabytes are unpacked twice, so each step of that installation is told. Raises InstallError.
    """
    # Beside the kit, where there is room. A home has to be named in full, however the kit was.
    with tempfile.TemporaryDirectory(prefix="scumble-", dir=str(path.resolve().parent)) as name:
        folder = Path(name)
        with zipfile.ZipFile(str(path)) as archive:
            archive.extractall(str(folder / "kit"))
        unpacked = folder / "kit"
        argv = [python, str(unpacked / "installer/install.py"), "--yes", "--editors", "none"]
        argv += ["--offline", str(unpacked / "wheels")]

        def told(line: str) -> None:
            if line.startswith("> "):
                console.detail(line[2:])

        stream(argv, environ=_clean(folder), on_line=told)
        shutil.rmtree(str(folder / "home"), ignore_errors=True)


def _clean(folder: Path) -> dict[str, str]:
    """The environment of a user who has never had Scumble, with an empty home in `folder`."""
    home = folder / "home"
    home.mkdir(exist_ok=True)
    kept = {
        name: value
        for name, value in environment.clean_environ().items()
        if not name.startswith(("SCUMBLE_", "XDG_")) and name not in ("LOCALAPPDATA", "APPDATA")
    }
    return {**kept, "HOME": str(home), "USERPROFILE": str(home), "LOCALAPPDATA": str(home / "AppData")}


def _call(argv: list[str], folder: Path, patience_s: float, what: str, environ: dict[str, str] | None = None) -> str:
    """Standard output of a program. Raises InstallError with what it said when it fails."""
    try:
        done = subprocess.run(
            argv,
            cwd=str(folder),
            env=environ if environ is not None else dict(os.environ),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            timeout=patience_s,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise InstallError(f"{what}: no end after {patience_s / 60:.0f} minutes.") from error
    text = done.stdout.decode("utf-8", "replace")
    if done.returncode:
        raise InstallError(f"{what} failed:\n{text.strip()}")
    return text


def _sha256(path: Path) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as stream:
        for block in iter(lambda: stream.read(1 << 20), b""):
            digest.update(block)
    return digest.hexdigest()


__all__ = ["look_into", "notes", "run", "try_kit", "try_wheel", "wheel"]
