"""Make the font of the formulas in `Explanation.to_html` from STIX Math 1.1.1.

    python tools/math_font.py /usr/share/fonts/opentype/stix-word/STIXMath-Regular.otf

It comes from the Debian package fonts-stix, under the SIL Open Font License 1.1. The font holds the
letters and signs of the formulas alone, with the sizes of brackets and sums, and as the license
asks it has another name. Needs the packages fonttools and brotli.
"""

from __future__ import annotations

import sys
from pathlib import Path

from fontTools import subset

NAME = "Backprop Math"
TARGET = Path(__file__).parent.parent / "python" / "backprop_rs" / "explain" / "math.woff2"

ASCII = range(32, 127)
SIGNS = (
    "·×−±√∂∑∏∞≤≥≠⋯…‖\u02c6\u02dc\u0302\u0303ãẑỹ\u210eαβγδεϵλμπστφψ₀₁₂₃₄₅₆₇₈₉"
    "\u2061\u2062\u2063\u2064"
)
ITALIC = [*range(0x1D434, 0x1D468), *range(0x1D6E2, 0x1D71C)]  # letters, as <mi> shows them


def main(source: str) -> None:
    options = subset.Options()
    options.flavor, options.hinting = "woff2", False
    options.layout_features, options.name_IDs = ["*"], ["*"]
    options.notdef_outline = True
    font = subset.load_font(source, options)
    subsetter = subset.Subsetter(options)
    subsetter.populate(unicodes=[*ASCII, *map(ord, SIGNS), *ITALIC])
    subsetter.subset(font)
    for record in font["name"].names:
        if record.nameID in (1, 3, 4, 6, 16):
            record.string = NAME.replace(" ", "") if record.nameID == 6 else NAME
    if "CFF " in font:
        top = font["CFF "].cff
        top.fontNames = [NAME.replace(" ", "")]
        top.topDictIndex[0].FamilyName = top.topDictIndex[0].FullName = NAME
    subset.save_font(font, str(TARGET), options)


if __name__ == "__main__":
    main(sys.argv[1])
