"""Lines, labels and numbers of pictures; test_pictures.py compares their pixels."""

import re
import subprocess
import sys
from itertools import pairwise

import backprop_rs as bp
import numpy as np
import pytest

matplotlib = pytest.importorskip("matplotlib")
matplotlib.use("Agg")
import matplotlib.pyplot as plt  # noqa: E402
from backprop_rs._internal.page_theme import INVERTED  # noqa: E402
from backprop_rs.explain.selection import RULE  # noqa: E402
from backprop_rs.health import HealthRecord  # noqa: E402
from backprop_rs.plot import contrast, labels, layout, paths, style  # noqa: E402
from matplotlib.colors import to_rgb  # noqa: E402
from matplotlib.figure import Figure  # noqa: E402

SAMPLE = ([0.05, 0.1], [0.01, 0.99])


def small(**options):
    return bp.Network([2, 3, 2], seed=1, dtype="float64", **options)


def softmax_net(*hidden):
    return bp.Network([4, *hidden, 3], "tanh", "softmax", "cross_entropy", seed=0, dtype="float64")


def texts(ax):
    return [text.get_text() for text in ax.texts]


def patches(ax, word):
    """Return the patches whose name starts with a word, by name."""
    named = {patch.get_gid(): patch for patch in ax.patches if patch.get_gid()}
    return {name: patch for name, patch in named.items() if name.startswith(word)}


IRIS = bp.load_iris()
HISTORY = bp.History(epoch=[1, 2, 3], cost=[3.0, 2.0, 1.0], val_cost=[3.0, 2.5, 2.0])


def record():
    net = bp.Network([4, 5, 4, 3], seed=0)
    return net.fit(IRIS.X, IRIS.y, 4, 32, 0.1, health=1, progress=False).health


# One call of each function, for what holds of all.
CALLS = {
    "network": lambda ax=None: bp.plot.network(small(), *SAMPLE, ax=ax),
    "chain": lambda ax=None: bp.plot.chain(small(), *SAMPLE, 1, 0, 1, ax=ax),
    "curves": lambda ax=None: bp.plot.curves(HISTORY, ax=ax),
    "flow": lambda ax=None: bp.plot.flow(record(), ax=ax),
    "boundary": lambda ax=None: bp.plot.boundary(softmax_net(5), IRIS.X, IRIS.y, ax=ax),
    "histograms": lambda ax=None: bp.plot.histograms(softmax_net(5), ax=ax),
    "images": lambda ax=None: bp.plot.images(softmax_net(5), ax=ax),
    "confusion": lambda ax=None: bp.plot.confusion(softmax_net(5), IRIS.X, IRIS.y, ax=ax),
    "learning_rates": lambda ax=None: bp.plot.learning_rates(
        softmax_net(5).find_learning_rate(IRIS.X, IRIS.y, steps=20), ax=ax
    ),
}


def test_all_functions_are_called_here():
    assert sorted(CALLS) == sorted(bp.plot.__all__)


@pytest.mark.parametrize("name", CALLS)
def test_draws_on_the_given_axes_or_on_a_new_figure(name):
    axes = Figure().subplots()
    assert CALLS[name](axes) is axes
    assert plt.get_fignums() == []
    assert CALLS[name]().figure.number in plt.get_fignums()


@pytest.mark.parametrize("name", CALLS)
@pytest.mark.parametrize("look", ["default", "dark_background"])
def test_text_has_contrast_to_its_background(name, look):
    """The contrast of text to the background is at least 4.5 (WCAG 2.1, AA)."""
    with plt.style.context(look):
        ax = CALLS[name]()
        paper = contrast.luminance(np.array(to_rgb(ax.figure.get_facecolor())))
        labels = [ax.title, ax.xaxis.label, ax.yaxis.label, *ax.get_xticklabels()]
        legend = ax.get_legend()
        labels += legend.get_texts() if legend else []
        for text in labels:
            ink = contrast.luminance(np.array(to_rgb(text.get_color())))
            low, high = sorted((paper, ink))
            assert (high + 0.05) / (low + 0.05) >= 4.5


def inverted(color):
    """Return a color as dark pages show it: `filter: invert(0.93) hue-rotate(180deg)`."""
    assert INVERTED == "filter: invert(0.93) hue-rotate(180deg);"
    red, green, blue = 0.213, 0.715, 0.072  # the matrix of the specification at 180 degrees
    turn = np.array([[red, green, blue]] * 3) * 2 - np.eye(3)
    return np.clip(turn @ (0.93 - 0.86 * np.array(to_rgb(color))), 0, 1)


