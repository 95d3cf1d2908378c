"""The playground in headless Chromium, used as a person would use it."""

import json
import re
import runpy
import shutil
import sys
from pathlib import Path

import backprop_rs as bp
import numpy as np
import pytest
from backprop_rs.cli import main
from backprop_rs.web import assembly
from backprop_rs.web.widget import ESM
from browser import Page, start

PAGE = Path(assembly.__file__).parent / "page"
CSV = "size;kind;label\n" + "".join(
    f"{k},5;{'red' if k % 3 else 'blue'};{'yes' if k % 2 else 'no'}\n" for k in range(40)
)


@pytest.fixture(scope="session")
def compiled():
    try:
        assembly.core()
    except ImportError as error:
        pytest.skip(str(error))


@pytest.fixture(scope="session")
def browser(compiled, tmp_path_factory):
    downloads = tmp_path_factory.mktemp("downloads")
    driver = start(downloads)
    yield driver, downloads
    driver.quit()


@pytest.fixture(scope="session")
def page_file(compiled, tmp_path_factory):
    path = tmp_path_factory.mktemp("page") / "page.html"
    bp.playground().save(path)
    return path


@pytest.fixture
def page(browser, page_file):
    driver, downloads = browser
    page = Page(driver, page_file, downloads)
    yield page
    assert page.errors() == []


def parameters(net):
    return [*net.weights, *net.biases]


def assert_same_bits(one, other):
    for a, b in zip(parameters(one), parameters(other), strict=True):
        assert a.dtype == b.dtype
        np.testing.assert_array_equal(a, b)


def test_a_network_is_built_by_clicks(page):
    page.open("#set=xor&samples=100")
    page.click("add-layer")
    page.until(lambda: page.run("return document.querySelectorAll('.count').length") == 4)
    page.run("document.querySelector('[data-place=addNeuron1]').click()")
    page.until(lambda: page.run("return document.querySelector('.count').textContent") == "5")
    page.choose("optimizer-name", "adam")
    page.choose("rate", 0.01)
    page.choose("init-name", "zeros")
    page.choose("dtype", "float64")
    link = page.until(lambda: page.run("return location.hash"))
    for part in ("hidden=5%2C4%2C4", "optimizer=adam", "rate=0.01", "init=zeros", "dtype=float64"):
        assert part in link
    # The page asks the core for its tables.
    names = page.run(
        "return [...document.getElementById('optimizer-name').options].map(o => o.text)"
    )
    assert {"sgd", "adam", "lion", "rprop"} <= set(names)
    page.open(link)
    assert page.run("return document.querySelector('.count').textContent") == "5"


def test_training_runs_stops_and_goes_back(page):
    page.open("#samples=100&test=0.2&speed=most")
    page.train(2)
    after_two = page.text("fact-training")
    page.train(1)
    page.click("back")
    page.wait_for_step(2)
    assert page.text("fact-training") == after_two
    page.click("play")
    page.until(lambda: page.number("fact-step") > 200)
    page.click("play")
    page.settled()
    page.choose("rewind", 2)
    page.wait_for_step(2)
    assert page.text("fact-training") == after_two
    page.click("epoch")
    page.wait_for_step(8)
    assert page.number("fact-epoch") == 1
    page.click("reset")
    page.wait_for_step(0)


def test_half_steps_show_the_passes_layer_by_layer(page):
    page.open("#hidden=3&samples=60")
    seen = []
    for _ in range(7):
        before = page.text("phase")
        page.click("half")
        seen.append(
            page.until(lambda before=before: page.text("phase") != before and page.text("phase"))
        )
    starts = [
        "Forward: layer 1",
        "Forward: layer 2",
        "Cost",
        "δ of the output",
        "Back: δ of layer 1",
    ]
    for text, begin in zip(seen, [*starts, "Gradients", "Update"], strict=True):
        assert text.startswith(begin)
    page.wait_for_step(1)


def test_equations_between_half_steps_are_those_of_the_batch(page):
    page.open("#hidden=3&samples=60&batch=10&numbers=1")
    page.click("half")
    page.until(lambda: page.text("phase"))
    page.choose("what", "neuron")
    page.until(lambda: "mean over 10 samples" in page.text("equations"))
    page.click("step")
    page.until(lambda: "mean over" not in page.text("equations"))


