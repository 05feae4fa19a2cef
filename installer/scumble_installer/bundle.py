"""`install.py bundle`: the plugin zips, and a kit that installs without a network.

The kit is a zip with the installer, the sources, the packs, the sample picture and a folder of wheels for this system
and this Python. On the other machine: unpack, `python3 installer/install.py --offline wheels`.
"""

from __future__ import annotations

import json
import sys
import tempfile
import zipfile
from pathlib import Path

from . import backend_env, checkout, environment, lockfile, payload, places, pythons, torch_builds
from .commands import Options
from .console import Console, megabytes, stream
from .errors import InstallError
from .torch_builds import TorchBuild

#: What of the checkout goes into the kit.
KIT_PARTS = (
    "README.md", "LICENSE", "CHANGELOG.md", "CONTRIBUTING.md", "pyproject.toml", "constraints.txt",
    "constraints-dev.txt", "constraints-docs.txt", "constraints-cluster.txt", "backend", "training", "cli",
    "plugin_shared", "plugin_krita", "plugin_gimp", "installer", "docs", "mkdocs.yml",
)  # fmt: skip
_STAMP = (1980, 1, 1, 0, 0, 0)  # equal sources make equal zips


def run(options: Options, console: Console, output: Path, *, plugins_only: bool) -> int:
    """Write the zips into `output` and say where they are."""
    here = places.this_machine(options.prefix)
    source = places.source_root()
    output.mkdir(parents=True, exist_ok=True)
    python = str(environment.python_in(checkout.backend_environment(here, console)))
    made = []
    with console.step("The plugins"):
        made += plugin_zips(source, python, output)
    if not plugins_only:
        with console.step("The offline kit") as step:
            made.append(kit(options, console, source, output))
            step.note = megabytes(made[-1].stat().st_size)
    if options.as_json:
        print(json.dumps({"files": [str(path.resolve()) for path in made]}))
    else:
        for path in made:
            print(path)
    return 0


def plugin_zips(source: Path, python: str, output: Path) -> list[Path]:
    """scumble_krita.zip for Krita's "Import Python Plugin from File", scumble_gimp.zip to unpack into plug-ins."""
    environ = environment.clean_environ()
    stream([python, "-I", str(source / "plugin_krita" / "build.py"), str(output)], environ=environ, on_line=_ignore)
    with tempfile.TemporaryDirectory(prefix="scumble-") as name:
        argv = [python, "-I", str(source / "plugin_gimp" / "build.py"), name]
        stream(argv, environ=environ, on_line=_ignore)
        gimp = output / "scumble_gimp.zip"
        with zipfile.ZipFile(str(gimp), "w", zipfile.ZIP_DEFLATED) as archive:
            add_tree(archive, Path(name), Path(name))
    return [output / "scumble_krita.zip", gimp]


def kit(options: Options, console: Console, source: Path, output: Path) -> Path:
    """The offline kit for this system and Python."""
    pins = lockfile.read(source / "constraints.txt")
    python = pythons.choose(pythons.find(), "")
    facts = checkout.gpu_facts(python)
    builds = torch_builds.choose(facts, options.device).builds
    with tempfile.TemporaryDirectory(prefix="scumble-", dir=str(output)) as name:
        wheels = Path(name) / "wheels"
        build = fetch_wheels(python, builds, pins, wheels, console)
        name_of_kit = f"scumble-{payload.project_version(source)}-{sys.platform}-py{python.short}-{build.name}.zip"
        path = output / name_of_kit
        with zipfile.ZipFile(str(path), "w", zipfile.ZIP_DEFLATED) as archive:
            for part in KIT_PARTS:
                if not (source / part).exists():
                    raise InstallError(f"{part} is missing: this copy of Scumble isn't complete.", "Get it again.")
                add_tree(archive, source / part, source)
            for wheel in sorted(wheels.iterdir()):
                archive.write(str(wheel), f"wheels/{wheel.name}", zipfile.ZIP_STORED)
    return path


def fetch_wheels(
    python: pythons.Python, builds: tuple[TorchBuild, ...], pins: list[lockfile.Pin], wheels: Path, console: Console
) -> TorchBuild:
    """Download the wheels of the first build that can be had; returns which."""
    wheels.mkdir(parents=True)
    pip = [python.path, "-I", "-m", "pip", "download", "--no-input", "--disable-pip-version-check"]
    pip += ["--progress-bar", "off", "--only-binary", ":all:", "--dest", str(wheels)]
    environ = environment.clean_environ()
    downloads = environment.Downloads(console)
    for build in builds:
        version = lockfile.version_of(pins, "torch", python.short) if build.index else ""
        if build.index and backend_env.why_not_offered(build, version, python):
            continue
        special = [pin for pin in pins if pin.is_torch or pin.is_cuda_library] if build.index else []
        if special:
            wanted = [
                f"{name}=={lockfile.version_of(pins, name, python.short)}+{build.local}"
                for name in backend_env.NEEDED
            ]
            more = [] if build.needs_more else ["--no-deps"]
            argv = [*pip, "--index-url", build.index, *more, *wanted]
            stream(argv, environ=environ, on_line=downloads.line, heartbeat=downloads.alive)
        listing = wheels.parent / "requirements.txt"
        listing.write_text(lockfile.render(lockfile.without(pins, special)), encoding="utf-8")
        argv = [*pip, "--no-deps", "--require-hashes", "-r", str(listing)]
        stream(argv, environ=environ, on_line=downloads.line, heartbeat=downloads.alive)
        return build
    raise InstallError(*torch_builds.NONE_REACHED)


def add_tree(archive: zipfile.ZipFile, place: Path, base: Path) -> None:
    """Add a file or a folder's files, named from `base`; caches stay out, executables stay executable."""
    files = [place] if place.is_file() else sorted(path for path in place.rglob("*") if path.is_file())
    for path in files:
        if "__pycache__" in path.parts or path.suffix == ".pyc":
            continue
        entry = zipfile.ZipInfo(path.relative_to(base).as_posix(), _STAMP)
        entry.external_attr = (0o100755 if path.stat().st_mode & 0o100 else 0o100644) << 16
        entry.compress_type = zipfile.ZIP_DEFLATED
        archive.writestr(entry, path.read_bytes())


def _ignore(line: str) -> None:
    del line
