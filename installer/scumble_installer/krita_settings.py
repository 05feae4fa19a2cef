"""Krita's settings file, kritarc: one line is ours, every other byte stays as it is.

KDE's format: `[group]` lines and `key=value` lines. Krita rewrites the whole file when it ends, so it must not run
while this is changed.
"""

from __future__ import annotations

import re

GROUP = "[python]"


def enable_key(plugin: str) -> str:
    return "enable_" + plugin


def is_enabled(text: str, plugin: str) -> bool | None:
    """True or False as the file says; None if it says nothing (Krita then leaves the plugin disabled)."""
    value = _value(text, GROUP, enable_key(plugin))
    return None if value is None else value.strip().lower() in ("true", "1", "yes", "on")


def enable(text: str, plugin: str) -> str:
    """The file's text with the plugin enabled."""
    return _set(text, GROUP, enable_key(plugin), "true")


def has_group(text: str) -> bool:
    """Whether there is a [python] group."""
    return _group(text.splitlines(), GROUP)[0] is not None


def restore(text: str, plugin: str, before: str | None, *, keep_group: bool = False) -> str:
    """The text with the plugin's line as it was: `before`, or gone when it is None.

    keep_group: whether a [python] group that is empty then stays, since it was there before us.
    """
    key = enable_key(plugin)
    if before is not None:
        return _set(text, GROUP, key, before)
    lines = text.splitlines(keepends=True)
    start, end = _group(lines, GROUP)
    if start is None:
        return text
    kept = [line for line in lines[start + 1 : end] if not _is(line, key)]
    if keep_group or any(line.strip() for line in kept):
        return "".join([*lines[: start + 1], *kept, *lines[end:]])
    head = lines[:start]
    if head and not head[-1].strip() and end == len(lines):
        head = head[:-1]  # the blank line that `_set` put before its group
    return "".join([*head, *lines[end:]])


def value_before(text: str, plugin: str) -> str | None:
    """What the plugin's line says now; None without one. For `restore`."""
    return _value(text, GROUP, enable_key(plugin))


def resource_folder(text: str) -> str:
    """The folder that the user has set for Krita's resources; "" when it's the usual one."""
    match = re.search(r"^ResourceDirectory=(.+)$", text, re.MULTILINE)
    return match.group(1).strip() if match else ""


def _group(lines: list[str], group: str) -> tuple[int | None, int]:
    """(index of the group's line or None, index after its last line)."""
    start = None
    for index, line in enumerate(lines):
        if start is None and line.strip() == group:
            start = index
        elif start is not None and line.startswith("["):
            return start, index
    return start, len(lines)


def _is(line: str, key: str) -> bool:
    return line.split("=", 1)[0].strip() == key and "=" in line


def _value(text: str, group: str, key: str) -> str | None:
    lines = text.splitlines()
    start, end = _group(lines, group)
    if start is None:
        return None
    for line in lines[start + 1 : end]:
        if _is(line, key):
            return line.split("=", 1)[1]
    return None


def _set(text: str, group: str, key: str, value: str) -> str:
    newline = "\r\n" if "\r\n" in text else "\n"
    wanted = f"{key}={value}{newline}"
    lines = text.splitlines(keepends=True)
    start, end = _group(lines, group)
    if start is None:
        separator = "" if not text or text.endswith(("\n\n", "\r\n\r\n")) else newline
        if text and not text.endswith("\n"):
            separator = newline + newline
        return f"{text}{separator}{group}{newline}{wanted}"
    for index in range(start + 1, end):
        if _is(lines[index], key):
            lines[index] = wanted
            return "".join(lines)
    lines.insert(start + 1, wanted)
    if not lines[start].endswith("\n"):
        lines[start] += newline
    return "".join(lines)
