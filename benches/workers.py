"""Processes that time one library each, pinned alike, one at a time.

Each library runs in a separate process, on the same cores and with the same number of threads.
The parent asks them in turn, so that other load on the machine affects all of them.
"""

import importlib.metadata
import json
import os
import subprocess
import sys
from time import perf_counter, sleep

from cases import Case, Problem

ENOUGH = 0.1  # seconds of a run, for libraries that can train a part of an epoch
SETTLE = 0.1  # seconds until the threads of the library before are asleep
THREAD_VARIABLES = (
    "OMP_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "MKL_NUM_THREADS",
    "BACKPROP_RS_NUM_THREADS",
)


def task(name):
    """Return the case reader and the peers of a task; import them after pinning the cores."""
    if name == "train":
        from trainers import TRAINERS

        return Case, TRAINERS
    if name == "predict":
        from predictors import PREDICTORS

        return Case, PREDICTORS
    from rows import Row
    from rules import ROW_TRAINERS

    return Row, ROW_TRAINERS


class Worker:
    """A worker process, as its parent sees it."""

    def __init__(self, task, peer, dtype, threads, order="shuffled"):
        command = [sys.executable, __file__, task, peer, dtype, str(threads), order]
        variables = dict.fromkeys(THREAD_VARIABLES, str(threads))
        self.process = subprocess.Popen(
            command,
            env={**os.environ, **variables},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def ask(self, *words):
        """Return the reply, or None if the library failed (its error is on the terminal)."""
        try:
            print(*words, file=self.process.stdin, flush=True)
            reply = self.process.stdout.readline()
        except BrokenPipeError:
            return None
        return json.loads(reply) if reply else None

    def close(self):
        self.process.stdin.close()
        self.process.wait()


class Child:
    """The child process: one method for each request."""

    def __init__(self, name, peer, dtype, threads, order):
        self.case, peers = task(name)
        self.kind = peers[peer]
        self.dtype, self.threads, self.order = dtype, int(threads), order

    def prepare(self, name):
        """Prepare data, network and warm-up, outside the timing."""
        self.trainer = None  # frees the last one first
        case = self.case.parse(name)
        problem = self.kind.problem(case, self.dtype)
        self.trainer = self.kind(case, problem, self.order, self.threads)
        limit = self.kind.limit(case)
        self.steps = limit if self.kind.whole else min(3, limit)
        seconds = self.seconds()
        if not self.kind.whole:
            step = min(seconds, self.seconds()) / self.steps
            self.steps = max(1, min(limit, round(ENOUGH / step)))
        return self.steps

    def measure(self):
        """Return the microseconds per step."""
        sleep(SETTLE)
        return self.seconds() / self.steps * 1e6

    def seconds(self):
        start = perf_counter()
        times = self.trainer.run_for_the_clock(self.steps)
        return (perf_counter() - start) / times

    def costs(self, name, steps):
        """Return the costs of two epochs of a few steps each, in file order."""
        self.trainer = None
        case = self.case.parse(name)
        problem = Problem.of(case, self.dtype, int(steps))
        trainer, costs = self.kind(case, problem, "file", self.threads), []
        for _ in range(2):
            trainer.run(int(steps))
            costs.append(trainer.cost_of_epoch())
        return costs

    def version(self):
        names = {"sklearn": "scikit-learn", "backprop_rs": "backprop-rs"}
        return importlib.metadata.version(names.get(self.kind.module, self.kind.module))

    def peak(self):
        """Return the peak GFLOP/s of fused multiply-adds in registers."""
        from backprop_rs import _core

        return max(_core.fma_peak(self.dtype, self.threads) for _ in range(5))


def main(name, peer, dtype, threads, order):
    cores = sorted(os.sched_getaffinity(0))[: int(threads)]
    os.sched_setaffinity(0, cores)  # before any library counts them
    replies, sys.stdout = sys.stdout, sys.stderr
    child = Child(name, peer, dtype, threads, order)
    for line in sys.stdin:
        word, *arguments = line.split()
        try:
            reply = getattr(child, word)(*arguments)
        except Exception as error:
            print(f"{peer}, {line.strip()}: {error!r}", file=sys.stderr)
            reply = None
        print(json.dumps(reply), file=replies, flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
