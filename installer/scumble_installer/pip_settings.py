"""The user's pip configuration, told to uv, which doesn't read it: indexes, proxies, certificates."""

from __future__ import annotations

import ast
import os
import subprocess
from typing import Mapping


def read(python: str) -> dict[str, str]:
    """pip's settings by name ("global.index-url"), files and PIP_ variables alike; empty without pip."""
    try:
        answer = subprocess.run(
            [python, "-I", "-m", "pip", "config", "list", "--disable-pip-version-check"],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            timeout=60,
            check=True,
        )
    except (OSError, subprocess.SubprocessError):
        return {}
    return parse(answer.stdout.decode("utf-8", "replace"))


def parse(listing: str) -> dict[str, str]:
    """The output of `pip config list`: one name='value' a line."""
    found = {}
    for line in listing.splitlines():
        name, equals, value = line.partition("=")
        if equals and value[:1] in "'\"":
            found[name.strip()] = str(ast.literal_eval(value.strip()))
    return found


def for_uv(settings: Mapping[str, str], environ: Mapping[str, str] = os.environ) -> dict[str, str]:
    """Variables that make uv do as pip would; variables that the user has set for uv stay."""

    def setting(name: str) -> str:
        for section in (":env:.", "install.", "global."):  # the order in which pip lets them win
            if section + name in settings:
                return " ".join(settings[section + name].split())
        return ""

    wanted = {
        "UV_DEFAULT_INDEX": setting("index-url"),
        "UV_INDEX": setting("extra-index-url"),
        "UV_FIND_LINKS": setting("find-links").replace(" ", ","),
        "UV_INSECURE_HOST": setting("trusted-host"),
        "SSL_CERT_FILE": setting("cert"),
        "ALL_PROXY": setting("proxy"),
    }
    if wanted["UV_INDEX"]:
        wanted["UV_INDEX_STRATEGY"] = "unsafe-best-match"  # as pip does; the hashes keep strangers' files out
    return {name: value for name, value in wanted.items() if value and name not in environ}
