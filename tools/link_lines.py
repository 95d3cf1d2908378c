"""Renew the line numbers of links such as [`z = w a + b`](../src/x/layer.rs#L12) in the pages.

    python tools/link_lines.py

The text between the backquotes must be on exactly one line of the file. A test checks the
numbers.
"""

import re
from pathlib import Path

PROJECT = Path(__file__).parent.parent
LINK = re.compile(r"\[`([^`]+)`\]\(([\w./]+)#L\d+\)")


def renewed(page: Path) -> str:
    """Return the text of a page with current line numbers."""

    def number(link: re.Match[str]) -> str:
        code, target = link.groups()
        lines = (page.parent / target).read_text("utf-8").splitlines()
        numbers = [i for i, line in enumerate(lines, 1) if code in line]
        if len(numbers) != 1:
            raise SystemExit(f"{page}: {code!r} stands on {len(numbers)} lines of {target}")
        return f"[`{code}`]({target}#L{numbers[0]})"

    return LINK.sub(number, page.read_text("utf-8"))


if __name__ == "__main__":
    for page in [PROJECT / "README.md", *sorted((PROJECT / "docs").rglob("*.md"))]:
        page.write_text(renewed(page), "utf-8")
