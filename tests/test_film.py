"""Films: their frames hold the parameters, and they do not change the training."""

import re
import shutil
import sys
import warnings
from functools import partial
from itertools import pairwise

import backprop_rs as bp
import numpy as np
import pytest
from backprop_rs._internal.random import shuffled_order
from networks import classifier

IRIS = bp.load_iris()
X = ((IRIS.X - IRIS.X.mean(axis=0)) / IRIS.X.std(axis=0)).astype(np.float32)[:, :2]
SETTINGS = {"batch_size": 32, "learning_rate": 0.1, "progress": False}


network = partial(classifier, sizes=[2, 5, 3])


def same(one, other):
    pairs = zip(one.weights + one.biases, other.weights + other.biases, strict=True)
    return all((a == b).all() for a, b in pairs)


def places(film):
    return [(frame.epoch, frame.step) for frame in film.frames]


def test_frames_are_the_parameters_after_so_many_epochs(backend):
    film = network(backend).record(X, IRIS.y, every=2, epochs=5, **SETTINGS)
    assert places(film) == [(0, 0), (2, 0), (4, 0), (5, 0)]
    for number, epochs in enumerate((0, 2, 4, 5)):
        net = network(backend)
        net.fit(X, IRIS.y, epochs, schedule="constant", **SETTINGS)
        assert same(film.network(number), net)
        assert film.network(number).epochs_trained == epochs
    assert len(film.history) == 5


def test_frames_after_so_many_steps(backend):
    """150 samples in batches of 32: 5 steps per epoch."""
    film = network(backend).record(X, IRIS.y, every=3, unit="step", epochs=2, **SETTINGS)
    assert places(film) == [(0, 0), (0, 3), (1, 1), (1, 4), (2, 0)]
    net = network(backend)
    order = shuffled_order(150, 0, 0)
    for step in range(3):
        rows = order[32 * step : 32 * step + 32]
        net.step(X[rows], IRIS.y[rows], 0.1)
    assert same(film.network(1), net)


@pytest.mark.parametrize("options", [{}, {"every": 7, "unit": "step"}, {"every": 100}])
def test_the_bits_are_those_of_fit(options, backend):
    one, other = network(backend), network(backend)
    history = one.fit(X, IRIS.y, 4, optimizer="adam", **SETTINGS)
    film = other.record(X, IRIS.y, epochs=4, optimizer="adam", **options, **SETTINGS)
    assert same(one, other)
    assert film.history.cost == history.cost
    assert same(film.network(-1), one)


def test_a_training_that_ends_early_and_goes_back_to_its_best():
    film = network().record(
        *(X, IRIS.y),
        epochs=500,
        validation_fraction=0.3,
        early_stopping=2,
        **SETTINGS | {"learning_rate": 3.0},
    )
    assert film.history.stopped == "early_stopping"
    assert same(film.network(-1), film.net)


def test_gains_and_shifts_of_layer_normalization(backend):
    sizes = [2, bp.Dense(5, "tanh", layer_norm=True), 3]
    net = bp.Network(sizes, output="softmax", cost="cross_entropy", seed=0, backend=backend)
    film = net.record(X, IRIS.y, epochs=2, **SETTINGS)
    assert (film.network(0).gains[0] == 1).all()
    assert (film.network(2).gains[0] == net.gains[0]).all()
    assert (film.network(1).shifts[0] != net.shifts[0]).any()


def test_with_health_and_other_callbacks():
    epochs = []
    film = network().record(
        *(X, IRIS.y), every=2, epochs=4, health=1, callbacks=lambda e: epochs.append(e), **SETTINGS
    )
    assert (len(epochs), film.history.health.epochs, len(film)) == (4, [1, 2, 3, 4], 3)


def test_a_second_film_begins_where_the_first_ended():
    net = network()
    net.record(X, IRIS.y, epochs=2, **SETTINGS)
    assert places(net.record(X, IRIS.y, epochs=2, **SETTINGS)) == [(2, 0), (3, 0), (4, 0)]
    assert places(net.record(X, IRIS.y, epochs=0, **SETTINGS)) == [(4, 0)]


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda net: net.record(X, IRIS.y, every=0), "every must be an integer >= 1; got 0"),
        (lambda net: net.record(X, IRIS.y, unit="batch"), "unit must be one of epoch, step"),
        (lambda net: short(net).animate("film"), "kind must be auto or one of boundary, network"),
        (lambda net: short(net).animate(fps=0), "fps must be an integer >= 1; got 0"),
        (lambda net: short(net).animate("network", row=150), "row must be from 0 to 149; got 150"),
        (
            lambda net: short(net).animate().save("film.avi"),
            r"end in .gif, .html or .mp4; got 'film.a",
        ),
    ],
)
def test_bad_input(call, words):
    pytest.importorskip("matplotlib").use("Agg")
    with pytest.raises(ValueError, match=words):
        call(network())


# Moving pictures.


def short(net, y=IRIS.y):
    return net.record(X, y, every=2, epochs=4, **SETTINGS)


