"""What can go wrong while installing, each with what to do about it."""

from __future__ import annotations


class InstallError(Exception):
    """message: one sentence, what happened. remedy: what to do. Shown to a person as they are."""

    def __init__(self, message: str, remedy: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.remedy = remedy

    def __str__(self) -> str:
        return self.message if not self.remedy else self.message + "\n" + self.remedy
