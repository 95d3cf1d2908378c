"""Measure the errors of the f64 functions of ``src/machine/real.rs`` in units in the last place.

``python tools/ulp.py [SAMPLES]`` (20,000 per function by default) asks ``cargo bench --bench ulp``
for samples and compares them with mpmath; it
prints the worst error of each function and its argument.
"""

import math
import struct
import subprocess
import sys
from pathlib import Path

from mpmath import exp, expm1, log, log1p, mp, mpf, tanh

mp.prec = 160
SMALLEST_NORMAL = 2.0**-1022


def sigmoid(x):
    return 1 / (1 + exp(-x))


def softplus(x):
    return max(x, mpf(0)) + log1p(exp(-abs(x)))


TRUTH = {
    "exp": exp,
    "ln": log,
    "ln_1p": log1p,
    "sigmoid": sigmoid,
    "tanh": lambda x: (
        x if abs(x) < 1e-30 else expm1(2 * x) / (expm1(2 * x) + 2) if abs(x) < 1 else tanh(x)
    ),
    "softplus": softplus,
}


def number(bits):
    return struct.unpack(">d", bytes.fromhex(bits))[0]


def error(result, truth):
    """Return the distance in ulps of the truth."""
    if truth > sys.float_info.max:
        return 0.0 if math.isinf(result) or truth < mpf(2) ** 1024 else math.inf
    if truth == 0 or not math.isfinite(result):
        return 0.0 if result == truth else math.inf
    return float(abs(mpf(result) - truth) / mpf(math.ulp(float(truth))))


def samples(n):
    """Yield name, x and result of the compiled functions."""
    command = ["cargo", "bench", "--quiet", "--bench", "ulp", "--", "--double", str(n)]
    run = subprocess.run(
        command, cwd=Path(__file__).parent.parent, check=True, stdout=subprocess.PIPE, text=True
    )
    for line in run.stdout.splitlines():
        name, x, result = line.split()
        yield name, number(x), number(result)


def main(n):
    worst, flushed, count = {}, 0.0, 0
    for name, x, result in samples(n):
        count += 1
        if math.isinf(x) or (name == "ln" and x == 0):
            continue  # the tests have these
        truth = TRUTH[name](mpf(x))
        if name == "sigmoid" and truth < SMALLEST_NORMAL:
            flushed = max(flushed, result)
            continue
        worst[name] = max(worst.get(name, (0.0, 0.0)), (error(result, truth), x))
    for name, (ulps, x) in worst.items():
        print(f"{name:9} {ulps:.4f} ulp at most, at {x!r}")
    print(f"sigmoid is at most {flushed!r} where the truth is less than {SMALLEST_NORMAL!r}")
    print(f"{count:,} samples")


if __name__ == "__main__":
    main(*map(int, sys.argv[1:2] or [20_000]))
