"""The user's language: gettext catalogs beside the plug-in, chosen by the languages that GIMP runs in."""

from __future__ import annotations

import gettext
from collections.abc import Iterable
from pathlib import Path

from scumble_editor.words import tr, use_translation

DOMAIN = "scumble_gimp"
LOCALE = Path(__file__).resolve().parent.parent / "locale"

_ = tr


class _Catalog(gettext.GNUTranslations):
    _catalog: dict[str, str]  # gettext's own name for it

    def table(self) -> dict[str, str]:
        """English -> translation, without the catalog's own header."""
        return {key: value for key, value in self._catalog.items() if isinstance(key, str) and key and value}


def load(languages: Iterable[str], locale: Path = LOCALE) -> dict[str, str]:
    """The first catalog that there is for one of the languages ("de_DE.UTF-8", "de", ...); English needs none."""
    for language in languages:
        name = language.split(".")[0].split("@")[0]
        if name in ("C", "POSIX", "en") or name.startswith("en_"):
            return {}
        for folder in (name, name.split("_")[0]):
            path = locale / folder / "LC_MESSAGES" / f"{DOMAIN}.mo"
            if path.is_file():
                with path.open("rb") as stream:
                    return _Catalog(stream).table()
    return {}


def install() -> None:
    """Let every text of the plug-in and of `scumble_wire` appear in GIMP's language."""
    from gi.repository import GLib

    use_translation(load(GLib.get_language_names()))
