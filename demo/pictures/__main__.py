"""Take the pictures of the docs: python -m demo.pictures [--out docs/pictures].

The messages are what the real bot sends to a Discord on loopback, the pages what the site of a watch holds. They are
drawn by a Chromium on this machine, in a light and a dark theme. Without a Chromium it says so and ends with status 2.
"""

from __future__ import annotations

import argparse
import json
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from hashlib import sha256
from itertools import product
from pathlib import Path
from typing import Final

from PIL import Image, ImageChops
from PIL.PngImagePlugin import PngInfo

from demo.pictures.page import Theme, page
from demo.pictures.scene import Part, capture
from demo.pictures.site import pages_of, played, shown

BROWSERS: Final = ("chromium", "chromium-browser", "google-chrome", "chrome")
THEMES: Final[tuple[Theme, ...]] = ("light", "dark")
SCHEMES: Final[Mapping[Theme, int]] = {"dark": 0, "light": 1}  # as Blink numbers them
HEIGHT, SCALE = 6400, 1.25  # CSS pixels, before cropping; dots a CSS pixel
PHONE, DESKTOP = 390, 680  # CSS pixels: the width of a client
WIDE: Final = 900  # of a browser
# how the files of each picture end, by the width of the client that it shows
CLIENTS: Final[Mapping[str, Mapping[str, int]]] = {
    "alert": {"": DESKTOP, "-phone": PHONE},
    "states": {"": DESKTOP, "-phone": PHONE},
    **{name: {"": DESKTOP} for name in ("review", "case", "status")},
}
COLUMNS: Final = {PHONE: 3, DESKTOP: 2}  # of clients beside each other, where a picture shows several
COLOURS: Final = 128  # the most common ones are kept as they are, others become the nearest of them
MARGIN: Final = 20  # CSS pixels left under the last line
SECONDS: Final = 60.0  # for one picture
ORIGIN: Final = "Drawn from"  # the name of the text in a PNG that says what it shows


class NoPicture(Exception):
    """The browser took no picture; the message is one sentence."""


def browser() -> str | None:
    """Return the path of a Chromium; None if there is none."""
    return next((found for name in BROWSERS if (found := shutil.which(name))), None)


def origin(parts: Sequence[Part]) -> str:
    """Return a digest of what messages say: the same until a word of them changes.

    Numbers, ids and a moderator's reason are left out.
    """
    embeds = [message["embeds"] for part in parts for message in part.messages]
    said = re.sub(r"\b[0-9a-f]{6,}\b|\d+", "#", json.dumps(embeds, ensure_ascii=False))
    return sha256(re.sub(r"(Dismissed by <@#>).*?(\\n|\")", r"\1\2", said).encode()).hexdigest()


def shoot(chromium: str, html: str, target: Path, width: int = DESKTOP, theme: Theme = "light") -> None:
    """Draw a page of so many CSS pixels and keep what is on it as a PNG. Raises NoPicture.

    `theme`: the one that a page is asked for which follows its reader's.
    """
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "page.html").write_text(html, encoding="utf-8")
        command = [
            chromium,
            "--headless",
            "--no-sandbox",  # a container's root has no other way, and the page is our own, without a script
            "--disable-gpu",
            "--hide-scrollbars",
            "--disable-lcd-text",  # its coloured edges are right for one screen only
            "--no-first-run",
            "--disable-background-networking",
            "--host-resolver-rules=MAP * ~NOTFOUND",
            f"--user-data-dir={folder / 'profile'}",
            f"--blink-settings=preferredColorScheme={SCHEMES[theme]}",
            f"--force-device-scale-factor={SCALE}",
            f"--window-size={width},{HEIGHT}",
            f"--screenshot={folder / 'whole.png'}",
            (folder / "page.html").as_uri(),
        ]
        try:
            done = subprocess.run(command, capture_output=True, timeout=SECONDS, check=False)
        except (OSError, subprocess.TimeoutExpired) as error:
            raise NoPicture(f"{chromium}: {error}") from None
        if not (folder / "whole.png").exists():
            raise NoPicture(f"{chromium} ended with status {done.returncode} and took no picture")
        crop(folder / "whole.png", target)


def crop(whole: Path, target: Path) -> None:
    """Keep what is above the empty ground. Raises NoPicture where the page is empty or longer than the picture."""
    with Image.open(whole) as opened:
        drawn = opened.convert("RGB")
    corner = (drawn.width - 1, drawn.height - 1)
    ground = Image.new("RGB", drawn.size, drawn.getpixel(corner))
    box = ImageChops.difference(drawn, ground).getbbox()
    if box is None or box[3] == drawn.height:
        raise NoPicture(f"{target.name}: the page is empty, or longer than {HEIGHT} pixels")
    kept = drawn.crop((0, 0, drawn.width, min(box[3] + round(MARGIN * SCALE), drawn.height)))
    common = sorted(kept.getcolors(kept.width * kept.height) or [], reverse=True)[:COLOURS]
    palette = Image.new("P", (1, 1))
    palette.putpalette([value for _, colour in common if isinstance(colour, tuple) for value in colour])
    kept.quantize(palette=palette, dither=Image.Dither.NONE).save(target, optimize=True)


def sign(target: Path, said: str) -> None:
    """Write into a PNG what it was drawn from."""
    info = PngInfo()
    info.add_text(ORIGIN, said)
    with Image.open(target) as drawn:
        drawn.load()
        drawn.save(target, optimize=True, pnginfo=info)


def whole(picture: str, width: int) -> int:
    """Return the width of a picture that shows clients of so many CSS pixels."""
    return width * COLUMNS[width] if picture == "states" else width


def main() -> None:
    """Play the scene once and draw each of its pictures in each theme."""
    parser = argparse.ArgumentParser(prog="python -m demo.pictures", description=__doc__.partition("\n")[0])
    parser.add_argument("--out", type=Path, default=Path("docs/pictures"), help="folder for the PNGs")
    out: Path = parser.parse_args().out
    chromium = browser()
    if chromium is None:
        print("There is no Chromium here: install the package chromium, or put it on the PATH.", file=sys.stderr)
        sys.exit(2)
    out.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as name:
        shots = capture(Path(name))
    with tempfile.TemporaryDirectory() as name:
        site = shown(pages_of(played(Path(name))))
    try:
        for (picture, html), theme in product(site.items(), THEMES):
            target = out / f"{picture}-{theme}.png"
            shoot(chromium, html.decode(), target, WIDE, theme)
            print(f"{target}  {target.stat().st_size / 1000:.0f} kB")
        for (picture, client), theme in product(CLIENTS.items(), THEMES):
            for name, width in client.items():
                target = out / f"{picture}{name}-{theme}.png"
                shoot(chromium, page(shots, picture, theme, width), target, whole(picture, width))
                sign(target, origin(shots.parts[picture]))
                print(f"{target}  {target.stat().st_size / 1000:.0f} kB")
    except NoPicture as error:
        sys.exit(str(error))


if __name__ == "__main__":
    main()