@pytest.mark.parametrize("ground", ["#FFFFFF", "#000000", "#121212", "#F4F4F4"])
def test_every_pair_of_text_and_background_has_contrast(ground):
    """At least 4.5 (WCAG 2.1, AA), also if a dark page inverts a light picture."""
    figure = Figure(facecolor=ground)
    paper = style.Paper(figure.subplots(subplot_kw={"facecolor": ground}))
    shares = np.linspace(0, 1, 257)
    fills = [*paper.fills()(shares), *paper.sequential()(shares)]
    pairs = [(paper.ink, ground), *((paper.text_on(fill[:3]), fill[:3]) for fill in fills)]
    for ink, fill in pairs:
        assert contrast.contrast(ink, fill) >= 4.5
        assert paper.is_dark or contrast.contrast(inverted(ink), inverted(fill)) >= 4.5


@pytest.mark.parametrize("name", CALLS)
def test_without_matplotlib_the_error_is_one_sentence(name, monkeypatch):
    CALLS[name]()  # with it
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    with pytest.raises(ImportError, match=r"pip install matplotlib"):
        CALLS[name]()


def test_matplotlib_is_imported_when_a_picture_is_drawn():
    program = "import sys, backprop_rs.plot; print('matplotlib' in sys.modules)"
    run = subprocess.run([sys.executable, "-c", program], capture_output=True, check=True)
    assert run.stdout.strip() == b"False"


# The network.


def test_network_has_every_neuron_edge_and_symbol():
    net = small()
    ax = bp.plot.network(net, *SAMPLE)
    trace = net.backward(*SAMPLE)
    assert len(patches(ax, "neuron")) == 2 + 3 + 2
    assert [len(lines.get_segments()) for lines in ax.collections] == [6, 6]
    words = texts(ax)
    for layer, above in ((1, "(1)"), (2, "(2)")):
        for (j, k), w in np.ndenumerate(net.weights[layer - 1]):
            assert f"$w_{{{j}{{,}}{k}}}^{{{above}}} = {w:.3g}$" in words
        for j, z in enumerate(trace.weighted_inputs[layer - 1][0]):
            assert f"$z_{{{j}}}^{{{above}}} = {z:.3g}$" in words
            assert f"$b_{{{j}}}^{{{above}}} = 0$" in words
            delta = style.number(trace.deltas[layer - 1][0, j])
            assert rf"$\delta_{{{j}}}^{{{above}}} = {delta}$" in words
            assert f"$a_{{{j}}}^{{{above}}}$" in words
    assert ax.get_title() == f"C = {trace.cost:.4g}"


def test_layers_can_be_counted_from_the_output():
    net = small()
    words = texts(bp.plot.network(net, *SAMPLE, notation="from_output"))
    assert f"$w_{{1{{,}}2}}^{{(L)}} = {net.weights[1][1, 2]:.3g}$" in words
    assert f"$w_{{1{{,}}0}}^{{(L{{-}}1)}} = {net.weights[0][1, 0]:.3g}$" in words
    assert not any("^{(1)}" in text or "(1)" in text for text in words)
    chain = bp.plot.chain(net, *SAMPLE, 1, 0, 0, notation="from_output")
    assert "$w_{0{,}0}^{(L{-}1)}$" in texts(chain) and "$z_{0}^{(L)}$" in texts(chain)
    assert "$w_{0{,}0}^{(1)}$" in texts(bp.plot.chain(net, *SAMPLE, 1, 0, 0))


def test_edges_have_the_sign_of_their_weight():
    """Orange and solid above 0, blue and dashed below."""
    net = small()
    net.weights = [[[1, -1], [1, 1], [1, 1]], [[1, 1, 1], [1, 1, 1]]]
    (lines, _) = bp.plot.network(net).collections
    blue = [color[2] > color[0] for color in lines.get_colors()]
    dashed = [dash is not None for _, dash in lines.get_linestyles()]
    assert sum(blue) == 1
    assert blue == dashed


def test_edges_by_gradient():
    ax = bp.plot.network(small(), *SAMPLE, edges="gradient")
    gradient = small().backward(*SAMPLE).weight_gradients[1][1, 2]
    words = rf"$\partial C/\partial w_{{1{{,}}2}}^{{(2)}} = {style.number(gradient)}$"
    assert words in texts(ax)


def test_a_batch_is_shown_by_its_means():
    X, y = IRIS.X[::30], IRIS.y[::30]
    net = softmax_net(5)
    ax = bp.plot.network(net, X, y, labels=True)
    mean = net.backward(X, y).deltas[0].mean(axis=0)[3]
    assert rf"$\delta_{{3}}^{{(1)}} = {style.number(mean)}$" in texts(ax)
    alone = bp.plot.network(net, X, labels=True)
    z = net.backward(X, y).weighted_inputs[0].mean(axis=0)[3]
    assert f"$z_{{3}}^{{(1)}} = {style.number(z)}$" in texts(alone)


