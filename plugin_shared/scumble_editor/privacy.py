"""Nothing private in what a user copies into a bug report: folders, names and quoted texts are taken out."""

from __future__ import annotations

import getpass
import os
import re
import socket
from collections.abc import Mapping
from pathlib import Path

_QUOTED = re.compile(r"""[“„"][^“”„"\n]*[”“"]|(?<!\w)'[^'\n]*'(?!\w)|«[^«»\n]*»""")
# A file's name, spaces and all if it has an ending; else up to the next space.
_LAST = r"""([^\\/:*?"'<>|\n,;)]*?\.\w{1,8}\b|[^\\/:*?"'<>|\n,;) ]*)"""
_WINDOWS_PATH = re.compile(r"""\b[A-Za-z]:[\\/](?:[^\\/:*?<>|\n]+[\\/])*""" + _LAST)
_POSIX_PATH = re.compile(r"""(?<![\w.:/])(?:~/|/)(?:[^/:\n<>|]+/)+""" + _LAST)
_ADDRESS = re.compile(r"\b[\w.+-]+@[\w-]+(?:\.[\w-]+)+\b")
_SECRET = re.compile(r"\b[A-Za-z0-9_-]{40,}\b")  # an endpoint's, or any other token
#: Files whose name tells a programmer where to look, and nobody anything about the user.
_TELLING = (".py", ".so", ".dll", ".dylib", ".log", ".pyd")


def without_private(text: str, environ: Mapping[str, str] = os.environ) -> str:
    """The text as it may be shown to strangers.

    Quoted words (names of layers, documents and packs) become "..."; of a path only the last part stays, and that
    only for program and log files; the user's and the machine's name, addresses and long tokens go.
    """
    for pattern in (_WINDOWS_PATH, _POSIX_PATH):
        text = pattern.sub(_end_of_path, text)
    text = _QUOTED.sub(lambda match: match[0] if match[0].startswith('".../') else '"..."', text)
    text = _SECRET.sub("...", _ADDRESS.sub("...", text))
    for name in sorted(_names(environ), key=len, reverse=True):
        text = re.sub(rf"(?<!\w){re.escape(name)}(?!\w)", "...", text, flags=re.IGNORECASE)
    return text


def _end_of_path(match: re.Match[str]) -> str:
    return f".../{match[1]}" if match[1].lower().endswith(_TELLING) and " " not in match[1] else "..."


def _names(environ: Mapping[str, str]) -> set[str]:
    """What this user and this machine are called."""
    try:
        user = getpass.getuser()
    except (OSError, KeyError, ImportError):  # no such entry, as in some containers
        user = ""
    found = {
        user,
        socket.gethostname(),
        *(environ.get(name, "") for name in ("USER", "USERNAME", "LOGNAME", "HOSTNAME")),
    }
    found.add(Path(environ.get("HOME") or environ.get("USERPROFILE") or "").name)
    return {
        name for name in found if len(name) > 2 and name.lower() not in ("root", "user", "localhost", "krita", "gimp")
    }