def test_neurons_curves_health_and_confusion_are_shown(page):
    page.open("#set=gaussians&samples=200&numbers=1")
    page.click("epoch")
    page.wait_for_step(14)
    painted = "const c = document.querySelector(arguments[0]); const d = c.getContext('2d')"
    painted += ".getImageData(0, 0, c.width, c.height).data; return new Set(d).size"
    for canvas in ("#stage canvas", "#plot", "#curves"):
        assert page.run(painted, canvas) > 20
    assert page.run("return document.querySelectorAll('#health tbody tr').length") == 3
    cells = page.run(
        "return [...document.querySelectorAll('#confusion td')].map(e => +e.textContent || 0)"
    )
    assert len(cells) == 4 and sum(cells) == 60  # the test share of 200
    page.choose("edges", "gradient")
    page.choose("set", "digits")
    page.until(
        lambda: page.run("return document.querySelectorAll('#confusion tbody tr').length") == 10
    )


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_equations_show_the_numbers_of_the_library(page, dtype, tmp_path):
    page.open(f"#hidden=3&samples=60&dtype={dtype}&set=xor")
    page.choose("what", "weight")
    page.choose("what-layer", 0)
    page.choose("what-j", 1)
    page.choose("what-k", 1)
    page.choose("sample", 4)
    page.settled()
    results = page.run(
        "return [...document.querySelectorAll('#equations .result')].map(e => e.textContent)"
    )
    program = page.keep("keep-program", "playground.py").read_text()
    data = {}
    exec(program.partition("net.save(")[0], data)  # no step was made: no call of `fit`
    trace = data["net"].backward(data["X"][4:5], data["y"][4:5])
    expected = float(trace.weight_gradients[0][1, 1])
    assert float(results[0].replace("\N{MINUS SIGN}", "-")) == pytest.approx(expected, rel=1e-3)
    # The cost moves as the derivative says, to second order.
    page.choose("nudge-by", 0.01)
    page.until(lambda: page.number("nudge-after") != page.number("nudge-before"))
    page.settled()
    before, after = page.number("nudge-before"), page.number("nudge-after")
    assert page.number("nudge-promised") - before == pytest.approx(
        after - before, rel=0.1, abs=2e-6
    )
    page.click("check")
    text = page.until(lambda: page.text("check-result"))
    assert text.startswith("13 of 13 gradients agree")


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_a_model_of_python_is_trained_and_comes_back_with_the_same_bits(page, dtype, tmp_path):
    data = bp.load_iris()
    X = (data.X - data.X.mean(axis=0)) / data.X.std(axis=0)
    net = bp.Network([4, 6, 3], "tanh", "softmax", "cross_entropy", dtype=dtype, seed=2**60 + 7)
    net.fit(X, data.y, epochs=3, batch_size=16, learning_rate=0.05, progress=False)
    path = tmp_path / "net.safetensors"
    net.save(path)
    page.open("#set=iris&test=0&batch=16&rate=0.05&speed=most")
    page.give(path)
    page.until(lambda: "4-6-3" in page.text("message"))
    for _ in range(10):  # of 10 steps each
        before = page.number("fact-step")
        page.click("epoch")
        page.wait_for_step(before + 10)
    back = bp.load(page.keep("keep-model", "playground.safetensors"))
    net.fit(X, data.y, epochs=10, batch_size=16, learning_rate=0.05, progress=False)
    assert_same_bits(back, net)
    assert (back.seed, back.epochs_trained) == (net.seed, net.epochs_trained)


