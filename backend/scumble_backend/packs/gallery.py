"""A page that shows a catalog: one static file and the pictures beside it, nothing fetched from elsewhere.

Every text comes from strangers: it is escaped, addresses are https or relative, and the page's own policy
lets no other script run than the one below.
"""

from __future__ import annotations

import base64
import html
import urllib.parse
from hashlib import sha256
from pathlib import Path

from scumble_backend.errors import CatalogWrong, FileTrouble, from_os_error
from scumble_backend.files import write_bytes
from scumble_backend.packs.archive import SUFFIX
from scumble_backend.packs.catalog import Catalog, CatalogEntry, from_folder
from scumble_backend.packs.store import PackStore

CATALOG = "catalog.json"
PAGE = "index.html"

_KINDS = {"affine": "style", "network": "style, own network", "upscale": "upscaling", "mix": "preset"}

_STYLE = """
:root { color-scheme: light dark; --page: #f6f4f0; --card: #fff; --ink: #22201c; --soft: #6b665d; --line: #ddd8ce;
  --accent: #1f5f8b; }
@media (prefers-color-scheme: dark) {
  :root { --page: #191815; --card: #232119; --ink: #eeeae0; --soft: #a59f92; --line: #3a372f; --accent: #7db9e0; } }
* { box-sizing: border-box; }
body { margin: 0; background: var(--page); color: var(--ink); font: 16px/1.45 system-ui, sans-serif; }
header, main, footer { max-width: 72rem; margin: 0 auto; padding: 1rem 1.25rem; }
h1 { margin: .5rem 0; font-size: 1.7rem; }
header p, footer { color: var(--soft); }
input { font: inherit; width: min(26rem, 100%); padding: .5rem .75rem; border: 1px solid var(--line);
  border-radius: .5rem; background: var(--card); color: inherit; }
input:focus-visible, a:focus-visible, summary:focus-visible { outline: 2px solid var(--accent); outline-offset: 2px; }
ul { list-style: none; margin: 0; padding: 0; display: grid; gap: 1.25rem;
  grid-template-columns: repeat(auto-fill, minmax(min(17rem, 100%), 1fr)); }
li { background: var(--card); border: 1px solid var(--line); border-radius: .75rem; overflow: hidden; }
.picture { display: block; width: 100%; aspect-ratio: 4 / 3; object-fit: cover; background: var(--line); }
.none { display: grid; place-items: center; color: var(--soft); }
.text { padding: .8rem 1rem 1rem; }
h2 { margin: 0 0 .15rem; font-size: 1.1rem; overflow-wrap: anywhere; }
.text p { margin: .2rem 0; overflow-wrap: anywhere; }
.by, dl { color: var(--soft); font-size: .9rem; }
dl { display: grid; grid-template-columns: auto 1fr; gap: .1rem .6rem; margin: .5rem 0; }
dt { font-weight: 600; } dd { margin: 0; overflow-wrap: anywhere; }
.previews { display: flex; gap: .4rem; overflow-x: auto; }
.previews img { height: 5.5rem; border-radius: .3rem; }
a { color: var(--accent); }
code { font-size: .8rem; overflow-wrap: anywhere; }
#count { white-space: nowrap; }
[hidden] { display: none; }
"""

_SCRIPT = """
const box = document.getElementById("search"), count = document.getElementById("count");
const fold = text => text.toLowerCase().normalize("NFKD").replace(/\\p{M}/gu, "");
const cards = [...document.querySelectorAll("main li")].map(card => [card, fold(card.textContent)]);
const show = () => {
  const words = fold(box.value).split(/\\s+/).filter(Boolean);
  let shown = 0;
  for (const [card, said] of cards) {
    card.hidden = !words.every(word => said.includes(word));
    shown += !card.hidden;
  }
  count.textContent = shown === cards.length ? `${shown} packs` : `${shown} of ${cards.length} packs`;
};
const linked = () => {  // index.html#wave is a link to a search
  try { box.value = decodeURIComponent(location.hash.slice(1)); } catch { box.value = ""; }
  show();
};
box.hidden = false;
addEventListener("hashchange", linked);
box.addEventListener("input", show);
linked();
"""


