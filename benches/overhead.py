"""Measure the overhead: the loop of fit, the import, the size of the wheel.

fit is timed on 1,000 epochs of Iris-sized data (150 rows, 4-16-3, batches of 10) beside its steps
alone: one call of the core, rows in file order. The wheel is built again.
"""

import subprocess
import sys
import tempfile
from pathlib import Path
from time import perf_counter

import numpy as np

EPOCHS, BATCH, RATE = 1_000, 10, 0.1
IMPORT = """
from time import perf_counter
import numpy
start = perf_counter()
import {module}
print(perf_counter() - start)
"""


def best(function, repeat=7):
    """Return the least seconds of several calls."""
    seconds = []
    for _ in range(repeat):
        start = perf_counter()
        function()
        seconds.append(perf_counter() - start)
    return min(seconds)


def fit_and_steps():
    """Return the seconds of fit and of its steps alone."""
    import backprop_rs
    from backprop_rs import _core

    iris = backprop_rs.data.load_iris()
    X, y = np.ascontiguousarray(iris.X, np.float32), np.asarray(iris.y, np.int64)
    net = backprop_rs.Network([4, 16, 3], seed=0)
    settings = {"batch_size": BATCH, "learning_rate": RATE}
    core = _core.Network([4, 16, 3], ["sigmoid", "sigmoid"], "squared_error", "float32")
    core.initialize("auto", 0)
    core.set_optimizer("sgd")
    plain = {
        **{"schedule": "constant", "schedule_from": 0, "schedule_epochs": EPOCHS, "seed": 0},
        **{"shuffle": False, "clip_value": None, "clip_norm": None, "average": None},
        **{"input_noise": 0.0, "check_finite": True, "stop_epoch": EPOCHS, "budget": 1e9},
    }

    fit = best(lambda: net.fit(X, y, EPOCHS, progress=False, **settings))
    steps = best(lambda: core.train(X, y, plain | settings, (0, 0, 0.0, 0.0)))
    return fit, steps


def import_seconds(module, repeat=15):
    """Return the least seconds to import a module after NumPy, each time in a new process."""
    command = [sys.executable, "-c", IMPORT.format(module=module)]
    runs = [subprocess.check_output(command, text=True) for _ in range(repeat)]
    return min(float(run) for run in runs)


def wheel_size():
    """Return the bytes of the wheel."""
    project = Path(__file__).parent.parent
    with tempfile.TemporaryDirectory() as folder:
        pip = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps"]
        subprocess.run([*pip, "--wheel-dir", folder, project], check=True)
        return sum(wheel.stat().st_size for wheel in Path(folder).glob("*.whl"))


def show(name, value, unit, most=None):
    limit = "" if most is None else f"  (at most {most}{', missed' * (value > most)})"
    print(f"{name:32}{value:9.2f} {unit:2}{limit}", flush=True)


def main():
    fit, steps = fit_and_steps()
    show(f"fit, {EPOCHS} epochs of Iris", fit * 1e3, "ms")
    show("its steps alone", steps * 1e3, "ms")
    show("ratio", fit / steps, "", most=1.3)
    show("import backprop_rs after numpy", import_seconds("backprop_rs") * 1e3, "ms", most=10)
    show("wheel", wheel_size() / 1e6, "MB", most=3)


if __name__ == "__main__":
    main()