def test_the_program_trains_the_same_network(page, tmp_path, monkeypatch):
    page.open(
        "#set=spirals&samples=120&hidden=6,5&activations=tanh;relu&batch=8&dropout=0.2&l2=0.001"
    )
    page.train(3)
    page.choose("optimizer-name", "adam")
    page.choose("rate", 0.02)
    page.settled()
    page.click("epoch")
    page.until(lambda: page.number("fact-epoch") == 1)
    page.choose("what", "bias")
    page.choose("what-layer", 1)
    page.choose("nudge-by", 0.25)
    page.settled()
    page.click("nudge-keep")
    page.settled()
    page.choose("schedule-name", "cosine")
    page.choose("epochs", 5)
    page.settled()
    page.train(4)
    program = page.keep("keep-program", "playground.py")
    kept = bp.load(page.keep("keep-model", "playground.safetensors"))
    monkeypatch.chdir(tmp_path)
    net = runpy.run_path(program)["net"]
    assert_same_bits(kept, net)


def test_two_thousand_steps_have_the_bits_of_python(page):
    for dtype in ("float32", "float64"):
        page.open(f"#hidden=8,8&samples=500&test=0&batch=10&speed=most&dtype={dtype}")
        for _ in range(40):
            before = page.number("fact-step")
            page.click("epoch")
            page.wait_for_step(before + 50)
        program = page.keep("keep-program", "playground.py").read_text()
        kept = bp.load(page.keep("keep-model", "playground.safetensors"))
        data = {}
        exec(program.partition("net.save(")[0], data)
        assert_same_bits(kept, data["net"])


def test_pictures_film_and_lesson_are_kept(page):
    page.open("#samples=60&speed=epoch")
    page.click("play")
    page.until(lambda: page.number("fact-epoch") > 20)
    # One is kept in a quarter of a second, however many epochs there are.
    page.until(lambda: int(page.run("return document.documentElement.dataset.pictures || 0")) > 2)
    page.click("play")
    page.settled()
    for name, file in [
        ("network", "network.svg"),
        ("plot", "prediction.svg"),
        ("curves", "curves.svg"),
    ]:
        text = page.keep(f"keep-{name}", file).read_text()
        assert text.startswith("<svg ") and text.endswith("</svg>\n")
    film = page.keep("keep-film", "playground.html").read_text()
    assert film.count("data:image/webp") > 2
    lesson = page.keep("keep-lesson", "lesson.json")
    page.open("#set=xor")
    page.give(lesson)
    page.until(lambda: page.run("return document.getElementById('set').value") == "circles")


def test_a_file_of_the_user_is_read_on_the_page(page):
    page.open()
    page.drop("table.csv", CSV)
    page.until(lambda: page.run("return document.getElementById('set').value") == "own")
    page.settled()
    names = page.run("return [...document.getElementById('first').options].map(o => o.text)")
    assert names == ["size", "kind=blue", "kind=red"]
    targets = page.run("return [...document.getElementById('target').options].map(o => o.text)")
    assert targets == ["size", "kind", "label"]
    page.train(2)
    page.choose("target", 0)
    page.until(lambda: "R²" in page.text("score-training"))
    page.drop("table.csv", "a,b\n1,2\n3\n")
    page.until(
        lambda: page.text("message") == "line 3 of the file has 1 cells, and not 2 as the first"
    )
    page.drop("picture.png", "x")
    page.until(lambda: "must end in" in page.text("message"))


def test_files_that_are_no_models_are_refused(page, tmp_path):
    page.open("#set=iris")
    changed = tmp_path / "changed.safetensors"
    bp.Network([4, 3, 3], seed=0).save(changed)
    content = bytearray(changed.read_bytes())
    content[-1] ^= 1
    changed.write_bytes(content)
    page.give(changed)
    page.until(lambda: "changed after it was saved" in page.text("message"))
    for text, sentence in [
        (b"x", "not a model"),
        (b"\x08" + 7 * b"\0" + b"{}      ", "not a model"),
    ]:
        changed.write_bytes(text)
        page.give(changed)
        page.until(lambda sentence=sentence: sentence in page.text("message"))
    bp.Network([4, 3, 3], seed=0, input_scale=True).save(changed)
    page.give(changed)
    page.until(lambda: "input_scale, which the page does not know" in page.text("message"))
    other = tmp_path / "other.safetensors"
    bp.Network([5, 3, 3], seed=0).save(other)
    page.give(other)
    page.until(lambda: "5 inputs" in page.text("message"))