def test_a_wide_layer_is_shortened_and_counted():
    net = bp.Network([3, 1000, 2], seed=0)
    ax = bp.plot.network(net, max_neurons=6)
    strongest = np.argsort(-np.abs(net.weights[1]).sum(axis=0))[:5]  # their outgoing weights
    assert set(patches(ax, "neuron 1 ")) == {f"neuron 1 {i}" for i in strongest}
    assert any("1,000 neurons, 5 shown" in text for text in texts(ax))
    assert [len(lines.get_segments()) for lines in ax.collections] == [15, 10]


def test_the_most_important_neurons_for_a_sample_are_shown():
    net = bp.Network([20, 30, 2], seed=1)
    x, y = np.linspace(-1, 2, 20), [0.0, 1.0]
    ax = bp.plot.network(net, x, y, max_neurons=5)
    deltas = np.abs(net.backward(x, y).deltas[0][0])
    for layer, size in enumerate((np.abs(x), deltas)):
        expected = {f"neuron {layer} {i}" for i in np.argsort(-size)[:4]}
        assert set(patches(ax, f"neuron {layer} ")) == expected
    assert "the largest |δ|" in "".join(texts(ax))


def test_inputs_and_outputs_have_their_names():
    net = bp.Network([2, 3, 2], output="softmax", cost="cross_entropy", seed=0)
    ax = bp.plot.network(net, feature_names=["$size", "weight of it"], class_names=["no", "yes"])
    assert {r"\$size", "weight of it", "no", "yes"} <= set(texts(ax))
    with pytest.raises(ValueError, match="feature_names must have 2 names; got 1"):
        bp.plot.network(net, feature_names=["size"])
    wide = bp.Network([9, 9, 2], output="softmax", cost="cross_entropy", seed=0)
    ax = bp.plot.network(wide, np.ones(9), class_names=["no", "yes"])
    share = wide.predict(np.ones(9))[1]
    assert {"yes", f"${style.number(float(share))}$"} <= set(texts(ax))


def test_embedded_inputs_have_the_name_of_their_column():
    embedding = bp.PiecewiseLinear([[0.0, 1.0, 2.0], [0.0, 1.0]])
    net = bp.Network([2, 3, 1], embedding=embedding, seed=0)
    for sample in ((), ([0.5, 1.5], [1.0])):
        words = texts(bp.plot.network(net, *sample, feature_names=["age", "size"]))
        assert [words.count(name) for name in ("age", "size")] == [2, 1]


def test_a_small_axes_has_small_text_and_no_labels_unless_asked():
    small_axes, large_axes = Figure((3, 2)).subplots(), Figure((14, 12)).subplots()
    large = bp.plot.network(small(), *SAMPLE, ax=large_axes)
    assert any("delta" in text for text in texts(large))
    ax = bp.plot.network(small(), *SAMPLE, ax=small_axes)
    assert not any("delta" in text for text in texts(ax))
    assert max(text.get_fontsize() for text in ax.texts) < 6
    asked = bp.plot.network(small(), *SAMPLE, ax=Figure((3, 2)).subplots(), labels=True)
    assert any("delta" in text for text in texts(asked))
    line = bp.plot.chain(small(), *SAMPLE, 1, 0, 0, ax=Figure((3, 2)).subplots())
    assert max(text.get_fontsize() for text in line.texts if text.get_text()) < 5


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda net: bp.plot.network(net, edges="wieght"), "edges must be one of weight, gradient"),
        (lambda net: bp.plot.network(net, edges="gradient"), "edges='gradient' needs x; got none"),
        (
            lambda net: bp.plot.network(net, [1, 2], edges="gradient"),
            "edges='gradient' needs y; got none",
        ),
        (lambda net: bp.plot.network(net, y=[1, 2]), "y needs x; got none"),
        (lambda net: bp.plot.network(net, max_neurons=2), "max_neurons must be"),
        (
            lambda net: bp.plot.network(net, notation="L"),
            "notation must be one of number, from_output; got 'L'",
        ),
        (
            lambda net: bp.plot.chain(net, *SAMPLE, 1, 0, 0, notation="L"),
            "notation must be one of number, from_output; got 'L'",
        ),
        (lambda net: bp.plot.chain(net, *SAMPLE, 3, 0, 0), "layer must be from 1 to 2; got 3"),
        (lambda net: bp.plot.chain(net, *SAMPLE, 1, 3, 0), "j must be from 0 to 2; got 3"),
        (lambda net: bp.plot.chain(net, *SAMPLE, 1, 0, -1), "k must be from 0 to 1; got -1"),
        (
            lambda net: bp.plot.chain(net, [SAMPLE[0]] * 2, [SAMPLE[1]] * 2, 1, 0, 0),
            "x must be one sample; got 2",
        ),
        (lambda net: bp.plot.curves(HISTORY, "accuracy"), "cost, val_cost; got 'accuracy'"),
        (lambda net: bp.plot.flow(HealthRecord(), "delta"), "what must be one of mean_delta"),
        (lambda net: bp.plot.boundary(net, [[1, 2]], features=(0, 2)), "features must be"),
        (
            lambda net: bp.plot.boundary(net, [[1, 2]], names=["a"]),
            "names must be 2, or 2, one per feature",
        ),
        (lambda net: bp.plot.boundary(bp.Network([1, 1]), [[1]]), "2 features or more; got 1"),
        (lambda net: bp.plot.histograms(net, [[1, 2]]), "X and y must be given together"),
        (lambda net: bp.plot.images(net, layer=0), "layer must be from 1 to 2"),
        (lambda net: bp.plot.images(net), "shape must be given because 2 inputs"),
        (lambda net: bp.plot.images(net, shape=(3, 1)), "shape must have 2 pixels"),
        (lambda net: bp.plot.confusion(net, [[1, 2]], [[0.5, 2]]), "y must be classes"),
        (
            lambda net: bp.plot.confusion(net, [[1, 2]], [1], class_names=["one"]),
            "class_names must have 2 names; got 1",
        ),
    ],
)
def test_bad_input(call, words):
    with pytest.raises(ValueError, match=words):
        call(small())


