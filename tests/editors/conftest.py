"""Provisioning for the tests in real editors: a Debian tree with the editor in it, or a loud skip.

SCUMBLE_REQUIRE_EDITORS=1 turns such a skip into a failure; the gate sets it.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

HERE = Path(__file__).resolve().parent
PROVISION_S = 1500

sys.path.insert(0, str(HERE))


def _obstacle() -> str:
    """Why this machine can't hold a Debian tree with an editor; empty: it can."""
    if not sys.platform.startswith("linux"):
        return "the editors run in a Debian tree, which needs Linux"
    if os.geteuid() != 0:
        return "making a Debian tree needs root"
    missing = [name for name in ("unshare", "chroot", "apt-get", "awk", "flock") if shutil.which(name) is None]
    return f"{', '.join(missing)} missing" if missing else ""


@pytest.fixture(scope="session")
def editor_root() -> Callable[[str], Path]:
    """editor_root("krita") is the folder of a tree with that editor; skips, or fails where that is asked for."""
    known: dict[str, Path] = {}

    def give_up(reason: str) -> None:
        if os.environ.get("SCUMBLE_REQUIRE_EDITORS") == "1":
            pytest.fail(f"the real editors are required here, but {reason}", pytrace=False)
        pytest.skip(f"NOT TESTED IN THE REAL EDITOR: {reason}")

    def root(editor: str) -> Path:
        if editor not in known:
            if reason := _obstacle():
                give_up(reason)
            done = subprocess.run(
                ["bash", str(HERE / "provision.sh"), editor], capture_output=True, text=True, timeout=PROVISION_S
            )
            if done.returncode:
                give_up(f"provisioning failed:\n{done.stderr[-1500:]}")
            known[editor] = Path(done.stdout.strip().splitlines()[-1])
        return known[editor]

    return root
