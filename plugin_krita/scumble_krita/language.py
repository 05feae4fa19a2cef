"""The user's language: the first one Krita asks for that there is a translation of.

Translations are Qt Linguist source files (`languages/<code>.ts`), read as they are: nothing has to be compiled.
"""

import os
from pathlib import Path

from scumble_editor import words

from .qt import QLocale

FOLDER = Path(__file__).parent / "languages"


def wanted() -> list[str]:
    """Language codes, most wanted first: those chosen in Krita ($LANGUAGE is set from them), then the system's."""
    chosen = [code for code in os.environ.get("LANGUAGE", "").split(":") if code]
    return [code.replace("-", "_") for code in [*chosen, *QLocale().uiLanguages()]]


def find(codes: list[str], folder: Path) -> Path | None:
    """The first translation that fits; None: English."""
    for code in codes:
        if code.split("_")[0] in ("en", "C"):
            return None
        for name in (code, code.split("_")[0]):
            if (folder / f"{name}.ts").is_file():
                return folder / f"{name}.ts"
    return None


def install() -> None:
    path = find(wanted(), FOLDER)
    words.use_translation(words.load_ts(path) if path is not None else {})