# Positions.


def test_columns_are_centered():
    for column in layout.columns([2, 3, 100], 8, 1.0, 1.0):
        assert abs(column.y[0] + column.y[-1]) < 1e-12


def polygon(artist):
    """Return the corners of what an artist covers on the canvas."""
    from matplotlib.text import Text

    if isinstance(artist, Text):
        patch = artist.get_bbox_patch()
        if patch is None:
            return artist.get_window_extent().corners()[[0, 1, 3, 2]]
        artist = patch
    return artist.get_transform().transform_path(artist.get_path()).to_polygons()[0]


def cover(one, other):
    """Return True if two convex polygons overlap by more than a pixel."""
    for corners in (one, other):
        for start, end in zip(corners, np.roll(corners, -1, axis=0), strict=True):
            normal = np.array([start[1] - end[1], end[0] - start[0]])
            if np.hypot(*normal) < 1e-6:
                continue
            a, b = (each @ normal / np.hypot(*normal) for each in (one, other))
            if a.max() <= b.min() + 1 or b.max() <= a.min() + 1:
                return False
    return True


def check_that_labels_are_free(ax, marked):
    """Check that no label covers another one, another text, a circle or a box."""
    ax.figure.canvas.draw()
    edges = [text for text in ax.texts if text.get_text() and marked(text)]
    others = [text for text in ax.texts if text.get_text() and not marked(text)]
    others += list(patches(ax, "").values())
    shapes = [polygon(artist) for artist in [*edges, *others]]
    for i in range(len(edges)):
        for k in range(i + 1, len(shapes)):
            assert not cover(shapes[i], shapes[k]), (edges[i], [*edges, *others][k])
    return len(edges)


@pytest.mark.parametrize("sizes", [[2, 3, 2], [3, 3, 3, 2], [4, 3, 3], [5, 3, 5], [1, 5, 1]])
@pytest.mark.parametrize("edges", ["weight", "gradient"])
def test_labels_of_edges_cover_nothing(sizes, edges):
    net = bp.Network(sizes, "tanh", seed=2)
    net.biases = [np.linspace(-1e-5, 0.9, n) for n in sizes[1:]]
    x, y = np.linspace(-0.3, 2e-6, sizes[0]), np.linspace(0, 1, sizes[-1])
    ax = bp.plot.network(net, x, y, edges=edges, labels=True)
    count = check_that_labels_are_free(ax, lambda text: text.get_zorder() == 2)
    assert count == sum(a * b for a, b in pairwise(sizes))


def test_labels_of_the_chain_cover_nothing():
    net = bp.Network([3, bp.Dense(4, layer_norm=True), 5, 5], "tanh", seed=0)
    ax = bp.plot.chain(net, [0.3, -1e-6, 2.0], [0, 1, 0, 1, 0.5], 1, 0, 1)
    count = check_that_labels_are_free(ax, lambda text: text.get_bbox_patch() is not None)
    assert count == 1 + 4 + 4 + 16 + 4 + 16 + 4 + 4


