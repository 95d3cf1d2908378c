"""Training on many ranks: the same bits as in one process, and the end of a job."""

from __future__ import annotations

import functools
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import backprop_rs as bp
import numpy as np
import pytest
from backprop_rs.distributed.sharding import SHARD, partition, tree_sum
from backprop_rs.training.pairwise_sum import ShardTree

PROGRAM = Path(__file__).parent / "ranks.py"
sys.path.append(str(PROGRAM.parent))


def launcher() -> list[str] | None:
    """Return the command that starts ranks on this machine, or None."""
    beside = Path(sys.executable).parent / "mpiexec"
    command = str(beside) if beside.exists() else shutil.which("mpiexec")
    if command is None:
        return None
    about = subprocess.run([command, "--version"], capture_output=True, text=True, timeout=60)
    more = ["--oversubscribe", "--allow-run-as-root"] if "MPICH" not in about.stdout else []
    if "HYDRA" in about.stdout:
        more = []
    return [command, *more]


try:
    import mpi4py  # noqa: F401

    MPIEXEC = launcher()
except ImportError:
    MPIEXEC = None

full = functools.partial(pytest.param, marks=pytest.mark.full)
mpi = pytest.mark.skipif(MPIEXEC is None, reason="mpi4py or mpiexec is not installed")


def job(ranks: int, *command: str, **more: str) -> subprocess.CompletedProcess[str]:
    """Run a program of Python on some ranks."""
    assert MPIEXEC is not None
    package = str(Path(bp.__file__).parents[1])
    environment = os.environ | {"OMP_NUM_THREADS": "1", "PYTHONPATH": package} | more
    return subprocess.run(
        [*MPIEXEC, "-n", str(ranks), sys.executable, *command],
        capture_output=True, text=True, timeout=300, env=environment,
    )  # fmt: skip


def answer(ranks: int, task: str, *arguments: str) -> Any:
    """Return what rank 0 prints after a task of `ranks.py`."""
    done = job(ranks, str(PROGRAM), task, *arguments)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


# The shares of a batch.


@pytest.mark.parametrize("ranks", [1, 2, 3, 4, 5, 7, 16])
@pytest.mark.parametrize("m", [1, 255, 256, 257, 1024, 1500, 2048, 5000])
def test_the_nodes_of_all_ranks_add_up_like_the_tree_of_one(ranks: int, m: int) -> None:
    numbers = 1 / np.arange(3.0, m + 3.0)
    batch = partition(m, ranks, "exact")
    sums = []
    for (first, last), parts in zip(batch.rows, batch.parts, strict=True):
        assert sum(parts) == last - first
        for rows in parts:
            tree = ShardTree()
            tree.add(numbers[first : first + rows])
            sums.append(tree.total())
            first += rows
    whole = ShardTree()
    whole.add(numbers)
    assert tree_sum(batch.nodes, sums) == whole.total()


@pytest.mark.parametrize("reduction", ["exact", "fast"])
@pytest.mark.parametrize(("m", "ranks"), [(1, 3), (700, 3), (4096, 4), (5000, 7)])
def test_every_row_belongs_to_one_rank(m: int, ranks: int, reduction: str) -> None:
    rows = partition(m, ranks, reduction).rows
    assert [row for first, last in rows for row in range(first, last)] == list(range(m))
    if reduction == "exact":
        assert all(first % SHARD == 0 for first, last in rows if first < last)


# A step in two parts.


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_sums_of_parts_and_their_update_are_a_step(backend: str, dtype: str) -> None:
    from ranks import X, Y, network

    m = 1500
    batch = partition(m, 3, "exact")
    whole, parts = (network(dtype=dtype, backend=backend) for _ in range(2))
    x = X[:m].astype(dtype)
    settings = {"batch_size": m, "learning_rate": 0.1, "stop_epoch": 1, "budget": np.inf}
    settings |= {"clip_norm": 0.5}
    (cost,), *_ = whole._core.train(x, Y[:m], settings, (0, 0, 0.0, 0.0))
    sums: list[Any] = []
    layers: dict[int, list[Any]] = {0: [], 1: []}
    for (first, last), rows in zip(batch.rows, batch.parts, strict=True):
        order: list[int] = []

        def ready(layer: int, sums: Any, order: list[int] = order) -> None:
            order.append(layer)
            layers[layer] += list(sums)

        sums += parts._core.sum_gradient(
            x[first:last], Y[first:last], settings, (0, 0), 1, rows, ready, None
        )
        assert order == [1, 0]  # the last layer first
    gradient = [tree_sum(batch.nodes, layers[layer]) for layer in (0, 1)]
    assert [len(one) for one in gradient] == parts._core.sum_lengths()
    costs, weights = (tree_sum(batch.nodes, [one[i] for one in sums]) for i in (0, 1))
    applied = parts._core.apply_gradient(gradient, (costs, weights, m), settings, (0, 0), 1)
    arrays = zip(whole.weights + whole.biases, parts.weights + parts.biases, strict=True)
    if backend == "rust":
        assert applied == (costs, m) and costs / m == cost
        assert all((one == other).all() for one, other in arrays)
        return
    # NumPy adds in another order: m terms of rounding.
    for one, other in arrays:
        np.testing.assert_allclose(one, other, atol=m * np.finfo(dtype).eps)


