"""Buttons that stay down: in Krita's own style one that is on is hardly told from one that is off."""

from ..qt import QPushButton, QToolButton

_LOOK = """
{kind} {{ border: 1px solid palette(dark); border-radius: 2px; padding: 3px 6px; background: palette(button); }}
{kind}:disabled {{ color: palette(mid); }}
{kind}:checked {{ background: palette(highlight); color: palette(highlighted-text); }}
"""


def checkable(button: QPushButton | QToolButton) -> None:
    """Let a button stay down, in the color of what is chosen."""
    button.setCheckable(True)
    button.setStyleSheet(_LOOK.format(kind=type(button).__name__))
