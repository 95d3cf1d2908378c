"""`backprop-rs train`: train on a file and save the model with the preparation of its data."""

from __future__ import annotations

import json
import os
from argparse import Namespace
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from .._internal.printable import say
from .._internal.writing import status
from . import train_arrays, train_table
from .ranks import all_ranks
from .report import Result
from .source import kind_of, open_once
from .tables import holds_table


def run(args: Namespace) -> None:
    """Train, on all ranks if mpiexec has started several."""
    with all_ranks(args.mpi) as comm:
        check_writable(args.out)
        check_hidden(args.hidden)
        args.data = open_once(args.data)
        is_table = holds_table(args.data, kind_of(args.data))
        train = train_table.train if is_table else train_arrays.train
        with np.errstate(over="ignore", invalid="ignore"):  # `Result.check` raises ValueError
            result = train(args, comm)
            if comm is not None and comm.Get_rank() > 0:
                return
            result.check()
        save(args, result)


def save(args: Namespace, result: Result) -> None:
    """Print the result, and save the model."""
    if args.out is not None:
        result.model.save(args.out)
    if args.json:
        print(json.dumps(result.to_dict() | {"saved": args.out}))
        return
    say(result.text())
    if args.out is None:
        print("not saved: give --out FILE.safetensors to keep the model")
    else:
        say(f"saved to {args.out}, {result.saved_with}")


def check_hidden(sizes: Sequence[int] | None) -> None:
    """Raise ValueError unless hidden layers have neurons."""
    if any(size < 1 for size in sizes or ()):
        shown = ",".join(map(str, sizes or ()))
        raise ValueError(f"--hidden must be sizes >= 1, or none; got {shown}")


def check_writable(out: Any) -> None:
    """Raise an error before the training, not after it, if the model cannot be saved."""
    if out is None:
        return
    folder = Path(out).absolute().parent
    if Path(out).is_dir() or not (folder.is_dir() and os.access(folder, os.W_OK)):
        raise ValueError(f"--out must name a file in a folder that can be written to; got {out}")
    try:
        status(out)
    except OSError as error:
        raise OSError(error.errno, error.strerror, out) from None