def test_a_rate_that_is_too_large_is_told(page):
    page.open("#set=plane&activations=relu;relu&samples=100&rate=1e6&speed=most")
    page.click("play")
    page.until(lambda: "no longer finite" in page.text("message"))
    assert page.run("return document.getElementById('play').getAttribute('aria-label')") == "Train"


def test_the_page_of_a_table_and_its_model(browser, tmp_path):
    driver, downloads = browser
    table = tmp_path / "table.csv"
    table.write_text(CSV)
    model = bp.Model((5,), seed=3, dtype="float64").fit(
        bp.data.read_csv(table), "label", epochs=2, progress=False
    )
    model.save(tmp_path / "model.safetensors")
    out = tmp_path / "page.html"
    arguments = [str(table), "--model", str(tmp_path / "model.safetensors"), "--out", str(out)]
    assert main(["playground", *arguments]) == 0
    page = Page(driver, out, downloads).open()
    page.settled()
    net = model.networks[0]
    kept = bp.load(page.keep("keep-model", "playground.safetensors"))
    assert_same_bits(kept, net)
    assert page.errors() == []


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("width", [390, 900, 1440])
def test_every_width_shows_the_page_whole(page, theme, width):
    size = {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": width < 500}
    page.driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
    try:
        page.open(f"#theme={theme}&hidden=8,8")
        page.settled()
        assert page.run("return document.documentElement.scrollWidth") <= page.run(
            "return innerWidth"
        )
        assert page.run("return document.documentElement.dataset.theme") == theme
        background = page.run("return getComputedStyle(document.body).backgroundColor")
        assert (sum(map(int, background[4:-1].split(","))) > 380) == (theme == "light")
    finally:
        page.driver.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})


@pytest.mark.parametrize("lesson", ["neuron", "layers", "delta", "rate", "vanishing"])
def test_a_lesson_is_a_link(page, lesson):
    page.open(f"#lesson={lesson}")
    assert page.run("return document.querySelectorAll('#lesson li').length") == 4
    page.train(1)
    page.click("lesson-end")
    page.until(lambda: page.run("return document.getElementById('lesson').hidden"))
    page.click(f"lesson-{lesson}")
    page.until(lambda: page.run("return !document.getElementById('lesson').hidden"))


def test_keys_and_names_serve_everybody(page):
    page.open("#samples=60")
    page.run("document.activeElement.blur()")
    body = page.driver.find_element("tag name", "body")
    body.send_keys("s")
    page.wait_for_step(1)
    body.send_keys("h")
    page.until(lambda: page.text("phase"))
    body.send_keys(" ")
    page.until(lambda: page.number("fact-step") > 3)
    body.send_keys(" ")
    page.settled()
    unnamed = page.run(
        "return [...document.querySelectorAll('button, input, select, summary')]"
        ".filter(e => !e.hidden && !(e.textContent.trim() || e.ariaLabel || e.title"
        " || e.closest('label')?.textContent.trim())).map(e => e.outerHTML)"
    )
    assert unnamed == []
    assert page.run(
        "return document.querySelector('.neuron:not(:disabled)').getAttribute('aria-label')"
    ) == ("Neuron 1 of layer 1")


def test_nothing_leaves_the_page(page):
    page.open("#samples=60")
    page.train(2)
    assert page.requests() == set()
    policy = page.run("return document.querySelector('meta[http-equiv]').content")
    assert policy.startswith("default-src 'none'") and "connect-src 'none'" in policy
    failed = page.driver.execute_async_script(
        "fetch('https://example.org/').then(() => arguments[0](false), () => arguments[0](true))"
    )
    assert failed
    page.driver.get_log("browser")  # the refusal


HOST = """<!doctype html><body><script type="module">
const source = new Blob([%s], { type: "text/javascript" });
const { default: widget } = await import(URL.createObjectURL(source));
const values = { html: %s, height: 700, file: null };
const model = {
  get: (name) => values[name],
  set: (name, value) => { values[name] = value; },
  save_changes: () => {
    document.title = Array.from(new Uint8Array(values.file.buffer)).join(" ");
  },
};
widget.render({ model, el: document.body });
</script>
"""


