"""`install.py try`: one photo through the real backend, over ZeroMQ, to a picture on disk."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

from . import checkout
from .console import Console
from .environment import python_in
from .errors import InstallError
from .places import Places, source_root

SAMPLE = "training/scumble_training/photos/sample.jpg"
PACK = "great-wave"
USAGE = 2  # exit status of a command that doesn't know an option


def run(
    places: Places, console: Console, *, photo: Path | None, pack: str, output: Path | None, as_json: bool
) -> int:
    """Style `photo` (the sample photo by default) and say what was done. Leaves nothing running that wasn't."""
    source = photo if photo is not None else source_root() / SAMPLE
    if not source.is_file():
        raise InstallError(f"{source} isn't there.", "Name a photo that exists.")
    target = output if output is not None else Path(f"scumble-try-{pack}.png")
    python = str(python_in(checkout.backend_environment(places, console)))
    result = style([python, "-m", "scumble_cli"], checkout.environ_for_sources(places), source, target, pack)
    if as_json:
        print(json.dumps(result))
    else:
        print("{output}\n  painted with {pack} on {device} in {seconds:.2f} s".format(**result))
    return 0


def style(command: list[str], environ: dict[str, str], photo: Path, target: Path, pack: str) -> dict[str, Any]:
    """Run `scumble style` and, if the backend was started for it, stop it again.

    command: how the scumble command is called. Returns output, pack, device, seconds.
    """
    was_running = _call([*command, "status", "--json"], environ).returncode == 0
    try:
        done = _call(
            [*command, "style", str(photo), "-o", str(target), "--pack", pack, "--json"], environ, show_errors=True
        )
        if done.returncode:
            raise InstallError("The picture wasn't painted (what went wrong stands above).")
        answer = json.loads(done.stdout.decode("utf-8"))
    finally:
        if not was_running:
            stop(command, environ)
    if not target.is_file():
        raise InstallError(f"The backend said that it was done, but {target} isn't there.")
    return {
        "output": str(target.resolve()),
        "pack": answer["pack"],
        "device": answer["device"],
        "seconds": answer["seconds"],
    }


def stop(command: list[str], environ: dict[str, str]) -> None:
    """Stop the backend if one runs; one that hangs is ended. Returns when its process has gone."""
    if _call([*command, "stop", "--force"], environ).returncode == USAGE:  # an older version's command
        _call([*command, "stop"], environ)


#: Seconds after which a command counts as hung. Painting the first picture includes loading PyTorch from a cold disk:
#: 350 s were seen on two cores with ten programs at work.
PATIENCE_S = 900.0


def _call(argv: list[str], environ: dict[str, str], show_errors: bool = False) -> subprocess.CompletedProcess[bytes]:
    errors = sys.stderr if show_errors else subprocess.DEVNULL
    try:
        return subprocess.run(
            argv,
            env=environ,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=errors,
            timeout=PATIENCE_S,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise InstallError(
            f"The backend didn't answer for {PATIENCE_S / 60:.0f} minutes.",
            "Disk or processor may be busy with something else: start again later. What was done is kept.",
        ) from error