OPTIONS = {"boundary": {"points": 20}, "network": {}}


@pytest.fixture
def images():
    """Return the frames of a GIF as arrays."""
    matplotlib = pytest.importorskip("matplotlib")
    matplotlib.use("Agg")
    from PIL import Image, ImageSequence

    def read(path):
        with Image.open(path) as file:
            return [np.asarray(one.convert("RGB"), float) for one in ImageSequence.Iterator(file)]

    return read


@pytest.mark.parametrize("kind", OPTIONS)
def test_gif_has_a_picture_of_each_frame(kind, images, tmp_path):
    film = short(network())
    film.animate(kind, **(OPTIONS[kind] or {"row": 0})).save(tmp_path / "film.gif", dpi=30)
    pictures = images(tmp_path / "film.gif")
    assert len(pictures) == len(film) == 3
    for one, other in pairwise(pictures):
        assert one.shape == other.shape
        assert np.abs(one - other).max() > 50


def test_surface_keeps_its_colors_and_has_one_bar(images, tmp_path):
    net = bp.Network([2, 5, 1], "tanh", "identity", seed=0)
    movie = short(net, IRIS.X[:, 2]).animate(points=20)
    levels = []
    for number in range(movie.frames):
        movie.draw(number)
        assert len(movie.figure.axes) == 2
        levels.append(movie.figure.axes[1].get_ylim())
    assert len(set(levels)) == 1


def test_drawing_has_the_same_colors_for_the_same_values():
    pytest.importorskip("matplotlib").use("Agg")
    movie = short(network()).animate("network")
    ends = []
    for number in range(movie.frames):
        movie.draw(number)
        (ax,) = movie.figure.axes
        bars = [[tick.get_text() for tick in bar.get_xticklabels()] for bar in ax.child_axes]
        assert len(bars) == 2
        ends.append(bars)
    assert ends[0] == ends[1] == ends[2]
    assert ax.get_title().startswith("epoch 4   C = ")


def test_html_loads_nothing(tmp_path):
    pytest.importorskip("matplotlib").use("Agg")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        movie = short(network()).animate(points=10, fps=3)
        movie.save(tmp_path / "film.html")
    text = (tmp_path / "film.html").read_text("utf-8")
    assert text.startswith("<!DOCTYPE html>")
    assert text.count("data:image/png;base64") == 3
    assert "<script" in movie._repr_html_()
    own = re.sub(r"data:image/png;base64,[A-Za-z0-9+/=]+", "", text)
    assert re.search(r"https?:|//[a-z]|<link|@import|url\(|\bsrc=", own) is None
    for part in ('class="play"', 'class="back"', 'class="next"', 'type="range"', "dark"):
        assert part in text
    assert repr(movie) == "Movie(3 frames, 3 per second)"


def test_many_features_are_drawn_as_a_network():
    pytest.importorskip("matplotlib").use("Agg")
    net = network(sizes=(4, 5, 3))
    film = net.record(IRIS.X, IRIS.y, epochs=1, **SETTINGS)
    assert film.animate().figure.axes[0].child_axes
    assert not film.animate(features=(0, 1), points=10).figure.axes[0].child_axes


def test_jupyter_displays_a_film(monkeypatch):
    pytest.importorskip("matplotlib").use("Agg")
    from backprop_rs.plot import movie

    assert movie.MAX_SHOWN == 50
    monkeypatch.setattr(movie, "MAX_SHOWN", 5)  # which are drawn faster
    film = network().record(X, IRIS.y, epochs=10, **SETTINGS)
    one, other = film._repr_html_(), film._repr_html_()
    assert one.count("data:image/png;base64") == 5  # of 11
    ids = {re.search(r'id="([^"]+)"', text)[1] for text in (one, other)}
    assert len(ids) == 2


@pytest.mark.parametrize("kind", OPTIONS)
def test_the_layout_is_made_once_and_its_parts_are_drawn_once(kind, monkeypatch):
    matplotlib = pytest.importorskip("matplotlib")
    matplotlib.use("Agg")
    movie = short(network()).animate(kind, **OPTIONS[kind])
    counts = dict.fromkeys(("figure", "layout", "axis"), 0)
    figure, engine = movie.figure, movie.figure.get_layout_engine()
    axis = movie.ax.xaxis if kind == "boundary" else movie.ax.child_axes[0].xaxis

    def count(owner, method, name):
        original = getattr(owner, method)

        def counted(*args, **options):
            counts[name] += 1
            return original(*args, **options)

        monkeypatch.setattr(owner, method, counted)

    count(type(figure), "draw", "figure")
    count(type(engine), "execute", "layout")
    count(axis, "draw", "axis")
    before = figure.canvas, figure.dpi
    assert len(list(movie.pictures())) == 3
    assert counts == {"figure": 1, "layout": 1, "axis": 2}  # for the layout, and for the frames
    assert (figure.canvas, figure.dpi) == before and figure.get_layout_engine() is engine


