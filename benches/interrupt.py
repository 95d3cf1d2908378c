"""How long `fit` takes to return after Ctrl-C: python benches/interrupt.py

A process trains; it gets a real SIGINT at a random moment, and says when `fit` has returned. The
worst of several runs counts.
"""

import argparse
import random
import signal
import subprocess
import sys
import time

PROGRAM = """
import sys, time
import numpy as np
import backprop_rs as bp
sizes, batch, threads = eval(sys.argv[1])
bp.set_num_threads(threads)
net = bp.Network(sizes, output="identity", seed=0)
X, y = np.zeros((4 * batch, sizes[0]), np.float32), np.zeros((4 * batch, sizes[-1]), np.float32)
net.fit(X, y, epochs=1, batch_size=batch, learning_rate=0.0)
print("ready", flush=True)
stopped = net.fit(X, y, epochs=10**7, batch_size=batch, learning_rate=0.0).stopped
print(time.monotonic(), stopped, flush=True)
"""
CASES = {
    "4-16-3@10": ([4, 16, 3], 10),
    "784-128-10@128": ([784, 128, 10], 128),
    "784-1024-1024-10@256": ([784, 1024, 1024, 10], 256),
    "4096-4096-4096@1024": ([4096, 4096, 4096], 1024),
}


def seconds(case, threads):
    """From the signal to the return of `fit`; monotonic clocks are those of the machine."""
    command = [sys.executable, "-c", PROGRAM, repr((*case, threads))]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as child:
        child.stdout.readline()
        time.sleep(0.3 + random.random())
        start = time.monotonic()
        child.send_signal(signal.SIGINT)
        end, stopped = child.stdout.readline().split()
    assert stopped == "interrupted"
    return float(end) - start


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeat", type=int, default=5)
    parser.add_argument("--cases", nargs="+", default=list(CASES), choices=CASES)
    parser.add_argument("--threads", nargs="+", type=int, default=[1, 2])
    arguments = parser.parse_args()
    print("worst of several, in milliseconds")
    for name in arguments.cases:
        for threads in arguments.threads:
            worst = max(seconds(CASES[name], threads) for _ in range(arguments.repeat))
            print(f"{name:24}{threads} thread{'s' * (threads > 1):2}{1e3 * worst:8.1f}", flush=True)


if __name__ == "__main__":
    main()
