"""Fuzz the readers of files for a given time or number of inputs.

    python tools/fuzz.py --minutes 10
    python tools/fuzz.py --targets model npz --seed 7 --inputs 5000
    python tools/fuzz.py --atheris model --minutes 10     (pip install atheris)

The inputs depend only on the seed. Inputs that break a rule are written to the folder of --keep;
put them into tests/corpus/TARGET, so that the tests try them. With --atheris, libFuzzer chooses the
mutations by the lines of Python that they reach; otherwise they are those of tests/fuzzing.py.
"""

import argparse
import os
import sys
import tempfile
from hashlib import sha256
from pathlib import Path
from time import monotonic

HERE = Path(__file__).parent
sys.path.append(str(HERE.parent / "tests"))

ROUND = 500  # inputs between two readings of the clock


def arguments():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--minutes", type=float, default=1.0, help="for each target (default: 1)")
    parser.add_argument("--inputs", type=int, help="for each target, in place of minutes")
    parser.add_argument("--targets", nargs="+", help="default: all")
    parser.add_argument("--seed", type=int, default=1, help="default: 1; the tests have 0")
    parser.add_argument("--keep", type=Path, default=Path("findings"), help="default: findings")
    parser.add_argument("--atheris", metavar="TARGET", help="by coverage, with libFuzzer")
    return parser.parse_args()


def main():
    args = arguments()
    if args.atheris:
        return by_coverage(args)
    from fuzzing import TARGETS

    count = 0
    print(
        f"seed {args.seed}\n\n{'target':<12}{'inputs':>10}{'read':>9}{'outcomes':>10}{'found':>7}"
    )
    for name in args.targets or TARGETS:
        fuzzer = run(name, args)
        read, outcomes = fuzzer.outcomes.get("read", 0), len(fuzzer.outcomes)
        print(f"{name:<12}{fuzzer.tried:>10,}{read:>9,}{outcomes:>10,}{len(fuzzer.findings):>7,}")
        for data, what in fuzzer.findings.items():
            print(f"  {kept(args.keep / name, data)}: {what[:150]}")
        count += len(fuzzer.findings)
    return count > 0


def run(name, args):
    """Run a fuzzer for its time and return it."""
    from fuzzing import Fuzzer

    with tempfile.TemporaryDirectory() as folder:
        fuzzer = Fuzzer(name, Path(folder), seed=args.seed)
        end = monotonic() + 60 * args.minutes
        while fuzzer.tried < args.inputs if args.inputs else monotonic() < end:
            fuzzer.run(min(ROUND, (args.inputs or sys.maxsize) - fuzzer.tried))
        return fuzzer


def kept(folder, data):
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / sha256(data).hexdigest()[:16]
    path.write_bytes(data)
    return path


def by_coverage(args):
    """Run libFuzzer over the instrumented reader until an input breaks a rule."""
    import atheris

    with atheris.instrument_imports(include=["backprop_rs"]):
        from fuzzing import CORPUS, Fuzzer

    folder = Path(tempfile.mkdtemp())
    fuzzer = Fuzzer(args.atheris, folder)

    def one(data):
        fuzzer.outcome(data)

    grown = folder / "corpus"
    grown.mkdir()
    options = [f"-max_total_time={int(60 * args.minutes)}", f"-seed={args.seed}", "-max_len=20000"]
    args.keep.mkdir(parents=True, exist_ok=True)
    options += [f"-artifact_prefix={args.keep}{os.sep}", str(grown)]
    atheris.Setup([sys.argv[0], *options, str(CORPUS / args.atheris)], one)
    atheris.Fuzz()  # ends the process


if __name__ == "__main__":
    sys.exit(main())
