"""A service of the user's own that starts the backend at log-in: systemd, launchd or the Task Scheduler.

Optional: the plugins start the backend by themselves wherever their sandbox lets them.
"""

from __future__ import annotations

import contextlib
import os
import shlex
import shutil
import subprocess
from pathlib import Path
from xml.sax.saxutils import escape

from .changes import Changes
from .errors import InstallError

WINDOWS = os.name == "nt"
UNIT = "scumble.service"
LABEL = "org.scumble.backend"
TASK = "Scumble backend"


def shell(argv: list[str]) -> str:
    """A command line that a POSIX shell takes apart into argv."""
    return " ".join(shlex.quote(word) for word in argv)


def systemd_unit(command: list[str]) -> str:
    escaped = [word.replace("\\", "\\\\").replace('"', '\\"').replace("%", "%%") for word in command]
    words = " ".join(f'"{word}"' for word in escaped)
    return (
        "[Unit]\nDescription=Scumble's backend for Krita and GIMP\n\n"
        f"[Service]\nExecStart={words} serve\nRestart=on-failure\n\n"
        "[Install]\nWantedBy=default.target\n"
    )


def launchd_plist(command: list[str]) -> str:
    words = "".join(f"    <string>{escape(word)}</string>\n" for word in [*command, "serve"])
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        '<!DOCTYPE plist PUBLIC "-//Apple//DTD PLIST 1.0//EN" "http://www.apple.com/DTDs/PropertyList-1.0.dtd">\n'
        '<plist version="1.0">\n<dict>\n'
        f"  <key>Label</key>\n  <string>{LABEL}</string>\n"
        f"  <key>ProgramArguments</key>\n  <array>\n{words}  </array>\n"
        "  <key>RunAtLoad</key>\n  <true/>\n"
        "</dict>\n</plist>\n"
    )


def task_command(command: list[str]) -> list[str]:
    """Without a console window: pythonw lies beside python."""
    quiet = [command[0].replace("python.exe", "pythonw.exe"), *command[1:], "serve"]
    line = subprocess.list2cmdline(quiet)
    return ["schtasks", "/Create", "/F", "/TN", TASK, "/SC", "ONLOGON", "/RL", "LIMITED", "/TR", line]


def install(changes: Changes, command: list[str], system: str) -> str:
    """Install and start the service. Returns what to say. Raises InstallError when the system refuses."""
    home = Path.home()
    if system == "windows":
        changes.command(["schtasks", "/Delete", "/F", "/TN", TASK])
        _call(task_command(command))
        _call(["schtasks", "/Run", "/TN", TASK])
        return "task " + TASK
    if system == "macos":
        path = home / "Library" / "LaunchAgents" / (LABEL + ".plist")
        changes.file(path, launchd_plist(command).encode())
        domain = f"gui/{os.getuid()}"
        changes.command(["launchctl", "bootout", f"{domain}/{LABEL}"])
        with contextlib.suppress(InstallError):  # it need not be there
            _call(["launchctl", "bootout", f"{domain}/{LABEL}"])
        _call(["launchctl", "bootstrap", domain, str(path)])
        return str(path)
    path = systemd_folder(home) / UNIT
    changed = changes.file(path, systemd_unit(command).encode())
    if not shutil.which("systemctl"):
        return f"{path} written; there is no systemd here to start it"
    changes.command(["systemctl", "--user", "disable", "--now", UNIT])
    try:
        _call(["systemctl", "--user", "daemon-reload"])
        _call(["systemctl", "--user", "enable", UNIT])
        _call(["systemctl", "--user", "restart" if changed else "start", UNIT])
    except InstallError as error:
        return f"{path} written, but systemd didn't start it: {error.message}"
    return str(path)


def systemd_folder(home: Path) -> Path:
    base = os.environ.get("XDG_CONFIG_HOME", "")
    return (Path(base) if Path(base).is_absolute() else home / ".config") / "systemd" / "user"


def _call(argv: list[str]) -> None:
    try:
        done = subprocess.run(
            argv,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            timeout=60,
            check=False,
        )
    except (OSError, subprocess.SubprocessError) as error:
        raise InstallError(f"{argv[0]} can't be run: {error}.") from error
    if done.returncode:
        words = done.stdout.decode("utf-8", "replace").strip() or f"status {done.returncode}"
        raise InstallError(f"{shell(argv[:3])} failed: {words}")
