"""Measure the cost of the progress bar.

    python benches/progress.py

Trainings with the bar, which is drawn into a pseudo-terminal with a reader, and without it,
in turn. Each takes some seconds; the least of several rounds counts. The last column must stay
under 1 %. tqdm's bar is used if it is installed, and the plain one otherwise; --plain takes
the plain one in any case.
"""

import argparse
import fcntl
import os
import pty
import struct
import sys
import termios
import threading
from time import perf_counter

import backprop_rs as bp
import numpy as np
from backprop_rs import progress

# Sizes, rows, batch, epochs.
CASES = {
    "4-16-3@10": ([4, 16, 3], 150, 10, 200_000),
    "784-128-10@128": ([784, 128, 10], 12_800, 128, 100),
}
LIMIT = 0.01
SIZE = 24, 100  # lines and columns


class Terminal:
    """Standard error as a pseudo-terminal; `read` counts what has been drawn."""

    def __enter__(self):
        self.read, self.before = 0, sys.stderr
        self.screen, inner = pty.openpty()
        fcntl.ioctl(inner, termios.TIOCSWINSZ, struct.pack("4H", *SIZE, 0, 0))
        sys.stderr = os.fdopen(inner, "w")
        self.reader = threading.Thread(target=self.drain, daemon=True)
        self.reader.start()
        return self

    def drain(self):
        try:
            while drawn := os.read(self.screen, 65536):
                self.read += len(drawn)
        except OSError:  # Linux raises this when the other end is closed
            pass

    def __exit__(self, *error):
        sys.stderr.close()
        sys.stderr = self.before
        self.reader.join()
        os.close(self.screen)


def seconds(case, shown):
    """Return the seconds of a training, and the bytes that it has drawn."""
    sizes, rows, batch, epochs = case
    draw = np.random.default_rng(0)
    X, y = draw.random((rows, sizes[0]), np.float32), draw.random((rows, sizes[-1]), np.float32)
    net = bp.Network(sizes, seed=0)
    with Terminal() as terminal:
        start = perf_counter()
        net.fit(X, y, epochs, batch, learning_rate=0.1, progress=shown)
        took = perf_counter() - start
    return took, terminal.read


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeat", type=int, default=5)
    parser.add_argument("--cases", nargs="+", default=list(CASES), choices=CASES)
    parser.add_argument("--plain", action="store_true", help="not tqdm's bar")
    arguments = parser.parse_args()
    if arguments.plain:
        progress.Tqdm = progress.Plain
    print("| network, batch | epochs | seconds without | with | bytes drawn | more |")
    print("|---|---|---|---|---|---|")
    for name in arguments.cases:
        case, least, drawn = CASES[name], {}, 0
        for turn in range(2 * arguments.repeat + 2):
            shown = bool(turn % 2)
            took, read = seconds(case, shown)
            if turn > 1:  # the first round warms up
                least[shown] = min(took, least.get(shown, took))
            drawn = max(drawn, read)
        more = least[True] / least[False] - 1
        row = f"| {name.replace('@', ', ')} | {case[-1]:,} | {least[False]:.2f} | {least[True]:.2f}"
        print(f"{row} | {drawn:,} | {more:+.1%} |{' missed' * (more > LIMIT)}", flush=True)


if __name__ == "__main__":
    main()
