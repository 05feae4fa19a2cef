"""`install.py docs`: the documentation as a site that opens from files, links checked strictly."""

from __future__ import annotations

import re
import shutil
import subprocess
from html.parser import HTMLParser
from pathlib import Path

from . import environment, lockfile, pythons, torch_builds
from .console import Console
from .errors import InstallError
from .places import Places, source_root

#: Elements that a browser loads by itself, with the attribute that says from where.
_LOADED = {"script": "src", "link": "href", "img": "src", "iframe": "src", "source": "src"}
_PASSIVE_LINKS = {"canonical", "next", "prev"}


def run(places: Places, console: Console, output: Path) -> int:
    """Build the site into `output` and say where it begins."""
    print(build(places, console, output) / "index.html")
    return 0


def build(places: Places, console: Console, output: Path) -> Path:
    """The site's folder. Raises InstallError for a dead link, a page outside the navigation, or something foreign."""
    python = site_environment(places, console)
    with console.step("The site"):
        argv = [str(python), "-m", "mkdocs", "build", "--strict", "--clean", "--quiet", "--site-dir"]
        done = subprocess.run(
            [*argv, str(output.resolve())],
            cwd=str(source_root()),
            env={**environment.clean_environ(), "NO_MKDOCS_2_WARNING": "1"},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            timeout=600,
            check=False,
        )
        if done.returncode:
            raise InstallError("The site can't be built:\n" + done.stdout.decode("utf-8", "replace").strip())
        foreign = loaded_from_elsewhere(output)
        if foreign:
            raise InstallError("The site loads what isn't in it:\n" + "\n".join(foreign))
    return output


def site_environment(places: Places, console: Console) -> Path:
    """The Python with what the site is built with, made when it's missing."""
    pins = lockfile.read(source_root() / "constraints-docs.txt")
    uv = shutil.which("uv") or ""
    python = pythons.choose(pythons.find(), uv)
    folder = places.environments / environment.name_for("docs", pins, python, torch_builds.DEFAULT)
    recipe = environment.Recipe("docs", python, torch_builds.DEFAULT, pins, uv=uv, check="import mkdocs, material")
    if environment.is_complete(folder):
        environment.touch(folder)
        return environment.python_in(folder)
    with console.step("What the site is built with: MkDocs and its theme"):
        return environment.ensure(recipe, folder, console).python


class _Loads(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        if tag == "link" and given.get("rel") in _PASSIVE_LINKS:
            return
        address = given.get(_LOADED.get(tag, "")) or ""
        if re.match(r"(https?:)?//", address):
            self.found.append(address)


def loaded_from_elsewhere(folder: Path) -> list[str]:
    """Scripts, styles and pictures that the site's pages take from other servers, as "page: address"."""
    told = []
    for page in sorted(folder.rglob("*.html")):
        reader = _Loads()
        reader.feed(page.read_text(encoding="utf-8"))
        told += [f"{page.relative_to(folder)}: {address}" for address in reader.found]
    for sheet in sorted(folder.rglob("*.css")):
        text = sheet.read_text(encoding="utf-8")
        told += [f"{sheet.relative_to(folder)}: {each}" for each in re.findall(r"url\([\"']?(https?:[^)\"']+)", text)]
    return told
