"""Splitting a source: the same test samples as `train_test_split` in memory."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import backprop_rs as bp
import numpy as np
import pytest
from backprop_rs._internal.random import SPLIT, generator
from backprop_rs.data.sources.block import Epoch
from backprop_rs.data.sources.split import (
    ALL_NUMBERS,
    held_out_mask,
    split,
    unpack_bits,
    upper_bounds,
)

N = 1000
RNG = np.random.default_rng(12)
X = np.arange(3.0 * N, dtype=np.float32).reshape(N, 3)  # each row its own
Y = np.minimum(RNG.integers(0, 100, N), 7)  # seven classes of about ten, and a large one


def npz_folder(path: Path) -> Path:
    for i, rows in enumerate((slice(0, 400), slice(400, 401), slice(401, N))):
        np.savez(path / f"part-{i}.npz", X=X[rows], y=Y[rows])
    return path


SOURCES: dict[str, Any] = {
    "arrays": lambda path: bp.data.source(X, Y),
    "blocks": lambda path: bp.data.source(X, Y, shuffle="blocks", shuffle_rows=77),
    "npz": lambda path: bp.data.source(npz_folder(path), shuffle_rows=300),
}


def rows_of(source: bp.data.Source) -> Any:
    """Return the rows of X that a source has, in its order."""
    blocks = list(source.blocks(64))
    rows = np.concatenate([block.X for block in blocks])[:, 0] / 3
    np.testing.assert_array_equal(
        np.concatenate([block.y for block in blocks]), Y[rows.astype(int)]
    )
    return rows.astype(int)


@pytest.mark.parametrize("stratify", [False, True])
@pytest.mark.parametrize("fraction", [0.001, 0.2, 0.9])
@pytest.mark.parametrize("kind", SOURCES)
def test_the_samples_equal_those_of_a_split_in_memory(
    kind: str, fraction: float, stratify: bool, tmp_path: Path
) -> None:
    parts = split(SOURCES[kind](tmp_path), fraction, 5, Y if stratify else None)
    memory = bp.data.train_test_split(bp.data.Dataset(X, Y), None, fraction, 5, stratify)
    for part, dataset in zip(parts, memory, strict=True):
        expected = np.sort(dataset.X[:, 0] / 3).astype(int)
        np.testing.assert_array_equal(rows_of(part), expected)
        assert len(part) == len(expected)


@pytest.mark.parametrize("kind", SOURCES)
def test_a_subset_is_shuffled_and_trained_on_like_any_source(kind: str, tmp_path: Path) -> None:
    train, test = split(SOURCES[kind](tmp_path), 0.3, 2)
    names = train.begin(Epoch(1, 4, True)).rows(0, N)[1]
    assert sorted(names.tolist()) == list(range(700))
    net = bp.Network([3, 4, 8], output="softmax", cost="cross_entropy", seed=0)
    history = net.fit(train, epochs=2, batch_size=64, learning_rate=1e-5, validation_data=test,
                      progress=False)  # fmt: skip
    assert set(history.scores()) == {"cost", "val_cost", "val_accuracy"}


@pytest.mark.parametrize("deviations", [0.0, 0.1, 8.0, ALL_NUMBERS])
def test_the_number_of_sorted_values_changes_nothing(deviations: float) -> None:
    """Sort only the numbers near the bound, or all; a range that is too small is tried again."""
    counts = np.bincount(Y)
    for quota in (counts // 5, counts - 1, np.zeros_like(counts)):
        bounds = upper_bounds(3, Y, counts, quota, deviations)
        numbers = generator(3, SPLIT, 0).random_raw(N)
        expected = [np.sort(numbers[j == Y])[quota[j]] for j in range(8)]
        assert bounds.tolist() == expected
    held_out = held_out_mask(3, Y, counts, counts // 5)
    np.testing.assert_array_equal(np.bincount(Y[held_out], minlength=8), counts // 5)


def test_a_class_without_samples_is_ignored() -> None:
    labels = np.array([0, 2] * 50)
    held_out = held_out_mask(0, labels, np.bincount(labels), np.array([10, 0, 5]))
    assert np.bincount(labels[held_out]).tolist() == [10, 0, 5]


@pytest.mark.parametrize("first", [0, 1, 7, 8, 9, 100])
def test_bits_are_unpacked_from_any_position(first: int) -> None:
    bits = RNG.integers(0, 2, 133).astype(np.uint8)
    np.testing.assert_array_equal(
        unpack_bits(np.packbits(bits), first, 30), bits[first : first + 30]
    )


@pytest.mark.parametrize("fraction", [0, 1, -0.1])
def test_a_fraction_that_leaves_no_samples_is_refused(fraction: float) -> None:
    with pytest.raises(ValueError, match="test_fraction must be a number between 0 and 1"):
        split(bp.data.source(X, Y), fraction)


def test_classes_of_one_sample_each_are_refused() -> None:
    with pytest.raises(ValueError, match="a test set needs a class of at least 2 samples"):
        split(bp.data.source(X[:4], Y[:4]), 0.5, 0, np.arange(4))
