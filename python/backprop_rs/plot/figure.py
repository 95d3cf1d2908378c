"""The figure of a new picture: real text in SVG files, and dark in dark notebooks."""

from __future__ import annotations

from base64 import b64encode
from io import BytesIO
from os import urandom
from typing import Any

import matplotlib
from matplotlib.figure import Figure

from .._internal.page_theme import INVERTED, when_dark
from .contrast import READABLE, ground_of, luminance


class Picture(Figure):  # type: ignore[misc]  # without Matplotlib its type is not known
    """A Matplotlib figure that suits light and dark pages."""

    def savefig(self, fname: Any, **options: Any) -> None:
        """Write a file as Matplotlib does; the text of an .svg file is text, not outlines."""
        with matplotlib.rc_context({"svg.fonttype": "none"}):
            super().savefig(fname, **options)

    def _repr_html_(self) -> str | None:
        """Return the picture for Jupyter: inverted on a dark page if its background is light."""
        if not self.axes:
            return None
        file, name = BytesIO(), f"picture-{urandom(6).hex()}"
        self.savefig(file, format="png", dpi=2 * self.dpi)
        width, _ = self.get_size_inches() * self.dpi
        source = f"data:image/png;base64,{b64encode(file.getvalue()).decode()}"
        is_dark = luminance(ground_of(self.axes[0])) < READABLE
        rules = "" if is_dark else when_dark(f"#{name}", INVERTED)
        look = f"width: {width:.0f}px; max-width: 100%;"
        return f'<style>{rules}</style><img id="{name}" alt="" style="{look}" src="{source}">'