# On ranks.


@pytest.fixture(scope="module")
def alone() -> Any:
    """Return the result of one process without MPI."""
    from ranks import trainings

    return json.loads(json.dumps(trainings(None)))


@mpi
@pytest.mark.parametrize("ranks", [full(1), 2, 3, full(4), 7])
def test_the_bits_of_one_process_for_any_number_of_ranks(ranks: int, alone: Any) -> None:
    together = answer(ranks, "trainings")
    assert together.keys() == alone.keys()
    for name, outcome in alone.items():
        assert together[name] == outcome, name


@mpi
def test_the_fast_reduction_agrees_to_rounding() -> None:
    from ranks import fast

    one, many = fast(None), answer(3, "fast")
    # Each of 6 steps adds 2,000 terms in another order.
    np.testing.assert_allclose(many, one, atol=6 * 2000 * 2.0**-24)


@mpi
def test_ranks_that_differ_are_refused_with_what_differs() -> None:
    sentences = answer(2, "differences")
    expected = {
        "learning_rate": "learning_rate is 0.1 on rank 0 and 0.2 on rank 1",
        "seed": "seed is 3 on rank 0 and 4 on rank 1",
        "features": "the number of features is 12 on rank 0 and 11 on rank 1",
        "parameters": "the hash of the parameters is",
        "version": "the version of backprop_rs is",
        "nan": "rank 1: X must hold finite float32 numbers; got nan in row 0, column 0",
        "sizes": "sizes is [12, 9, 3] on rank 0 and [12, 8, 3] on rank 1",
    }
    assert sentences.keys() == expected.keys()
    for name, sentence in expected.items():
        assert sentence in sentences[name], name


TOGETHER = {  # how all ranks end, and after how many epochs
    "stop in on_step_end": ("callback", 0),
    "stop in on_step_end, there alone": ("callback", 0),
    "stop in on_epoch_end": ("callback", 1),
    "stop in on_epoch_end, there alone": ("callback", 1),
    "interrupt in a callback": ("interrupted", 1),
    "interrupt in a step": ("interrupted", 0),
    "another rate": ("epochs", 4),
    "scores that differ": ("early_stopping", 2),
    "early stopping": ("early_stopping", 2),
    "nan, stopped": ("nan", 0),
    "health": ("epochs", 4),
    "health there alone": ("epochs", 4),
    "all is well": ("epochs", 4),
    "values": ("epochs", 4),
}

DISK = ("OSError", "OSError", "the disk is gone")
VALUES = "class_weight requires targets that are classes; got values"
ROW = "X must have at least one row; got shape (0, 12)"
RATE = "learning_rate must be a finite number >= 0; got -1"
ALONE = {  # of the last rank: the type, the type that others catch, the message
    "failure in on_fit_begin": DISK,
    "failure in on_epoch_begin": DISK,
    "failure in on_step_end": DISK,
    "failure in on_epoch_end": DISK,
    "failure in on_fit_end": DISK,
    "failure, there alone": DISK,
    "exit in a callback": ("SystemExit", "RuntimeError", "3"),
    "a bad rate": ("ValueError", "ValueError", RATE),
    "a metric": ("ZeroDivisionError", "ZeroDivisionError", "no such score"),
    "reduction": ("ValueError", "ValueError", "reduction must be one of exact, fast; got 'quick'"),
    "no rows": ("ValueError", "ValueError", ROW),
    "failure in a step": ("ArithmeticError", "ArithmeticError", "an activation of one's own"),
    "failure in an update": ("MemoryError", "MemoryError", "no room for an update"),
    "failure of a source": ("OSError", "OSError", "the file cannot be read"),
}