@pytest.mark.parametrize("kind", OPTIONS)
@pytest.mark.parametrize("look", ["default", "dark_background"])
def test_a_frame_equals_the_whole_figure(kind, look):
    """An overlay is rounded once more than what is drawn in place: by 1 of 255 per overlay."""
    matplotlib = pytest.importorskip("matplotlib")
    matplotlib.use("Agg")
    from matplotlib.backends.backend_agg import FigureCanvasAgg

    with matplotlib.style.context(look):
        movie = short(network()).animate(kind, **OPTIONS[kind])
    *_, last = movie.pixels()
    movie.figure.dpi = 90
    canvas = FigureCanvasAgg(movie.figure)
    canvas.draw()
    whole = np.asarray(canvas.buffer_rgba())[..., :3].astype(int)
    assert np.abs(whole - last).max() <= 4


def test_a_frame_of_the_network_has_the_numbers_of_its_time(monkeypatch):
    pytest.importorskip("matplotlib").use("Agg")
    from backprop_rs.plot.numerals import Numerals
    from backprop_rs.plot.style import plain_number

    written = []
    monkeypatch.setattr(Numerals, "write", lambda self, texts, colors: written.extend(texts))
    film = short(network(sizes=(2, 2, 3)))
    movie = film.animate("network", row=3)
    for number in (2, 0, 1):
        written.clear()
        *_, title = movie.draw(number)
        net = film.network(number)
        trace = net.backward(X[3:4], IRIS.y[3:4])
        layers = [*net.weights, *net.biases, *trace.activations]
        layers += [*trace.weighted_inputs, *trace.deltas, [1, 0, 0]]
        values = np.concatenate([np.ravel(layer) for layer in layers])
        assert sorted(written) == sorted(plain_number(float(value)) for value in values)
        assert title.get_text().startswith(f"epoch {2 * number} ")


def test_a_wide_layer_keeps_its_most_important_neurons():
    pytest.importorskip("matplotlib").use("Agg")
    film = short(network(sizes=(2, 12, 3)))
    movie = film.animate("network", max_neurons=6)
    traces = [film.network(i).backward(X, IRIS.y) for i in range(len(film))]
    sizes = np.mean([np.abs(trace.deltas[0]).mean(axis=0) for trace in traces], axis=0)
    shown = {f"neuron 1 {i}" for i in np.argsort(-sizes)[:5]}
    for number in range(len(film)):
        movie.draw(number)
        circles = {patch.get_gid() for patch in movie.ax.patches if patch.get_gid()}
        assert {name for name in circles if name.startswith("neuron 1 ")} == shown


@pytest.fixture
def fake_ffmpeg(tmp_path, monkeypatch):
    """Put a program in the path that writes what it gets, or fails if there is no size."""
    program = tmp_path / "programs" / "ffmpeg"
    program.parent.mkdir()
    program.write_text(
        '#!/bin/sh\nfor last; do :; done\n[ -z "$FAILS" ] || { echo no codec >&2; exit 3; }\n'
        'cat > "$last"; echo "$@" >> "$last"\n'
    )
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{program.parent}:/usr/bin:/bin")


@pytest.mark.skipif(sys.platform == "win32", reason="the stand-in is a shell script")
def test_mp4_gets_every_frame_and_errors_keep_the_old_file(fake_ffmpeg, tmp_path, monkeypatch):
    pytest.importorskip("matplotlib").use("Agg")
    movie = short(network()).animate("network", fps=7)
    path = tmp_path / "film.mp4"
    movie.save(path, dpi=30)
    content = path.read_bytes()
    frames = list(movie.pixels(dpi=30))
    height, width, _ = frames[0].shape
    assert content.startswith(b"".join(frame.tobytes() for frame in frames))
    assert f"-s {width}x{height} -r 7".encode() in content
    monkeypatch.setenv("FAILS", "1")
    with pytest.raises(OSError, match="ffmpeg could not write the film: no codec"):
        movie.save(path)
    assert path.read_bytes() == content
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(OSError, match=r"an .mp4 file needs the program ffmpeg"):
        movie.save(path)
    assert path.read_bytes() == content


@pytest.mark.skipif(shutil.which("ffmpeg") is None, reason="needs ffmpeg")
def test_mp4_is_a_video(tmp_path):
    pytest.importorskip("matplotlib").use("Agg")
    short(network()).animate("network", fps=7).save(tmp_path / "film.mp4", dpi=33)
    assert (tmp_path / "film.mp4").read_bytes()[4:8] == b"ftyp"


@pytest.mark.parametrize("kind", OPTIONS)
def test_a_frame_does_not_depend_on_those_drawn_before(kind):
    pytest.importorskip("matplotlib").use("Agg")
    movie = short(network()).animate(kind, **OPTIONS[kind])
    list(movie.pictures())
    first, last = (np.asarray(one) for one in movie.pictures([0, 2]))
    again = [np.asarray(one) for one in movie.pictures([0, 1, 0, 2])]
    assert (again[0] == first).all() and (again[2] == first).all() and (again[3] == last).all()