def test_labels_are_staggered_or_there_is_no_place():
    """Two edges cross in the middle; in a gap of the width of a label both must lie there."""
    lines = [((0.0, 1.0), (4.0, -1.0)), ((0.0, -1.0), (4.0, 1.0))]
    one, other = labels.label_places(lines, [(1.0, 0.3)] * 2, (0.0, 4.0))
    assert abs(one[0] - other[0]) > 0.3
    assert labels.label_places(lines, [(1.0, 0.3)] * 2, (1.4, 2.6)) is None
    assert labels.label_places(lines, [(1.0, 0.3)] * 2, (1.9, 2.1)) is None


# The chain.


@pytest.mark.parametrize("layer", [1, 2, 3, 4])
@pytest.mark.parametrize("output", ["sigmoid", "softmax"])
def test_paths_add_up_to_the_gradient(layer, output, backend):
    """All paths add up to δ_j a_k for every weight; so do some of them and the rest."""
    cost = "squared_error" if output == "sigmoid" else "cross_entropy"
    net = bp.Network([2, 3, 2, 3, 2], ["tanh", "relu", "sine"], output, cost, seed=4,
                     dtype="float64", backend=backend)  # fmt: skip
    x, y = [0.4, -0.9], [1]
    gradient = net.backward([x], y).weight_gradients[layer - 1]
    for (j, k), expected in np.ndenumerate(gradient):
        result = paths.paths_of(net, x, y, (layer, j, k), 9)
        every = result.strongest(10**6)
        assert len(every) == result.count == np.prod(net.sizes[layer + 1 :])
        # Sums of at most 12 products of at most 10 factors: 22 roundings of eps / 2 and those of
        # `backward`, as many, relative to the sum of |product|.
        size = sum(abs(path.product) for path in every)
        total = sum(path.product for path in every)
        assert abs(total - expected) <= 50 * np.finfo(float).eps * size


def test_the_strongest_paths_are_the_strongest():
    net = bp.Network([2, 5, 4, 3], "tanh", "softmax", "cross_entropy", seed=2, dtype="float64")
    result = paths.paths_of(net, [0.4, -0.9], [1], (1, 2, 0), 9)
    every = sorted((abs(path.product) for path in result.strongest(10**6)), reverse=True)
    few = sorted((abs(path.product) for path in result.strongest(4)), reverse=True)
    assert few == every[:4]


def test_chain_lists_its_products_and_the_rest():
    net = bp.Network([2, 5, 4, 3], "tanh", "softmax", "cross_entropy", seed=2)
    ax = bp.plot.chain(net, [0.4, -0.9], [1], 1, 2, 0, max_neurons=3)
    words = texts(ax)
    assert sum("through" in text for text in words) == 6
    assert any(text.startswith("6 more paths: $") for text in words)
    assert f"Neurons drawn: 3 of 4 of layer 2. {RULE}" in " ".join(words)
    (total,) = [text for text in words if text.startswith("Their sum: $")]
    gradient = net.backward([0.4, -0.9], [1]).weight_gradients[0][2, 0]
    assert total.count("+") == 6
    assert total.endswith(
        rf"= {style.number(float(gradient))} = \partial C/\partial w_{{2{{,}}0}}^{{(1)}}"
        r" = \delta_{2}^{(1)} \, a_{0}^{(0)}$"
    )
    deltas = np.abs(net.backward([0.4, -0.9], [1]).deltas[1][0])
    assert set(patches(ax, "z 2")) == {f"z 2 {i}" for i in np.argsort(-deltas)[:3]}


def test_chain_of_the_weight_with_the_largest_gradient():
    net = small()
    gradient = np.abs(net.backward(*SAMPLE).weight_gradients[0])
    j, k = np.unravel_index(gradient.argmax(), gradient.shape)
    assert texts(bp.plot.chain(net, *SAMPLE)) == texts(bp.plot.chain(net, *SAMPLE, 1, j, k))
    with pytest.raises(ValueError, match="layer, j and k must be given together"):
        bp.plot.chain(net, *SAMPLE, 1)


