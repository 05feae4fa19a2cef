"""Mixes of styles on the command line: words to parts."""

from __future__ import annotations

from collections.abc import Sequence

import typer

from scumble_wire import mix


def parts_of(words: Sequence[str]) -> list[mix.Part]:
    """PACK[:WEIGHT][@PLACE] of each word, where a place may be a picture file. Raises BadParameter."""
    found = []
    for word in words:
        style, at, place = word.partition("@")
        try:
            if at and place not in mix.PLACES:
                [part] = mix.parse(style)
                found.append(mix.Part(part.pack, part.weight, mix.MASK + place.removeprefix(mix.MASK)))
            else:
                found += mix.parse(word)
        except ValueError as error:
            raise typer.BadParameter(f"{word!r} is not PACK:WEIGHT or PACK:WEIGHT@PLACE: {error}") from error
    if not found:
        raise typer.BadParameter("Name a style with --pack, or several with --pack PACK:WEIGHT.")
    if any(part.place == "selection" for part in found):
        raise typer.BadParameter("A picture file has no selection; give a mask's picture file: PACK@mask.png.")
    try:
        return mix.parse(mix.written(found))
    except ValueError as error:
        raise typer.BadParameter(str(error)) from error
