"""A fuzzer of the readers of files: mutants of small good files, made with a known seed.

Whatever the bytes, a reader gives what it reads, or one sentence as a ValueError, in memory that
goes with the size of the file. Mutations know the format, so that what they make gets past the
first checks; an input with an outcome not met before joins those that are mutated.
`benches/fuzz_load.py` runs it for longer, `tests/corpus/` keeps its seeds and what it has found.
"""

import gzip
import io
import json
import re
import tracemalloc
import warnings
import zipfile
import zlib
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from random import Random

import backprop_rs as bp
import numpy as np

HERE = Path(__file__).parent
CORPUS = HERE / "corpus"
LARGEST = 20_000  # bytes of an input
MEMORY = (1 << 20, 300)  # bytes that reading may take, and as many for each byte of the file
NUMBERS = (0, 1, 2, 3, 7, 8, 127, 128, 255, 256, 65535, 2**31 - 1, 2**31, 2**32 - 1, 2**53, 2**63)
VALUES = (
    *(None, True, -1, 2**64, 10**30, -0.0, 1e308, float("nan"), "", "a", "relu", "float64", "F64"),
    *([], {}, [[]], [1, 2], {"a": 1}, "0" * 50, "\0", "\ud800", *NUMBERS),
)
CELLS = (
    *(
        "",
        " ",
        '"',
        '""',
        '"a',
        "a\nb",
        '"a\nb"',
        "1e999",
        "-inf",
        "nan",
        "NA",
        "1_000",
        "٣",
        "0x1",
    ),
    *("1e38", "4e38", "-0", ".", "+", "\ufeff", "\0", "\r", "ü", "a" * 300, "1" * 400, "#", "'"),
)
ENDS = (",", ";", "\t", "|", " ", "\n", "\r\n", "\n\n")


# Mutations: from a Random and bytes to bytes.


def any_bytes(random, data):
    """Change, insert, repeat, or remove some bytes; one to four times."""
    data = bytearray(data)
    for _ in range(random.randint(1, 4)):
        i = random.randrange(len(data) + 1)
        j = min(len(data), i + random.choice((1, 1, 2, 4, 8, 64)))
        action = random.randrange(5)
        if action == 0 and i < j:
            data[i] ^= 1 << random.randrange(8)
        elif action == 1:
            data[i:j] = random.choice(NUMBERS).to_bytes(8, random.choice(("little", "big")))[
                : j - i
            ]
        elif action == 2:
            data[i:i] = random.randbytes(random.choice((1, 2, 4, 8)))
        elif action == 3:
            data[i:i] = data[i:j] * random.choice((1, 2, 50))
        else:
            del data[i : random.choice((j, len(data)))]
    return bytes(data)


def tree(random, node):
    """A JSON value with one place changed."""
    if isinstance(node, (dict, list)) and node and random.random() < 0.85:
        key = random.choice(list(node) if isinstance(node, dict) else range(len(node)))
        twin = node.copy()
        action = random.randrange(10)
        if action == 0:
            del twin[key]
        elif action == 1 and isinstance(node, dict):
            twin[random.choice(list(node)) + random.choice(("", "x", "\0"))] = node[key]
        elif action == 1:
            twin.insert(key, node[key])
        else:
            twin[key] = tree(random, node[key])
        return twin
    if isinstance(node, int) and not isinstance(node, bool) and random.random() < 0.5:
        return node + random.choice((-1, 1, 8, -node, node))
    if isinstance(node, str) and node[:1] == "{" and random.random() < 0.9:
        return json.dumps(tree(random, json.loads(node)))
    return random.choice(VALUES)


def parts(data):
    """The header and the numbers of a safetensors file."""
    end = 8 + int.from_bytes(data[:8], "little")
    return json.loads(data[8:end]), data[end:]


def sign(header, numbers):
    """A header with the right checksum."""
    kept = header["__metadata__"]
    kept["sha256"] = sha256(kept["settings"].encode() + numbers).hexdigest()
    return header


def joined(header, numbers, off=0):
    """A file, with a length of its header that is right or off."""
    text = json.dumps(header).encode()
    return max(len(text) + off, 0).to_bytes(8, "little") + text + numbers


def safetensors(random, data):
    """Change the header, mostly with the right length and checksum."""
    try:
        header, numbers = parts(data)
        kept = header.get("__metadata__")
        if kept and random.random() < 0.4:
            kept["settings"] = json.dumps(tree(random, json.loads(kept["settings"])))
        else:
            header = tree(random, header)
        if random.random() < 0.2:
            numbers = any_bytes(random, numbers)
        if random.random() < 0.8 and "__metadata__" in header:
            header = sign(header, numbers)
        return joined(header, numbers, random.choice((1, -1, 8)) if random.random() < 0.05 else 0)
    except (ValueError, LookupError, AttributeError, TypeError):  # of a mutant before it
        return any_bytes(random, data)