def test_a_relu_that_is_off_is_dashed_and_named():
    net = bp.Network([2, 3, 2], "relu", "sigmoid", seed=0, dtype="float64")
    net.weights = [[[1.0, 1.0], [-1.0, -1.0], [2.0, 1.0]], net.weights[1]]
    net.biases = [[0.1, -0.1, 0.1], net.biases[1]]
    for draw, dashed in (
        (lambda x: bp.plot.network(net, x, [0, 1]), "neuron 1 1"),
        (lambda x: bp.plot.network(net, x), "neuron 1 1"),
        (lambda x: bp.plot.chain(net, x, [0, 1], 1, 1, 0), "a 1 1"),
    ):
        ax = draw([1.0, 2.0])
        marked = [name for name, one in patches(ax, "").items() if one.get_linestyle() != "-"]
        marked = [name for name in marked if patches(ax, "")[name].get_linestyle() != "solid"]
        assert marked == [dashed]
        assert "this relu is off for this row" in " ".join(texts(ax))
    every = [bp.plot.network(net, [[1.0, 2.0], [2.0, 1.0]], [[0, 1]] * 2)]  # means of two rows
    every += [bp.plot.network(small(), *SAMPLE), bp.plot.chain(net, [1.0, 2.0], [0, 1], 1, 0, 0)]
    assert not any("is off" in text for ax in every for text in texts(ax))


def test_chain_of_an_output_weight_has_one_path():
    net = small()
    trace = net.backward(*SAMPLE)
    words = texts(bp.plot.chain(net, *SAMPLE, 2, 1, 0))
    gradient = style.number(trace.weight_gradients[1][1, 0])
    (line,) = [text for text in words if r"\cdot" in text and "=" in text]
    assert line.endswith(f"= {gradient}$")


@pytest.mark.parametrize("output", ["sigmoid", "softmax"])
def test_paths_through_a_normalization_add_up_to_the_gradient(output, backend):
    """Paths lead from each z of a layer to each u; there are more factors to round than above."""
    cost = "squared_error" if output == "sigmoid" else "cross_entropy"
    layers = [bp.Dense(4, layer_norm=True), 2, bp.Dense(3, layer_norm=True)]
    net = bp.Network([2, *layers], "tanh", output, cost, seed=4, dtype="float64", backend=backend)
    net.gains = [[0.5, 2.0, 1.0, -1.0], None, [1.5, 0.7, 1.0]]
    x, y = [0.4, -0.9], [1]
    trace = net.backward([x], y)
    for layer, count in ((1, 4 * 2 * 3 * 3), (2, 3 * 3), (3, 3)):
        for (j, k), expected in np.ndenumerate(trace.weight_gradients[layer - 1]):
            result = paths.paths_of(net, x, y, (layer, j, k), 9)
            every = result.strongest(10**6)
            assert len(every) == result.count == count
            size = sum(abs(path.product) for path in every)
            total = sum(path.product for path in every)
            assert abs(total - expected) <= 200 * np.finfo(float).eps * size


def test_chain_draws_the_inputs_of_normalized_activations():
    net = bp.Network([2, bp.Dense(5, layer_norm=True), 2], "tanh", seed=1, dtype="float64")
    words = texts(bp.plot.chain(net, *SAMPLE, 1, 0, 1, max_neurons=3))
    assert {"u is z with layer normalization."} <= set(words)
    assert f"Neurons drawn: 3 of 5 of layer 1. {RULE}" in " ".join(words)
    assert any(text.startswith("4 more paths: $") for text in words)
    assert any(r"\partial u^" in text and r"/\partial z^" in text for text in words)
    plain = texts(bp.plot.chain(net, *SAMPLE, 2, 0, 1))
    assert not any("normalization" in text for text in plain)  # it is not on the way


def test_chain_of_a_deep_network_does_not_count_its_paths_one_by_one():
    net = bp.Network([2, *[6] * 20, 1], "tanh", seed=0, dtype="float64")
    result = paths.paths_of(net, [0.4, -0.9], [1], (1, 0, 0), 4)
    assert result.count == 6**19
    assert len(result.strongest(5)) == 5


# Curves.


def test_curves_show_the_history():
    history = bp.History(
        *([1, 2, 3], [3.0, 2.0, 1.0], [3.0, 2.5, 2.0]), metrics={"r2": [0.1, 0.2, 0.3]}
    )
    history.best_epoch = 2
    lines = {line.get_label(): line for line in bp.plot.curves(history).lines}
    assert lines["cost"].get_ydata().tolist() == [3.0, 2.0, 1.0]
    assert lines["val_cost"].get_xdata().tolist() == [1, 2, 3]
    assert lines["val_cost"].get_linestyle() == "--"
    assert history.plot("r2").get_ylabel() == "r2"


def test_curves_with_a_wide_range_are_logarithmic():
    history = bp.History(epoch=[1, 2], cost=[1.0, 1e-3])
    assert bp.plot.curves(history).get_yscale() == "log"
    assert bp.plot.curves(history, log=False).get_yscale() == "linear"
    assert bp.plot.curves(HISTORY).get_yscale() == "linear"