EVERYWHERE = {  # the exception of each rank, and a part of its message
    "everywhere": ("OSError", "the disk is gone"),
    "nan": ("NonFiniteCost", "the cost is no longer finite in epoch 1"),
    "validation there alone": ("RanksDiffer", "the validation data is 'not given' on rank 0 and"),
    "other validation": ("RanksDiffer", "the validation data is"),
    "balanced there alone": ("RanksDiffer", "class_weight is None on rank 0 and 'balanced'"),
    "other class weights": ("RanksDiffer", "class_weight is [('0', 2.0)] on rank 0 and"),
    "sample weights": ("RanksDiffer", "sample_weight is 'not given' on rank 0 and 'given'"),
    "a source there alone": ("RanksDiffer", "X is 'an array' on rank 0 and 'a source'"),
    "accuracy of values": ("ValueError", "metric 'accuracy' must have classes as targets"),
    "balanced values": ("ValueError", VALUES),
}


@mpi
def test_a_failed_training_keeps_the_names_of_a_frame_and_a_refused_one_does_not() -> None:
    """As in one process."""
    pytest.importorskip("pandas")
    for names in answer(2, "frame_names"):
        assert names == [None, [f"x{i}" for i in range(12)]]


@mpi
@pytest.mark.parametrize("ranks", [2, 3])
def test_a_stop_or_failure_of_one_rank_ends_all_alike(ranks: int) -> None:
    each = answer(ranks, "endings")
    *others, last = each
    first_with_values = 1  # the rows of rank 0 are all 1
    expected = TOGETHER.keys() | ALONE.keys() | EVERYWHERE.keys() | {"weighted values"}
    assert all(one.keys() == expected for one in each)
    for name, end in TOGETHER.items():
        assert all(one[name] == last[name] for one in others), name
        assert (last[name]["stopped"], last[name]["epochs"]) == end, name
        assert last[name]["epochs_trained"] == end[1], name
    for name, (kind, base, sentence) in ALONE.items():
        assert last[name] == {"raised": kind, "builtins": last[name]["builtins"], "says": sentence}
        said = sentence if kind == "ValueError" else f"{kind}: {sentence}"
        for one in others:
            assert one[name]["raised"] == "RankFailed", name
            assert base in one[name]["builtins"], name
            assert one[name]["says"] == f"rank {ranks - 1}: {said}", name
    for name, (kind, sentence) in EVERYWHERE.items():
        for one in each:
            assert one[name]["raised"] == kind, name
            assert sentence in one[name]["says"], name
            assert "ValueError" in one[name]["builtins"] or kind == "OSError", name
    for rank, one in enumerate(each):
        where = "" if rank >= first_with_values else f"rank {first_with_values}: "
        assert one["weighted values"]["says"] == where + VALUES


@mpi
def test_a_metric_of_values_is_that_of_one_process() -> None:
    """All rows decide if targets are classes, not the rows of one rank."""
    from ranks import X, metrics_of_values

    one = json.loads(json.dumps(metrics_of_values(None)))
    assert answer(3, "metrics_of_values") == one
    assert len(X) == 3000


@mpi
def test_a_rank_that_fails_ends_the_job_if_the_others_do_not_hear() -> None:
    done = job(3, str(PROGRAM), "deaf")
    assert done.returncode != 0
    assert "rank 1 of 3 ends the job: OSError: the disk of rank 1 is gone" in done.stderr


@mpi
def test_a_handler_of_sigterm_that_leaves_ends_all_ranks() -> None:
    failed = "RankFailed: rank 1: SystemExit: terminated"
    assert answer(3, "terminated") == [failed, "SystemExit: terminated", failed]


@mpi
def test_networks_without_a_seed_take_that_of_rank_0() -> None:
    each = answer(3, "unseeded")
    for one in each:
        for name in ("plain", "dropout"):
            together, alone = one[name]
            assert together == alone == each[0][name][1], name  # the bits of rank 0 alone
        sentence, unchanged = one["refused"]
        assert "learning_rate is 0.1 on rank 0 and 1.1 on rank 1" in sentence
        assert unchanged
        assert "and 4 on rank 1" in one["a seed elsewhere"]
        assert one["a seed on rank 0"] == each[0]["a seed on rank 0"]
    assert each[0]["a seed on rank 0"][0] == 5


@mpi
def test_checkpoints_fail_on_all_ranks_alike(tmp_path: Path) -> None:
    each = answer(3, "checkpoints", str(tmp_path))
    for rank, one in enumerate(each):
        where = "RankFailed: rank 0: " if rank else ""
        assert one["no folder"].startswith(f"{where}FileNotFoundError: ")
        assert one["written"] == "epochs"
        assert "the checkpoint to resume from is 'of epoch 2, step 0, with" in one["resumed"]
        assert one["resumed"].endswith("and 'none' on rank 1")


