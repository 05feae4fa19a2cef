"""Recipes as files: TOML by name or path, read strictly into the dataclass of a room."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any, TypeVar

from scumble_backend import plain_data
from scumble_backend.errors import RecipeInvalid

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib  # type: ignore[import-not-found,unused-ignore]

T = TypeVar("T")

RECIPES = Path(__file__).parent / "recipes"

#: How the names of our recipes end, by what is trained; those of the reference style network have none of these.
STYLE, LIGHT, SUPER_RESOLUTION = "", "-light", "-sr"


def shipped(ending: str = STYLE) -> list[str]:
    """Names of the recipes that come with Scumble, of those with an ending."""
    names = (file.stem for file in RECIPES.glob("*.toml"))
    others = tuple(one for one in (LIGHT, SUPER_RESOLUTION) if one != ending)
    return sorted(name for name in names if name.endswith(ending) and not name.endswith(others))


def read_file(kind: type[T], name_or_path: str | Path, ending: str = STYLE, **changes: Any) -> T:
    """A recipe of ours by name, or a TOML file; `changes` replace single values.

    ending: of the names that would have been right, for the message. Raises RecipeInvalid that names the key.
    """
    return from_plain(kind, {**read_values(name_or_path, ending), **changes})


def read_values(name_or_path: str | Path, ending: str = STYLE) -> dict[str, Any]:
    """What a recipe says, as plain data, with its name.

    `extends = "NAME"` in a file stands for all that the recipe NAME says and the file doesn't. Raises RecipeInvalid.
    """
    path = Path(name_or_path)
    if path.suffix != ".toml":
        path = RECIPES / f"{name_or_path}.toml"
    try:
        values = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise RecipeInvalid(
            f"There is no recipe {str(name_or_path)!r}.",
            remedy=f"Give a .toml file or one of: {', '.join(shipped(ending))}.",
        ) from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise RecipeInvalid(f"{path.name} is no valid TOML: {error}.", remedy="Correct the file.") from error
    named: dict[str, Any] = {"name": path.stem, **values}
    if (other := named.pop("extends", None)) is not None:
        return _laid_over(read_values(str(other), ending), named)
    return named


def _laid_over(below: dict[str, Any], above: dict[str, Any]) -> dict[str, Any]:
    """`above`, completed from `below`; tables key by key, lists whole."""
    both = {key: _laid_over(below[key], value) for key, value in above.items()
            if isinstance(value, dict) and isinstance(below.get(key), dict)}  # fmt: skip
    return {**below, **above, **both}


def from_plain(kind: type[T], values: object) -> T:
    """A recipe from what a checkpoint, a pack or a TOML file holds. Raises RecipeInvalid that names the key."""
    try:
        return plain_data.read(kind, values, "recipe")
    except plain_data.NotAsDeclared as error:
        raise RecipeInvalid(error.message, remedy=error.remedy) from error