def make_gallery(folder: Path, store: PackStore, *, title: str = "Style packs") -> Catalog:
    """Write catalog.json (where the folder holds packs) and index.html into `folder`; return the catalog.

    Raises CatalogWrong, FileTrouble, or what is wrong with one of the packs.
    """
    if not folder.is_dir():
        raise FileTrouble(f"{folder} is not a folder.", remedy="Give the folder that holds the packs.")
    listed = folder / CATALOG
    if any(folder.glob(f"*{SUFFIX}")):
        catalog = from_folder(folder, store, title=title)
        write_bytes(listed, catalog.to_bytes())
    elif listed.is_file():
        try:
            catalog = Catalog.from_bytes(listed.read_bytes(), CATALOG)
        except OSError as error:
            raise from_os_error(error, listed, "read") from error
    else:
        raise CatalogWrong(f"{folder} holds neither packs nor a {CATALOG}.", remedy=f"Put {SUFFIX} files into it.")
    write_bytes(folder / PAGE, page(catalog).encode())
    return catalog


def page(catalog: Catalog) -> str:
    """The gallery as HTML."""
    title = html.escape(catalog.title or "Style packs")
    cards = "\n".join(map(_card, catalog.packs))
    return f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; img-src 'self' https: data: file:; \
style-src '{_hash(_STYLE)}'; script-src '{_hash(_SCRIPT)}'; base-uri 'none'; form-action 'none'">
<title>{title}</title>
<style>{_STYLE}</style>
</head>
<body>
<header>
<h1>{title}</h1>
<p>Packs for Scumble. Drop a downloaded file on the docker in Krita or GIMP, or run <code>scumble packs add</code>
with its address.</p>
<label><input id="search" type="search" placeholder="Title, artist, license ..." aria-label="Search the packs" hidden>
</label> <span id="count" role="status">{len(catalog.packs)} packs</span>
</header>
<main><ul>
{cards}
</ul></main>
<footer>The license of a pack and the rights in its painting are apart. A fingerprint names the key that an author
signs with.</footer>
<script>{_SCRIPT}</script>
</body>
</html>
"""


def _card(entry: CatalogEntry) -> str:
    say = html.escape
    picture = _address(entry.thumbnail)
    top = (
        f'<img class="picture" src="{picture}" alt="{say(entry.title)}" loading="lazy">'
        if picture
        else '<div class="picture none">no picture</div>'
    )
    about = [
        ("Painting", entry.painting),
        ("its rights", entry.painting_license),
        ("License", entry.license or "not given"),
        ("Kind", _KINDS.get(entry.kind, entry.kind)),
        ("Version", entry.version),
        ("Size", _size(entry.size)),
        ("Signed", entry.signed_by),
    ]
    rows = "".join(f'<dt>{name}</dt><dd dir="auto">{say(value)}</dd>' for name, value in about if value)
    shots = "".join(f'<img src="{at}" alt="" loading="lazy">' for at in map(_address, entry.previews) if at)
    previews = f'<div class="previews">{shots}</div>' if shots else ""
    by = f'<p class="by" dir="auto">{say(", ".join(entry.authors))}</p>' if entry.authors else ""
    told = f'<p dir="auto">{say(entry.description)}</p>' if entry.description else ""
    get = _address(entry.url)
    link = f'<a href="{get}" download>Download</a>' if get else ""
    home = _address(entry.homepage)
    more = f' · <a href="{home}" rel="noopener noreferrer">Home page</a>' if home else ""
    return (
        f'<li>{top}<div class="text"><h2 dir="auto">{say(entry.title)}</h2>{by}{told}<dl>{rows}</dl>{previews}'
        f"<p>{link}{more}</p><details><summary>Checksum</summary><code>{say(entry.sha256)}</code></details>"
        "</div></li>"
    )


def _address(url: str) -> str:
    """`url` escaped for an attribute if it is https or relative; "" otherwise (javascript:, data:, //host)."""
    try:
        parts = urllib.parse.urlsplit(url.strip())
    except ValueError:
        return ""
    relative = not parts.scheme and not parts.netloc and not url.strip().startswith(("/", "\\"))
    return html.escape(url.strip()) if parts.scheme == "https" or relative else ""


def _size(size: int) -> str:
    return f"{size / 1024:.0f} KB" if size < 1 << 20 else f"{size / (1 << 20):.1f} MB"


def _hash(text: str) -> str:
    return "sha256-" + base64.b64encode(sha256(text.encode()).digest()).decode()