def cells(random, data):
    """Change cells of a table, or what stands between them."""
    parts = re.split(rb"([,;\t|\n]+)", data)
    for _ in range(random.randint(1, 3)):
        i = random.randrange(len(parts))
        choice = random.choice(ENDS if i % 2 else CELLS)
        parts[i] = choice.encode() if random.random() < 0.9 else random.choice(parts)
    return b"".join(parts)


def idx(random, data):
    """Change the type, the number of axes, or a size."""
    if data[:2] == b"\x1f\x8b":
        try:
            return gzip.compress(idx(random, gzip.decompress(data)), mtime=0)
        except (OSError, EOFError, zlib.error):
            return any_bytes(random, data)
    data = bytearray(data.ljust(8, b"\0"))
    if random.random() < 0.4:
        data[2] = random.choice((8, 9, 11, 12, 13, 14, 0))
    if random.random() < 0.4:
        data[3] = random.choice((0, 1, 2, 3, 4, 60, 255))
    place = 4 * random.randint(1, max(1, data[3] % 5))
    data[place : place + 4] = random.choice(NUMBERS).to_bytes(8, "big")[-4:]
    return bytes(data)


def npz(random, data):
    """Change the header, the numbers or the name of an array; the archive stays sound."""
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as file:
            members = {name: file.read(name) for name in file.namelist()}
    except Exception:  # whatever zipfile says of a mutant
        return any_bytes(random, data)
    if not members:
        return any_bytes(random, data)
    name = random.choice(list(members))
    member, new = members.pop(name), name
    action = random.randrange(4)
    if action == 0:
        new = random.choice(
            ("x.npy", "y.npy", "X", "class_names.npy", "../x.npy", "feature_names.npy")
        )
    elif action == 1:
        member = any_bytes(random, member)
    else:
        member = npy(random, member)
    members[new] = member
    made = io.BytesIO()
    with zipfile.ZipFile(
        made, "w", random.choice((zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED))
    ) as file:
        for name, content in members.items():
            file.writestr(zipfile.ZipInfo(name), content)
    return made.getvalue()


def npy(random, data):
    """Change the type or the shape in a header."""
    text, end, numbers = data[10:].partition(b"\n")
    kind = random.choice(("<f8", "<f4", ">i2", "|b1", "<U3", "|O", "<c8", "<M8[s]", "|V4", "<f2"))
    sizes = random.choice(
        ("()", "(2,)", "(6, 2)", "(0, 3)", f"({random.choice(NUMBERS)},)", "(-1,)")
    )
    old, new = random.choice(((rb"'[<>|][^']*'", f"'{kind}'"), (rb"\([\d, ]*\)", sizes)))
    text = re.sub(old, new.encode(), text)
    return data[:8] + len(text + end).to_bytes(2, "little") + text + end + numbers


# What is fuzzed.


def used(net):
    """A network that was read can be used."""
    with np.errstate(all="ignore"):
        assert net.predict(np.zeros((2, net.sizes[0]))).shape == (2, net.sizes[-1])


def whole(dataset):
    """A data set that was read holds finite numbers."""
    assert len(dataset.X) == len(dataset) > 0 and np.isfinite(dataset.X).all()


@dataclass(frozen=True)
class Target:
    """A reader, what has to hold of what it gives, and the mutation that knows its format."""

    suffix: str
    read: Callable
    check: Callable
    mutate: Callable
    refusals: tuple = (ValueError,)
    seeds: tuple[str, ...] = ()  # patterns of further files, from the folder of the tests
    make: Callable | None = None  # writes a further one to a path

    def corpus(self, name):
        """The inputs to begin with, the same on every machine."""
        paths = [
            *(CORPUS / name).iterdir(),
            *(p for pattern in self.seeds for p in HERE.glob(pattern)),
        ]
        return [path.read_bytes() for path in sorted(paths)]


def model(path):
    return bp.Network.load(path, backend="numpy")


def fit(**settings):
    """A short training, to write a checkpoint or to go on from one."""
    net = bp.Network([2, 2], output="softmax", cost="cross_entropy", seed=0, backend="numpy")
    same = {"batch_size": 2, "learning_rate": 0.1, "schedule": "constant", "progress": False}
    net.fit(np.eye(4)[:, :2], [0, 1, 0, 1], 2, optimizer="adam", **same, **settings)
    return net


def checkpoint(path):
    """A file that is the same each time: without the seconds that the training took."""
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
    """One target, from a seed; `findings` are the inputs that did what no input may."""

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
        for data in self.seeds:  # the modules that reading needs are not its memory
            self.path.write_bytes(data)
            with suppress(*self.target.refusals):
                self.target.check(self.target.read(self.path))

    def run(self, inputs):
        """Try so many mutants."""
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
        """What became of an input: its sentence without names and numbers, or "read"."""
        self.tried += 1
        self.path.write_bytes(data)
        fixed, each = MEMORY
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            tracemalloc.start()
            try:
                found = self.target.read(self.path)
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
        self.target.check(found)
        return "read"
