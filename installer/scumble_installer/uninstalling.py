"""`install.py uninstall`: everything as it was before; the user's packs stay if asked for."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
from pathlib import Path
from typing import Mapping

from . import actions, commands, machine, places
from .changes import Changes
from .console import Console
from .places import Places


def uninstall(options: commands.Options, console: Console) -> int:
    """Take back every change, then remove Scumble's own folders."""
    here = commands.where(options)
    changes = Changes(here.journal, here.data / "backup")
    system = machine.here().system
    folders = own_folders(here, system, Path.home(), os.environ)
    if not changes.entries and not any(folder.is_dir() for folder in folders):
        console.say("Scumble has nothing here; there is nothing to remove.")
        return 0
    packs = pack_folders(here, system, Path.home(), os.environ)
    filled = [folder for folder in packs if folder.is_dir() and any(folder.iterdir())]
    question = "Remove Scumble" + (
        ", with the packs you have installed?" if filled and not options.keep_packs else "?"
    )
    if not console.ask(question, options.yes):
        return 1
    with console.step("Stopping the backend"):
        actions.stop_backend(here)
    with console.step("Taking back what was changed") as step:
        made = [Path(entry["path"]) for entry in changes.entries if entry["op"] == "folder"]
        step.note = f"{len(changes.entries) - len(made)} changes"
        changes.rollback(0)
    kept = filled if options.keep_packs else []
    with console.step("Removing Scumble's own folders") as step:
        gone = [folder for folder in folders if remove(folder, kept)]
        for path in reversed(made):
            with contextlib.suppress(OSError):  # not empty: not ours alone
                path.rmdir()
        step.note = ", ".join(str(folder) for folder in gone)
    still = [folder for folder in kept if folder.is_dir()]
    if options.as_json:
        removed = [str(folder) for folder in gone]
        print(json.dumps({"removed": removed, "packs": bool(still), "packs_folders": [str(one) for one in still]}))
    if still:
        console.say(f"Your packs are still in {', '.join(map(str, still))}.")
    elif options.keep_packs:
        console.say("There were no packs of yours to keep.")
    console.say("Scumble is gone.")
    return 0


def own_folders(here: Places, system: str, home: Path, environ: Mapping[str, str]) -> list[Path]:
    """Every folder that the installer and the backend keep things in."""
    backend = places.user_places(system, home, environ)  # wherever --prefix put the installation
    folders = [here.data, here.cache, here.config, backend.data]
    if environ.get("SCUMBLE_HOME"):
        folders += [Path(environ["SCUMBLE_HOME"]) / name for name in ("logs", "runtime")]
    else:
        folders.append(
            places.user_places(system, home, {}).cache
        )  # what every program computes alike, in a sandbox too
        runtime = environ.get("XDG_RUNTIME_DIR", "")
        if system == "linux" and Path(runtime).is_absolute():
            folders.append(Path(runtime) / places.APP)
    return list(dict.fromkeys(folders))


def pack_folders(here: Places, system: str, home: Path, environ: Mapping[str, str]) -> list[Path]:
    """Where the user's packs may lie: in the backend's data folder, whatever --prefix says."""
    backend = places.user_places(system, home, environ)
    return list(dict.fromkeys(data / "packs" for data in (backend.data, here.data)))


def remove(place: Path, kept: list[Path]) -> bool:
    """Remove a folder with everything in it but the kept ones, however deep they lie. Whether it was there."""
    if not place.is_dir():
        return False
    if not any(place in one.parents or place == one for one in kept):
        shutil.rmtree(str(place))
        return True
    for child in [] if place in kept else place.iterdir():
        if child.is_dir() and not child.is_symlink():
            remove(child, kept)
        elif child not in kept:
            child.unlink()
    return True