def test_a_notebook_knows_the_network_as_it_stands(browser, tmp_path):
    pytest.importorskip("anywidget")
    driver, _ = browser
    data = bp.load_iris()
    net = bp.Network([4, 5, 3], "tanh", "softmax", "cross_entropy", seed=0)
    shown = bp.playground(data, net=net)
    assert shown.network is net
    assert "application/vnd.jupyter.widget-view+json" in str(shown._repr_mimebundle_())
    host = tmp_path / "host.html"
    texts = [json.dumps(text).replace("</", "<\\/") for text in (ESM, shown.widget.html)]
    host.write_text(HOST % tuple(texts))
    driver.get(host.as_uri())
    page = Page(driver, host, tmp_path)
    page.until(lambda: len(driver.title) > 1000)
    before = driver.title
    driver.switch_to.frame(driver.find_element("tag name", "iframe"))
    page.settled()
    page.choose("test", 0)
    page.settled()
    page.choose("batch", 30)
    page.choose("rate", 0.05)
    page.settled()
    page.click("epoch")
    page.wait_for_step(5)
    page.settled()
    driver.switch_to.default_content()
    page.until(lambda: driver.title != before)
    shown.widget.file = bytes(map(int, driver.title.split()))
    net.fit(data.X, data.y, epochs=1, batch_size=30, learning_rate=0.05, progress=False)
    page.until(lambda: shown.network.epochs_trained == 1 or reread(shown, driver))
    assert_same_bits(shown.network, net)


def reread(shown, driver):
    """Take the file that the page has sent last."""
    shown.widget.file = bytes(map(int, driver.title.split()))


def test_a_notebook_without_the_extra_shows_a_frame(compiled, monkeypatch):
    monkeypatch.setitem(sys.modules, "anywidget", None)
    shown = bp.playground()
    assert shown._repr_mimebundle_()["text/html"].startswith("<iframe srcdoc=")
    with pytest.raises(RuntimeError, match="anywidget"):
        _ = shown.network


def test_the_page_is_one_small_file(page_file):
    assert page_file.stat().st_size < 1.5e6


def names_in(line):
    """Return the names that a line of a script declares for the whole script."""
    words = re.findall(r"[\w$]+", line.removeprefix("async ").split("=")[0])
    if line.startswith(("const ", "let ")):
        return words[1:]
    return words[1:2] if line.startswith(("async ", "function ", "class ")) else []


def test_the_scripts_share_no_name():
    for entry in ("main.js", "worker.js"):
        order = []
        assembly.add(entry, order)
        lines = "\n".join(map(assembly.body, order)).splitlines()
        declared = [name for line in lines for name in names_in(line)]
        assert len(declared) > 5
        assert len(set(declared)) == len(declared)


def test_a_build_without_the_core_says_how_to_get_it(monkeypatch, tmp_path, capsys):
    monkeypatch.setattr(assembly, "core", assembly.core.__wrapped__)  # without its memory
    monkeypatch.setattr(assembly, "files", lambda package: tmp_path)
    shutil.copytree(PAGE, tmp_path / "page")
    assert main(["playground", "--out", str(tmp_path / "page.html")]) == 2
    sentence = capsys.readouterr().err
    assert sentence.count("\n") == 1
    assert "rustup target add wasm32-unknown-unknown" in sentence


def test_arguments_are_checked():
    with pytest.raises(TypeError, match="X must be given"):
        bp.playground(net=bp.Network([2, 1]))
    with pytest.raises(TypeError, match="y must be the targets"):
        bp.playground([[1.0]])
    data = bp.load_iris()
    with pytest.raises(ValueError, match="net must have 4 inputs"):
        bp.playground(data, net=bp.Network([2, 3]))
    with pytest.raises(ValueError, match="net must have no input_scale"):
        bp.playground(data, net=bp.Network([4, 3], input_scale=True))
    with pytest.raises(ValueError, match="net must have 3 outputs"):
        bp.playground(data, net=bp.Network([4, 2]))


def test_the_command_refuses_a_model_without_data(capsys):
    assert main(["playground", "--model", "net.safetensors"]) == 2
    assert "--model needs DATA" in capsys.readouterr().err
