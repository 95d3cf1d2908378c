"""The pictures of the docs equal references that a person has checked.

The comparison leaves out text because its pixels depend on the fonts and the version of FreeType.
Everything else is drawn at 40 dots per inch and averaged over squares of 4 x 4 pixels, and one
picture may be shifted by a pixel. So a line that another version of Matplotlib smooths or snaps to
another pixel makes little difference.

To redraw the references, check docs/pictures and run: python tests/test_pictures.py
"""

import importlib.util
import sys
from itertools import product
from pathlib import Path

import numpy as np
import pytest

if __name__ == "__main__":
    import matplotlib
else:
    matplotlib = pytest.importorskip("matplotlib")
matplotlib.use("Agg")
import matplotlib.pyplot as plt  # noqa: E402

PROJECT = Path(__file__).parent.parent
REFERENCE = Path(__file__).parent / "pictures"
DPI, SQUARE = 40, 4

# Of 255. Other smoothing moves about a tenth of the ink of a line to the next pixel, which is
# mostly in the same square: 255 / 10 in a quarter of the squares on lines, which are a tenth of
# all, is an RMS of 25 * 0.025 ** 0.5 / 2 = 2. The smallest fault, a missing box, has 3.2.
TOLERANCE = 2.5


def drawings():
    path = PROJECT / "docs" / "pictures.py"
    spec = importlib.util.spec_from_file_location("docs_pictures", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


DOCS = drawings()


@pytest.fixture(params=DOCS.STYLES)
def paper(request):
    with plt.style.context(DOCS.STYLES[request.param]):
        yield request.param
    plt.close("all")


def pixels(figure):
    """Return the picture without its text, (height, width, 3), from 0 to 255."""
    from matplotlib.text import Text

    figure.set_dpi(DPI)
    for text in figure.findobj(Text):
        text.set_visible(False)
    figure.canvas.draw()
    return np.asarray(figure.canvas.buffer_rgba())[..., :3].astype(float)


def distance(one, other):
    """Return the smallest RMS difference of squares over all shifts by a pixel."""
    assert one.shape == other.shape
    height, width = (n // SQUARE * SQUARE for n in one.shape[:2])
    distances = []
    for shift in product((-1, 0, 1), repeat=2):
        gap = (np.roll(one, shift, axis=(0, 1)) - other)[:height, :width]
        tiles = gap.reshape(height // SQUARE, SQUARE, width // SQUARE, SQUARE, 3)
        distances.append(float(np.sqrt(np.square(tiles.mean(axis=(1, 3))).mean())))
    return min(distances)


def reference(name, paper):
    return plt.imread(REFERENCE / f"{name}_{paper}.png")[..., :3] * 255.0


@pytest.mark.parametrize("name", DOCS.PICTURES)
def test_picture_equals_its_reference(name, paper):
    figure = DOCS.PICTURES[name]().figure
    assert distance(pixels(figure), reference(name, paper)) < TOLERANCE


@pytest.mark.parametrize("name", DOCS.PICTURES)
def test_docs_show_the_picture(name):
    page = (PROJECT / "docs" / "guide" / "pictures.md").read_text("utf-8")
    for paper in DOCS.STYLES:
        assert f"pictures/{name}_{paper}.png" in page
        assert (PROJECT / "docs" / "pictures" / f"{name}_{paper}.png").exists()


def test_a_missing_layer_of_edges_is_detected():
    ax = DOCS.PICTURES["network"]()
    ax.collections[0].remove()
    assert distance(pixels(ax.figure), reference("network", "light")) > TOLERANCE
    plt.close("all")


def test_reversed_colors_are_detected():
    ax = DOCS.PICTURES["images"]()
    ax.images[0].set_cmap(ax.images[0].get_cmap().reversed())
    assert distance(pixels(ax.figure), reference("images", "light")) > TOLERANCE
    plt.close("all")


def test_a_missing_curve_is_detected():
    ax = DOCS.PICTURES["curves"]()
    ax.lines[0].remove()
    assert distance(pixels(ax.figure), reference("curves", "light")) > TOLERANCE
    plt.close("all")


def draw_references():
    REFERENCE.mkdir(exist_ok=True)
    for name in sys.argv[1:] or DOCS.PICTURES:
        for paper, style in DOCS.STYLES.items():
            with plt.style.context(style):
                image = pixels(DOCS.PICTURES[name]().figure).astype(np.uint8)
                plt.imsave(REFERENCE / f"{name}_{paper}.png", image)
                plt.close("all")


if __name__ == "__main__":
    draw_references()