@pytest.mark.parametrize("what", ["mean_delta", "gradient_norm", "update_ratio", "saturated"])
def test_flow_shows_the_record(what):
    health = record()
    lines = bp.plot.flow(health, what).lines
    shown = np.array([line.get_ydata() for line in lines]).T
    np.testing.assert_array_equal(shown, health.values(what))


# Boundary and surface.


def test_regions_are_those_of_predict():
    """A color is that of the class, mixed with the background; wrong samples have rings."""
    net = bp.Network([2, 3], output="softmax", cost="cross_entropy", seed=3)
    X = np.random.default_rng(0).normal(size=(60, 2)).astype(np.float32)
    y = np.arange(60) % 3
    ax = bp.plot.boundary(net, X, y, points=40)
    image = ax.images[0].get_array()
    left, right, low, high = ax.images[0].get_extent()
    across, up = np.meshgrid(np.linspace(left, right, 40), np.linspace(low, high, 40))
    classes = net.predict(np.stack([across.ravel(), up.ravel()], axis=1)).argmax(axis=1)
    colors = np.array([to_rgb(color) for color in style.LIGHT[:3]])
    rest = (1 - image.reshape(-1, 3))[:, None, :] * 1.0
    likeness = (rest * (1 - colors)).sum(axis=-1) / np.linalg.norm(1 - colors, axis=1)
    likeness /= np.linalg.norm(rest, axis=-1)
    assert (likeness.argmax(axis=1) == classes).all()
    (rings,) = [one for one in ax.collections if one.get_label() == "wrong"]
    assert len(rings.get_offsets()) == (net.predict(X).argmax(axis=1) != y).sum()


def test_boundary_of_two_of_many_features():
    net = softmax_net(5)
    ax = bp.plot.boundary(net, IRIS.X, IRIS.y, features=(2, 3), names=IRIS.feature_names[2:])
    assert ax.get_xlabel() == IRIS.feature_names[2]
    offsets = np.concatenate(
        [one.get_offsets() for one in ax.collections if one.get_label()[0] == "c"]
    )
    assert len(offsets) == 150


def test_the_two_features_that_matter_most_are_drawn():
    net = softmax_net(5)
    net.fit(IRIS.X, IRIS.y, epochs=60, learning_rate=0.01, optimizer="adam", progress=False)
    ax = bp.plot.boundary(net, IRIS.X, IRIS.y, names=IRIS.feature_names)
    changes = []
    for i in range(4):
        X = IRIS.X.copy()
        X[:, i] = IRIS.X[:, i].mean()
        changes.append(np.square(net.predict(X) - net.predict(IRIS.X)).mean())
    first, second = sorted(np.argsort(changes)[-2:])
    assert (first, second) == (2, 3)
    assert (ax.get_xlabel(), ax.get_ylabel()) == IRIS.feature_names[2:]
    (caption,) = ax.texts
    mean = IRIS.X.mean(axis=0)
    said = " ".join(caption.get_text().split())
    assert said == (
        f"fixed at the mean: sepal length (cm) = {mean[0]:.3g}, sepal width (cm) = {mean[1]:.3g}"
    )
    plain = bp.plot.boundary(bp.Network([2, 3, 1], seed=0), np.eye(2), [0, 1])
    assert not plain.texts
    many = bp.plot.boundary(bp.Network([30, 3, 1], seed=0), np.eye(30), np.arange(30) % 2)
    assert many.texts[0].get_text() == "the other 28 features are fixed at their means"


def test_rings_mark_samples_on_the_background_of_another_class():
    """Setosa lies in its own color or has a ring, for any two features."""
    net = softmax_net(5)
    net.fit(IRIS.X, IRIS.y, epochs=60, learning_rate=0.01, optimizer="adam", progress=False)
    ax = bp.plot.boundary(net, IRIS.X, IRIS.y, features=(0, 1))
    beneath = np.tile(IRIS.X.mean(axis=0), (150, 1))
    beneath[:, :2] = IRIS.X[:, :2]
    wrong = net.predict(beneath).argmax(axis=1) != IRIS.y
    assert wrong.sum() > (net.predict(IRIS.X).argmax(axis=1) != IRIS.y).sum()
    (rings,) = [one for one in ax.collections if one.get_label() == "wrong"]
    np.testing.assert_allclose(rings.get_offsets(), IRIS.X[wrong, :2])


def test_one_output_has_two_classes_and_values_a_surface():
    X = np.random.default_rng(0).normal(size=(30, 2))
    two = bp.plot.boundary(bp.Network([2, 3, 1], seed=0), X, np.arange(30) % 2)
    assert len(two.images) == 1
    net = bp.Network([2, 3, 1], output="identity", seed=0)
    surface = bp.plot.boundary(net, X, X[:, 0])
    assert not surface.images
    assert surface.figure.axes[1].get_ylabel() == "output"


