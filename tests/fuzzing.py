"""A fuzzer for the file readers: mutants of small valid files, made from a known seed.

For any bytes, a reader returns what it has read or raises ValueError with one sentence, in memory
in proportion to the size of the file. Mutations know the format, so that mutants pass the first
checks. An input with a new outcome joins those that are mutated.

`tools/fuzz.py` runs it for longer. `tests/corpus/` has its seeds and earlier findings.
"""

import json
import re
import tracemalloc
import warnings
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

import backprop_rs as bp
import numpy as np
from mutations import any_bytes, cells, idx, joined, npz, parts, safetensors, sign

HERE = Path(__file__).parent
CORPUS = HERE / "corpus"
TOLD = (
    "(.|\n)*is left out: it looks like",
    "(.|\n)*that differ by little",
    "the target (.|\n)* is missing in",
)  # of valid files too
LARGEST = 20_000  # bytes of an input
MEMORY = (1 << 20, 300)  # bytes that reading may take, plus as many per byte of the file


def used(net):
    """Check that a network that was read can be used."""
    with np.errstate(all="ignore"):
        assert net.predict(np.zeros((2, net.sizes[0]))).shape == (2, net.sizes[-1])


def whole(dataset):
    """Check that a data set that was read holds finite numbers."""
    assert len(dataset.X) == len(dataset) > 0 and np.isfinite(dataset.X).all()


@dataclass(frozen=True)
class Target:
    """A reader, the check of its result, and the mutation that knows its format."""

    suffix: str
    read: Callable
    check: Callable
    mutate: Callable
    refusals: tuple = (ValueError,)
    seeds: tuple[str, ...] = ()  # patterns of further files, from the folder of the tests
    make: Callable | None = None  # writes a further one to a path

    def corpus(self, name):
        """Return the first inputs, the same on every machine."""
        paths = [
            *(CORPUS / name).iterdir(),
            *(p for pattern in self.seeds for p in HERE.glob(pattern)),
        ]
        return [path.read_bytes() for path in sorted(paths)]


def model(path):
    return bp.Network.load(path, backend="numpy")


def fit(**settings):
    """Train for a short time, to write a checkpoint or to resume from one."""
    net = bp.Network([2, 2], output="softmax", cost="cross_entropy", seed=0, backend="numpy")
    same = {"batch_size": 2, "learning_rate": 0.1, "schedule": "constant", "progress": False}
    net.fit(np.eye(4)[:, :2], [0, 1, 0, 1], 2, optimizer="adam", **same, **settings)
    return net


def checkpoint(path):
    """Write a checkpoint that is the same each time, without the seconds of the training."""
    fit(checkpoint=path)
    header, numbers = parts(path.read_bytes())
    settings = json.loads(header["__metadata__"]["settings"])
    settings["history"]["seconds"] = [0.0 for _ in settings["history"]["seconds"]]
    header["__metadata__"]["settings"] = json.dumps(settings)
    path.write_bytes(joined(sign(header, numbers), numbers))


def state_dict(path):
    return bp.Network.from_state_dict(path, "tanh", backend="numpy")


TARGETS = {
    "model": Target(".safetensors", model, used, safetensors, seeds=("models/*.safetensors",)),
    "checkpoint": Target(
        ".safetensors", lambda path: fit(resume=path), used, safetensors, make=checkpoint
    ),
    "state_dict": Target(".safetensors", state_dict, used, safetensors),
    "csv": Target(".csv", bp.data.load_csv, whole, cells),
    "idx": Target("-idx", bp.data.load_idx, whole, idx),
    "npz": Target(".npz", bp.data.load_npz, whole, npz, (ValueError, TypeError)),
}


@dataclass
class Fuzzer:
    """A run on one target, from a seed; `findings` are the inputs that break the rules."""

    name: str
    folder: Path
    seed: int = 0
    tried: int = 0
    outcomes: dict[str, int] = field(default_factory=dict)
    findings: dict[bytes, str] = field(default_factory=dict)

    def __post_init__(self):
        self.target = TARGETS[self.name]
        self.random = Random(f"{self.name} {self.seed}")
        self.path = self.folder / f"input{self.target.suffix}"
        self.seeds, self.pool = self.target.corpus(self.name), []
        if self.target.make is not None:
            self.target.make(self.path)
            self.seeds.append(self.path.read_bytes())
        for data in self.seeds:  # the modules that a reader imports do not count as its memory
            self.path.write_bytes(data)
            with suppress(*self.target.refusals):
                self.target.check(self.target.read(self.path))

    def run(self, inputs):
        """Try `count` mutants."""
        for _ in range(inputs):
            fresh = not self.pool or self.random.random() < 0.6
            data = self.random.choice(self.seeds if fresh else self.pool)
            mutate = any_bytes if self.random.random() < 0.2 else self.target.mutate
            for _ in range(self.random.choice((1, 1, 1, 2, 3))):
                data = mutate(self.random, data)
            self.attempt(data[:LARGEST])

    def attempt(self, data):
        try:
            outcome = self.outcome(data)
        except Exception as error:  # that is what is looked for
            self.findings.setdefault(data, f"{type(error).__name__}: {error}")
            return
        if outcome not in self.outcomes:
            self.pool.append(data)
        self.outcomes[outcome] = self.outcomes.get(outcome, 0) + 1

    def outcome(self, data):
        """Return the error message without names and numbers, or "read"."""
        self.tried += 1
        self.path.write_bytes(data)
        fixed, each = MEMORY
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            for message in TOLD:
                warnings.filterwarnings("ignore", message, UserWarning)
            tracemalloc.start()
            try:
                result = self.target.read(self.path)
            except self.target.refusals as error:
                sentence = str(error)
                assert type(error) is not TypeError or " must " in sentence, f"TypeError: {error}"
                assert "\n" not in sentence and len(sentence) < 2000, f"not a sentence: {error}"
                sentence = sentence.replace(str(self.path), "PATH")
                return re.sub(r"'[^']*'|\"[^\"]*\"|b'.*'|0x[0-9a-f]+|[-+]?[\d.,]+", "#", sentence)[
                    :80
                ]
            finally:
                peak = tracemalloc.get_traced_memory()[1]
                tracemalloc.stop()
                assert peak < fixed + each * len(data), f"{peak} bytes for {len(data)} bytes"
        self.target.check(result)
        return "read"
