"""What the site has beyond the pages in docs/: pages that lie elsewhere in the repository, under other names."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from mkdocs.structure.files import File, Files

ROOT = Path(__file__).resolve().parents[2]
#: Page of the site -> file of the repository.
ELSEWHERE = {
    "protocol.md": "backend/scumble_wire/PROTOCOL.md",
    "contributing.md": "CONTRIBUTING.md",
    "changelog.md": "CHANGELOG.md",
}


def on_files(files: Files, config: Any) -> Files:
    for page, place in ELSEWHERE.items():
        files.append(File.generated(config, page, content=(ROOT / place).read_text("utf-8")))
    return files


def on_page_markdown(markdown: str, page: Any, **_: Any) -> str:
    """Links that are right in the repository become right in the site."""
    for target, place in ELSEWHERE.items():
        markdown = markdown.replace(f"](../{place}", f"]({target}")
    if page.file.src_uri == "contributing.md":
        markdown = re.sub(r"\]\(docs/", "](", markdown)
    return markdown


def on_page_content(html: str, **_: Any) -> str:
    """Three things that Markdown leaves as they are.

    Short code spans stay on one line (site/scumble.css): browsers else break an option behind its dashes. A bar in a
    table's code span loses the backslash that keeps it from ending the cell. A picture that stands by itself opens in
    its own size, since the column shows sheets smaller than they are.
    """
    html = re.sub(r"<code>(?=[^<\n]{1,24}</code>)", '<code class="short">', html)
    html = re.sub(r"<code[^>]*>[^<]*</code>", lambda span: span[0].replace("\\|", "|"), html)
    return re.sub(r'<p>(<img [^>]*?src="([^"]+)"[^>]*>)</p>', r'<p><a href="\2">\1</a></p>', html)