def test_a_surface_in_the_units_before_the_scaling():
    """The same picture as that of a network which takes and gives these units."""
    random = np.random.default_rng(1)
    X = random.normal(size=(40, 3)) * (2.0, 30.0, 1.0) + (5.0, -100.0, 0.0)
    y = 1e5 + 3e4 * (X[:, 0] - 5)
    data = bp.data.standardize(bp.data.Dataset(X, y))
    target = bp.data.Scaling([y.mean()], [y.std()])
    scaled = target.apply(y[:, None])[:, 0]
    net = bp.Network([3, 4, 1], "tanh", "identity", seed=0, dtype="float64")
    units = bp.Network([3, 4, 1], "tanh", "identity", seed=0, dtype="float64")
    w, v = net.weights
    factor, mean = data.scaling.scale, data.scaling.mean
    units.weights = [w / factor, v * target.scale]
    units.biases = [net.biases[0] - w @ (mean / factor), net.biases[1] * target.scale + target.mean]
    options = {"features": (0, 1), "names": ["size", "depth", "x"], "points": 20}
    one = bp.plot.boundary(
        *(net, data.X, scaled),
        **options,
        scaling=data.scaling,
        target_scaling=target,
        target_name="price ($)",
    )
    other = bp.plot.boundary(units, X, y, **options)
    np.testing.assert_allclose(one.get_xlim(), other.get_xlim(), rtol=1e-9)
    np.testing.assert_allclose(one.get_ylim(), other.get_ylim(), rtol=1e-9)
    bars = [ax.figure.axes[1] for ax in (one, other)]
    np.testing.assert_allclose(bars[0].get_ylim(), bars[1].get_ylim(), rtol=1e-6)
    assert [bar.get_ylabel() for bar in bars] == [r"price (\$)", "output"]
    assert one.texts[0].get_text() == other.texts[0].get_text()
    with pytest.raises(ValueError, match="scaling must have 3 features; got 1"):
        bp.plot.boundary(net, data.X, scaled, scaling=target)


# Parameters.


def test_histograms_count_every_weight():
    net = bp.Network([6, 5, 3], seed=0)
    heights = [
        patch.get_data() for patch in bp.plot.histograms(net, bins=10).patches if patch.get_fill()
    ]
    for row, w in zip(heights, net.weights, strict=True):
        counts, _ = np.histogram(w, row.edges)
        assert counts.sum() == w.size
        shares = (row.values - row.baseline) / 0.85
        np.testing.assert_allclose(shares, counts / counts.max(), atol=1e-12)


def test_images_are_the_weights():
    net = bp.Network([6, 4, 3], seed=0)
    ax = bp.plot.images(net, shape=(2, 3))
    sheet = ax.images[0].get_array()
    w = net.weights[0][0].reshape(2, 3)
    np.testing.assert_allclose(sheet[:2, :3], w / np.abs(w).max(), rtol=1e-6)
    assert "2 of 4 neurons" in bp.plot.images(net, shape=(2, 3), max_neurons=2).get_title()


def test_confusion_counts():
    net = bp.Network([1, 3], output="softmax", cost="cross_entropy", init="zeros")
    net.biases = [[0.0, 1.0, 0.0]]
    ax = bp.plot.confusion(net, [[0]] * 5, [0, 0, 1, 1, 2], class_names=["a", "b", "c"])
    assert texts(ax) == ["0", "2", "0", "0", "2", "0", "0", "1", "0"]
    assert ax.get_title() == "accuracy 0.4000 of 5"
    assert ax.images[0].get_array().tolist() == [[0, 1, 0]] * 3
    shares = bp.plot.confusion(net, [[0]] * 5, [0, 0, 1, 1, 2], normalize=True)
    assert texts(shares)[1] == "1.00"


# Files and notebooks.


def test_svg_has_real_text(tmp_path):
    path = tmp_path / "network.svg"
    bp.plot.network(small(), *SAMPLE, feature_names=["width", "height"]).figure.savefig(path)
    text = path.read_text("utf-8")
    assert ">width<" in text and ">height<" in text and "sigmoid" in text
    assert not re.search(r'id="(DejaVu|STIX)', text)  # outlines of glyphs


@pytest.mark.parametrize("look", ["default", "dark_background"])
def test_notebooks_invert_light_pictures_on_dark_pages(look):
    with plt.style.context(look):
        html = bp.plot.network(small()).figure._repr_html_()
    assert html.count("data:image/png;base64,") == 1
    assert (INVERTED in html) == (look == "default")
    assert ('body[data-jp-theme-light="false"] #picture-' in html) == (look == "default")
