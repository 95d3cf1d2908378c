"""The web service of docs/guide/service.md: one process and several, asked by many threads."""

import json
import re
import socket
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from http.client import HTTPConnection
from pathlib import Path

import backprop_rs as bp
import pytest

if sys.platform == "win32":
    pytest.skip("uvicorn takes no socket on Windows", allow_module_level=True)
pytest.importorskip("fastapi")
pytest.importorskip("uvicorn")

PROJECT = Path(__file__).parent.parent
FOLDER = PROJECT / "examples" / "service"
SECONDS = 60  # until a server answers, on a busy machine


@pytest.fixture(scope="module")
def model():
    table = {
        "size": [20, 35, None, 80, 100, 120, 45, 60] * 10,
        "city": ["Bonn", "Ulm", "Köln", "Ulm", "Bonn", "Köln", None, "Ulm"] * 10,
        "rent": [250.5, 400.0, 650.0, 900.5, 1200.0, 1500.0, 500.0, 640.0] * 10,
    }
    return bp.Model((8,), seed=0).fit(table, "rent", epochs=30, progress=False)


@pytest.fixture(scope="module")
def path(model, tmp_path_factory):
    path = tmp_path_factory.mktemp("service") / "rents.safetensors"
    model.save(path)
    return path


@pytest.fixture(scope="module", params=[1, 2], ids=["one process", "two processes"])
def port(request, path):
    """Return the port of a running service."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port = listener.getsockname()[1]
    command = [sys.executable, str(FOLDER / "serve.py"), str(path)]
    command += ["--port", str(port), "--workers", str(request.param)]
    with subprocess.Popen(command) as server:
        try:
            wait_for(port, server)
            yield port
        finally:
            server.terminate()


def wait_for(port, server):
    end = time.monotonic() + SECONDS
    while True:
        try:
            assert ask(port, "GET", "/health")[0] == 200
            return
        except OSError:
            assert server.poll() is None and time.monotonic() < end
            time.sleep(0.05)


def ask(port, method, address, body=None):
    connection = HTTPConnection("127.0.0.1", port, timeout=SECONDS)
    try:
        headers = {"content-type": "application/json"}
        connection.request(method, address, json.dumps(body), headers)
        answer = connection.getresponse()
        return answer.status, json.loads(answer.read())
    finally:
        connection.close()


def test_answers_of_many_threads_have_the_bits_of_predict(model, port):
    rows = [{"city": city, "size": size} for city in ("Bonn", "Ulm", None) for size in (None, 55)]
    expected = model.predict(rows).tolist()
    requests = [[row] for row in rows] * 10 + [rows] * 4
    with ThreadPoolExecutor(16) as pool:
        answers = list(
            pool.map(lambda rows: ask(port, "POST", "/predict", {"rows": rows}), requests)
        )
    assert [status for status, _ in answers] == [200] * len(requests)
    singles = [answer["answers"][0] for _, answer in answers[:-4]]
    assert singles == expected * 10
    assert [answer["answers"] for _, answer in answers[-4:]] == [expected] * 4


@pytest.mark.parametrize(
    ("rows", "sentence"),
    [
        ([{"size": 50}], "it lacks 'city'"),
        ([{"size": "large", "city": "Bonn"}], "column 'size' must hold numbers"),
        ([], "at least 1 item"),
    ],
)
def test_wrong_rows_get_a_sentence(port, rows, sentence):
    status, answer = ask(port, "POST", "/predict", {"rows": rows})
    assert status == 422
    assert sentence in json.dumps(answer)


def test_answers_are_not_held_back(port):
    """Without TCP_NODELAY each answer takes 40 ms more, on any machine."""
    connection = HTTPConnection("127.0.0.1", port, timeout=SECONDS)
    times = []
    for _ in range(10):
        begin = time.perf_counter()
        connection.request("GET", "/health")
        connection.getresponse().read()
        times.append(time.perf_counter() - begin)
    connection.close()
    assert min(times) < 0.03


def test_health_names_what_is_served(model, port):
    status, answer = ask(port, "GET", "/health")
    assert status == 200 and answer["training"] == model.info


def test_the_page_shows_the_service():
    """The statements of the page, without the docstrings and /health, are those of the file."""
    page = (PROJECT / "docs" / "guide" / "service.md").read_text("utf-8")
    shown = re.search(r"^```python\n(.*?)^```", page, re.M | re.S)[1].splitlines()
    program = (FOLDER / "app.py").read_text("utf-8")
    for line in filter(None, shown):
        assert line.split("  #")[0] in program
