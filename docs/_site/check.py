"""Check the built site: python docs/_site/check.py target/docs/html [--console].

Every link to a page, a file or a heading of the site must lead somewhere, and no page may load
anything from elsewhere. With --console, headless Chromium opens pages of each kind, and must write
no error to its console.
"""

import argparse
import re
import subprocess
import sys
import tempfile
from functools import cache
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

LOADING = {"script": "src", "img": "src", "link": "href", "iframe": "src", "source": "src"}
# One page of each kind.
OPENED = [
    "index.html",
    "derivation.html",
    "gallery/index.html",
    "gallery/plot_network.html",
    "notebooks/tutorial.html",
    "notebooks/table.html",
    "reference/generated/backprop_rs.Network.html",
    "guide/pictures.html",
    "playground.html",
    "records.html",
    "search.html",
]


class Page(HTMLParser):
    """The anchors, links and loaded files of a page."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.anchors: set[str] = {""}
        self.links: set[str] = set()
        self.loaded: set[str] = set()
        self.feed(path.read_text("utf-8"))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        self.anchors |= {given[name] for name in ("id", "name") if name in given}
        if tag == "a" and "href" in given:
            self.links.add(given["href"])
        if tag in LOADING and LOADING[tag] in given and given.get("rel") != "canonical":
            self.loaded.add(given[LOADING[tag]])


@cache
def page(path: Path) -> Page:
    return Page(path)


def broken(site: Path) -> list[str]:
    """Return a sentence for each fault of the site."""
    faults = []
    files = sorted(file for file in site.rglob("*.html") if "_static" not in file.parts)
    for file in files:
        name = file.relative_to(site)
        for address in sorted(page(file).links | page(file).loaded):
            parts = urlsplit(address)
            if parts.scheme in ("data", "mailto", "javascript"):
                continue
            if parts.scheme or parts.netloc:
                if address in page(file).loaded:
                    faults.append(f"{name} loads {address}")
                continue
            target = (file.parent / unquote(parts.path)).resolve() if parts.path else file
            target = target / "index.html" if target.is_dir() else target
            if not target.exists():
                faults.append(f"{name} links {address}, which does not exist")
            elif target.suffix == ".html" and unquote(parts.fragment) not in page(target).anchors:
                faults.append(f"{name} links {address}, which has no such heading")
    for file in site.rglob("*.css"):
        for address in re.findall(r"url\(['\"]?(https?:[^)'\"]+)", file.read_text("utf-8")):
            faults.append(f"{file.relative_to(site)} loads {address}")
    print(f"{len(files)} pages, {sum(len(page(file).links) for file in files)} links")
    return faults


def console(site: Path) -> list[str]:
    """Return what Chromium writes to the console of pages of each kind."""
    faults = []
    with tempfile.TemporaryDirectory() as profile:
        for name in OPENED:
            command = ["chromium", "--headless", "--no-sandbox", "--disable-gpu"]
            command += ["--enable-logging=stderr", "--virtual-time-budget=3000"]
            command += [f"--user-data-dir={profile}", "--dump-dom", (site / name).as_uri()]
            run = subprocess.run(command, capture_output=True, encoding="utf-8", timeout=120)
            if "</html>" not in run.stdout:
                faults.append(f"{name} was not drawn: {run.stderr[-500:]}")
            lines = [
                line
                for line in run.stderr.splitlines()
                if "CONSOLE" in line and "[PST]" not in line
            ]
            faults += [f"{name}: {line}" for line in lines]
    print(f"{len(OPENED)} pages in Chromium")
    return faults


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("site", type=Path)
    parser.add_argument("--console", action="store_true")
    arguments = parser.parse_args()
    faults = broken(arguments.site.resolve())
    if arguments.console:
        faults += console(arguments.site.resolve())
    sys.exit("\n".join(faults) or 0)


if __name__ == "__main__":
    main()