@mpi
def test_after_sigkill_of_a_rank_a_restart_gives_the_same_bits(tmp_path: Path) -> None:
    path = str(tmp_path / "run.checkpoint")
    killed = job(3, str(PROGRAM), "killed", path)
    assert killed.returncode != 0
    assert "signal 9" in killed.stderr.lower() or "killed" in killed.stderr.lower()
    assert Path(path).exists()
    whole, resumed = answer(1, "resumed", str(tmp_path / "other")), answer(2, "resumed", path)
    assert whole == resumed


@mpi
def test_the_command_trains_on_all_ranks_and_prints_once(tmp_path: Path) -> None:
    command = ["-m", "backprop_rs", "train", "digits", "--epochs", "3", "--batch-size", "600"]
    command.append("--no-progress")
    models, texts = [], []
    for ranks in (1, 3):
        models.append(tmp_path / f"{ranks}.safetensors")
        done = job(ranks, *command, "--out", str(models[-1]))
        assert done.returncode == 0, done.stderr
        lines = done.stdout.splitlines()
        texts.append([line for line in lines if not line.startswith(("trained in", "saved to"))])
    assert texts[0] == texts[1]
    one, other = (bp.Network.load(path) for path in models)
    assert all((a == b).all() for a, b in zip(one.weights, other.weights, strict=True))


def jobs(*programs: tuple[str, ...]) -> subprocess.CompletedProcess[str]:
    """Run another command of backprop-rs on each rank."""
    assert MPIEXEC is not None
    command = list(MPIEXEC)
    for i, arguments in enumerate(programs):
        command += [":"] * (i > 0)
        command += ["-n", "1", sys.executable, "-m", "backprop_rs", *arguments]
    package = str(Path(bp.__file__).parents[1])
    environment = os.environ | {"OMP_NUM_THREADS": "1", "PYTHONPATH": package}
    return subprocess.run(command, capture_output=True, text=True, timeout=60, env=environment)


TRAIN = ("train", "digits", "--epochs", "1", "--no-progress", "--batch-size", "600")


@mpi
@pytest.mark.parametrize(
    ("other", "sentence"),
    [
        (("--hidden", "0"), "rank 1: --hidden must be sizes >= 1"),
        (("--learning-rate", "9"), "all ranks must train alike; learning_rate is 0.1 on rank 0"),
    ],
)
def test_a_command_that_differs_on_a_rank_is_refused_in_one_line(
    other: tuple[str, ...], sentence: str
) -> None:
    done = jobs((*TRAIN, "--learning-rate", "0.1"), (*TRAIN, "--learning-rate", "0.1", *other))
    assert done.returncode == 2
    assert done.stderr.count("backprop-rs: ") == 1
    assert sentence in done.stderr
    assert "Traceback" not in done.stderr


@mpi
def test_a_wrong_argument_is_reported_once() -> None:
    done = job(2, "-m", "backprop_rs", "train", "digits", "--hidden", "0")
    assert done.returncode == 2
    assert done.stderr.count("backprop-rs: --hidden must be") == 1


@mpi
def test_a_table_is_trained_as_in_one_process(tmp_path: Path) -> None:
    """The parts of a stream are shared by the ranks, with the bits of one process."""
    rows = (f"{k * 37 % 101},{'abc'[k * k % 3]},{'xy'[k % 2]}" for k in range(300))
    (tmp_path / "t.csv").write_text("number,level,kind\n" + "\n".join(rows) + "\n")
    train = ("-m", "backprop_rs", "train", str(tmp_path / "t.csv"), "--epochs", "3", "--mpi")
    weights = []
    for n in (1, 3):
        done = job(n, *train, "--no-progress", "--out", str(tmp_path / f"m{n}"))
        assert done.returncode == 0 and done.stdout.count("240 rows to train") == 1, done.stderr
        model = bp.load(tmp_path / f"m{n}")
        assert isinstance(model, bp.Model)
        weights.append([w.tolist() for w in model.networks[0].weights])
    assert weights[0] == weights[1]


def test_other_objects_than_communicators_are_refused() -> None:
    with pytest.raises(TypeError, match="comm must be a communicator of mpi4py"):
        bp.Network([1, 1]).fit([[0.0]], [0.0], comm=3)
