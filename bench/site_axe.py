"""axe-core over pages in a headless Chromium. The policy of a page forbids any script and is left out for the check."""

from __future__ import annotations

import json
import re
import subprocess
import tempfile
from collections.abc import Mapping
from html import unescape
from itertools import product
from pathlib import Path
from typing import Any, Final

from demo.pictures.__main__ import SCHEMES, THEMES, browser
from demo.pictures.page import Theme

POLICY: Final = re.compile(rb"<meta http-equiv=[^>]*>")
WIDTHS: Final = (320, 1280)  # CSS pixels
SECONDS: Final = 90.0
HARNESS: Final = """<!doctype html><html lang="en"><title>t</title><pre id="out"></pre>
<iframe id="f" style="border:0;width:{width}px;height:3000px"></iframe>
<script>
const frame = document.getElementById("f");
frame.onload = async () => {{
  const inside = frame.contentWindow, root = inside.document.documentElement;
  const found = await inside.axe.run(inside.document, {{iframes: false}});
  const dark = inside.matchMedia("(prefers-color-scheme: dark)").matches;
  const bad = found.violations.map(v => [v.id, v.nodes.length, v.nodes[0].html.slice(0, 200)]);
  const left = found.incomplete.map(v => [v.id, v.nodes.length]);
  const said = {{bad, left, passes: found.passes.length, dark, wide: root.scrollWidth, client: root.clientWidth}};
  document.getElementById("out").textContent = "<<" + JSON.stringify(said) + ">>";
}};
frame.srcdoc = {page};
</script>"""


def why_not(axe: Path | None) -> str:
    """Return why nothing can be checked; "" if it can."""
    if axe is None:
        return "--axe names no axe.min.js (npm install axe-core)"
    if not axe.is_file():
        return f"there is no {axe}"
    return "" if browser() else "there is no Chromium"


def check(pages: Mapping[str, bytes], axe: Path) -> bool:
    """Check each page in each scheme and width; print a line for each; tell whether nothing was found."""
    good = True
    for (name, page), scheme, width in product(pages.items(), THEMES, WIDTHS):
        found = run(page, axe.read_text(encoding="utf-8"), scheme, width)
        fine = not found["bad"] and found["wide"] <= found["client"] and found["dark"] == (scheme == "dark")
        good &= fine
        more = "" if fine else f" {found}"
        print(f"{name} {scheme} {width}: {len(found['bad'])} violations, {found['passes']} rules passed{more}")
        if found["left"]:
            print(f"  undecided by axe: {found['left']}")
    return good


def run(page: bytes, axe: str, scheme: Theme, width: int) -> dict[str, Any]:
    """Return what axe found on one page. Raises RuntimeError where the browser gave no answer."""
    script = f"<script>{axe}</script></head>".encode()
    inner = json.dumps(POLICY.sub(b"", page).replace(b"</head>", script, 1).decode()).replace("</", "<\\/")
    with tempfile.TemporaryDirectory() as name:
        (Path(name) / "page.html").write_text(HARNESS.format(width=width, page=inner), encoding="utf-8")
        command = [
            str(browser()),
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            "--no-first-run",
            "--host-resolver-rules=MAP * ~NOTFOUND",
            f"--user-data-dir={name}/profile",
            f"--blink-settings=preferredColorScheme={SCHEMES[scheme]}",
            "--window-size=1400,3200",
            "--virtual-time-budget=20000",
            "--dump-dom",
            (Path(name) / "page.html").as_uri(),
        ]
        done = subprocess.run(command, capture_output=True, text=True, timeout=SECONDS, check=False)
    said = re.search(r"&lt;&lt;(\{.*?\})&gt;&gt;</pre>", done.stdout, re.DOTALL)
    if said is None:
        raise RuntimeError(f"no answer of axe: {done.stderr[-500:]}")
    found: dict[str, Any] = json.loads(unescape(said[1]))
    return found
