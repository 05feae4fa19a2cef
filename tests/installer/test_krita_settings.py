"""Krita's settings file: one line changes, and goes again without a trace."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from scumble_installer import krita_settings as settings

PLUGIN = "scumble_krita"
LINES = st.sampled_from(
    ["", "[General]", "[python]", "x=1", "enable_other=true", "enable_scumble_krita=false", "name[de]=a", "[a][b]"]
)


@pytest.mark.parametrize(
    "text",
    ["", "[General]\nx=1\n", "[General]\nx=1", "[python]\nenable_other=true\n\n[z]\ny=2\n", "a=1\r\n[python]\r\n"],
)
def test_enabling_changes_one_line_and_restoring_takes_it_away(text: str) -> None:
    enabled = settings.enable(text, PLUGIN)
    assert settings.is_enabled(enabled, PLUGIN) is True
    assert [line for line in enabled.splitlines() if line] == sorted(
        [*(line for line in text.splitlines() if line), *_added(text)], key=enabled.splitlines().index
    )
    restored = settings.restore(enabled, PLUGIN, None, keep_group=settings.has_group(text))
    assert restored.rstrip("\r\n") == text.rstrip("\r\n")


def _added(text: str) -> list[str]:
    return ["enable_scumble_krita=true", *([] if "[python]" in text else ["[python]"])]


def test_a_plugin_that_was_switched_off_is_switched_off_again() -> None:
    text = "[python]\nenable_scumble_krita=false\nenable_other=true\n"
    assert settings.is_enabled(text, PLUGIN) is False
    enabled = settings.enable(text, PLUGIN)
    assert enabled == "[python]\nenable_scumble_krita=true\nenable_other=true\n"
    assert settings.restore(enabled, PLUGIN, "false") == text


def test_what_krita_wrote_meanwhile_stays() -> None:
    enabled = settings.enable("[General]\nx=1\n", PLUGIN)
    rewritten = enabled.replace("x=1", "x=2") + "\n[theme]\nTheme=Dark\n"
    assert settings.restore(rewritten, PLUGIN, None) == "[General]\nx=2\n\n[theme]\nTheme=Dark\n"


@hypothesis_settings(deadline=None)
@given(st.lists(LINES, max_size=8))
def test_any_file_can_be_enabled_twice_without_change(lines: list[str]) -> None:
    once = settings.enable("\n".join(lines), PLUGIN)
    assert settings.is_enabled(once, PLUGIN) is True
    assert settings.enable(once, PLUGIN) == once


@hypothesis_settings(deadline=None)
@given(st.lists(LINES.filter(lambda line: "scumble" not in line), max_size=8))
def test_restoring_any_file_keeps_all_other_settings(lines: list[str]) -> None:
    text = "\n".join(lines)
    restored = settings.restore(settings.enable(text, PLUGIN), PLUGIN, None)
    kept = [line for line in text.splitlines() if line and line != "[python]"]
    assert [line for line in restored.splitlines() if line and line != "[python]"] == kept


def test_the_resource_folder_is_read() -> None:
    assert settings.resource_folder("x=1\nResourceDirectory=/art/krita\n") == "/art/krita"
    assert settings.resource_folder("x=1\n") == ""
