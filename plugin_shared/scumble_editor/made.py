"""What made a painted layer: kept with it, so that it can be edited again."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass

from .choices import StyleChoices, read_choices

#: Under what name editors keep the text with a layer or document.
KEY = "scumble-made"


@dataclass(frozen=True)
class Made:
    """choices: all that was chosen. source: the editor's name of the layer painted from. title: the new layer's."""

    choices: StyleChoices
    source: str = ""
    title: str = ""

    def to_text(self) -> str:
        """One line of JSON."""
        return json.dumps({"scumble": 1, "choices": asdict(self.choices), "source": self.source, "title": self.title})

    @classmethod
    def from_text(cls, text: str) -> Made | None:
        """None for a text that isn't ours, or names no style. Values that are out of range get their defaults."""
        try:
            data = json.loads(text)
        except ValueError:
            return None
        if not isinstance(data, dict) or data.get("scumble") != 1:
            return None
        choices = read_choices(StyleChoices, data.get("choices"))
        source, title = (data.get(name) if isinstance(data.get(name), str) else "" for name in ("source", "title"))
        return cls(choices, source or "", title or "") if choices.style else None
