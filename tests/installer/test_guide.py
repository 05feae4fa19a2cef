"""The guide that plugins carry: what of Markdown it knows, and that it names no page that isn't there."""

from __future__ import annotations

import re
from pathlib import Path

from scumble_installer.guide import render, write_guide

ROOT = Path(__file__).resolve().parents[2]


def test_the_markdown_of_the_docs_becomes_html() -> None:
    text = (
        "# A *guide*\n\nSee [styles](styles.md#near), [files](files.md) and\n[the site](https://example.org) &"
        " `<b>`.\n"
        "![a picture](pictures/a.png)\n\n- **one**\n  goes on\n- two\n\n| a | b |\n|---|---|\n| `x \\| y` | 2 |\n\n"
        "```python\nif a < b:\n    pass\n```\n"
    )
    assert render(text, ["styles"]).splitlines() == [
        '<h1 id="a-guide">A <em>guide</em></h1>',
        '<p>See <a href="styles.html#near">styles</a>, files and <a href="https://example.org">the site</a> &amp; '
        "<code>&lt;b&gt;</code>. </p>",
        "<ul><li><strong>one</strong> goes on</li><li>two</li></ul>",
        "<table><tr><th>a</th><th>b</th></tr><tr><td><code>x | y</code></td><td>2</td></tr></table>",
        "<pre>if a &lt; b:",
        "    pass</pre>",
    ]


def test_every_link_of_the_carried_pages_leads_somewhere(tmp_path: Path) -> None:
    pages = ("krita", "gimp", "styles", "upscaling", "training")
    write_guide(ROOT / "docs", pages, tmp_path)
    for name in pages:
        text = (tmp_path / f"{name}.html").read_text(encoding="utf-8")
        assert "<h1 " in text and "**" not in re.sub(r"<(code|pre)>.*?</\1>", "", text, flags=re.DOTALL)
        for target in re.findall(r'href="([^"#]+)', text):
            assert target.startswith("https://") or (tmp_path / target).is_file(), target
