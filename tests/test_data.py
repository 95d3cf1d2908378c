"""`Dataset`, splitting and scaling, and the bundled data sets."""

import subprocess
import sys
import warnings
from dataclasses import FrozenInstanceError

import backprop_rs as bp
import numpy as np
import pytest
from backprop_rs.data import (
    Dataset,
    Scaling,
    load_digits,
    load_iris,
    load_npz,
    one_hot,
    standardize,
    train_test_split,
)
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

X = [[1, 2], [3, 4], [5, 6]]


class TestDataset:
    @pytest.mark.parametrize("dtype", ["bool", "uint8", "int64", "float16", "float32", "float64"])
    def test_features_keep_their_type_and_are_contiguous(self, dtype):
        features = np.asfortranarray(np.array(X, dtype))
        data = Dataset(features, features)
        assert data.X.dtype == data.y.dtype == dtype
        assert data.X.flags.c_contiguous and (features == data.X).all()
        assert Dataset(features.astype(f">{features.dtype.str[1:]}")).X.dtype == dtype

    @pytest.mark.parametrize("dtype", ["uint8", "int64", "float32", "float64"])
    def test_contiguous_features_are_not_copied(self, dtype):
        features = np.ones((3, 2), dtype)
        assert Dataset(features).X is features

    def test_integers_are_labels(self):
        data = Dataset(X, np.array([2, 0, 1], np.uint8))
        assert data.y.dtype == np.int64
        assert data.is_classification
        assert data.class_names == ("0", "1", "2")
        assert data.n_outputs == 3

    def test_texts_are_labels_in_sorted_order(self):
        data = Dataset(X, ["b", "a", "b"])
        assert data.y.tolist() == [1, 0, 1]
        assert data.class_names == ("a", "b")

    @pytest.mark.parametrize(("y", "n_outputs"), [([0.5, 1, 2], 1), (X, 2), (None, 0)])
    def test_anything_else_is_values(self, y, n_outputs):
        data = Dataset(X, y)
        assert not data.is_classification
        assert data.n_outputs == n_outputs
        assert y is None or data.y.dtype == np.array(y).dtype

    def test_is_frozen(self):
        with pytest.raises(FrozenInstanceError):
            Dataset(X).X = None

    def test_take_keeps_names_and_classes(self):
        part = Dataset(X, [0, 2, 1], ["p", "q"], name="abc").take([True, False, True])
        assert part.X.tolist() == [[1, 2], [5, 6]]
        assert part.class_names == ("0", "1", "2")
        assert (part.feature_names, part.name) == (("p", "q"), "abc")

    @pytest.mark.parametrize(
        ("arguments", "text"),
        [
            (([1, 2],), "Dataset(1 sample, 2 features, no target)"),
            ((X, [0.5, 1, 2]), "Dataset(3 samples, 2 features, 1 target value)"),
            ((X, [1, 0, 1]), "Dataset(3 samples, 2 features, 2 classes: 0, 1)"),
            ((X, [11, 0, 1]), "12 classes: 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, ...)"),
        ],
    )
    def test_repr(self, arguments, text):
        features, *rest = arguments
        assert text in repr(Dataset(np.atleast_2d(features), *rest))

    @pytest.mark.parametrize(
        ("arguments", "error", "words"),
        [
            (([1, 2],), ValueError, "(samples, features), both at least 1; got shape (2,)"),
            ((np.empty((0, 2)),), ValueError, "got shape (0, 2)"),
            (([[1, 2], [3]],), ValueError, "X must be an array; got rows of unequal length"),
            (([["a"]],), TypeError, "X must hold real numbers; got dtype <U1"),
            (([[1j]],), TypeError, "got dtype complex128"),
            (
                ([[1], [np.nan]],),
                ValueError,
                "X must hold finite numbers; got nan at row 1, column 0",
            ),
            (([[np.inf]],), ValueError, "got inf at row 0, column 0"),
            ((X, [1, 2]), ValueError, "y must have shape (3,) or (3, k) to match X; got"),
            ((X, [0, -1, 0]), ValueError, "labels must lie in 0..0; got -1 in row 1"),
            ((X, [0, 10**9, 0]), ValueError, "give other targets as floats); got 1000000000"),
            ((X, [0, 1, 2], (), ["a", "b"]), ValueError, "labels must lie in 0..1; got 2 in row 2"),
            ((X, [0.5, 1, np.inf]), ValueError, "y must hold finite numbers; got inf"),
            ((X, ["a", None, "b"]), TypeError, "y must hold real numbers or, for classes, text"),
            ((X, [0.5, 1, 2], (), ["a"]), ValueError, "class_names need integer or text y"),
            ((X, None, ["a"]), ValueError, "one name per column of X (2); got 1"),
        ],
    )
    def test_refuses(self, arguments, error, words):
        with pytest.raises(error) as caught:
            Dataset(*arguments)
        assert words in str(caught.value)


class TestOneHot:
    @given(st.lists(st.integers(0, 8), min_size=1))
    def test_the_largest_element_is_the_label(self, labels):
        rows = one_hot(labels, 9)
        assert rows.shape == (len(labels), 9)
        assert rows.argmax(axis=1).tolist() == labels
        assert (rows.sum(axis=1) == 1).all()

    @pytest.mark.parametrize(
        ("arguments", "error", "words"),
        [
            (([0.5],), TypeError, "labels must be integers; got dtype float64"),
            (([[1]],), ValueError, "labels must have shape (m,), m at least 1; got shape (1, 1)"),
            (([0, 3], 3), ValueError, "labels must lie in 0..2; got 3 in row 1"),
            (([0], 0), ValueError, "n_classes must be an integer >= 1; got 0"),
            (([0], 2.0), TypeError, "n_classes must be an integer >= 1; got 2.0"),
        ],
    )
    def test_refuses(self, arguments, error, words):
        with pytest.raises(error) as caught:
            one_hot(*arguments)
        assert words in str(caught.value)


class TestSplit:
    @pytest.mark.filterwarnings("ignore:labels are 1 to")
    @given(
        st.lists(st.integers(0, 4), min_size=2, max_size=60),
        st.floats(0.01, 0.99),
        st.integers(0, 2**64 - 1),
    )
    def test_every_sample_is_in_one_part(self, labels, test_fraction, seed):
        data = Dataset(np.arange(len(labels)).reshape(-1, 1), labels)
        train, test = train_test_split(data, test_fraction=test_fraction, seed=seed)
        rows = np.concatenate([train.X, test.X]).ravel().astype(int)
        assert sorted(rows) == list(range(len(labels)))
        assert np.concatenate([train.y, test.y]).tolist() == [labels[row] for row in rows]
        n_test = min(max(round(test_fraction * len(labels)), 1), len(labels) - 1)
        assert len(test) == n_test

    @given(
        st.lists(st.integers(1, 30), min_size=1, max_size=6).filter(lambda counts: max(counts) > 1),
        st.floats(0.05, 0.95),
    )
    def test_stratified_shares(self, counts, test_fraction):
        labels = np.repeat(np.arange(len(counts)), counts)
        train, test = train_test_split(
            labels.reshape(-1, 1), labels, test_fraction=test_fraction, stratify=True
        )
        in_train = np.bincount(train.y, minlength=len(counts))
        in_test = np.bincount(test.y, minlength=len(counts))
        assert (in_train + in_test == counts).all()
        assert (in_train >= 1).all()
        share = np.array(counts) * len(test) / len(labels)
        # A class that must keep its last sample for the train set passes its place on.
        if (share <= np.array(counts) - 1).all():
            assert (np.abs(in_test - share) < 1 + 1e-9).all()

    def test_is_the_same_everywhere(self):
        # Fixed by the stream of Philox: NumPy keeps raw streams for good.
        _, test = train_test_split(np.arange(10).reshape(-1, 1), test_fraction=0.3, seed=1)
        assert test.X.ravel().tolist() == [3, 2, 5]

    def test_another_seed_is_another_split(self):
        parts = [train_test_split(load_iris(), seed=seed)[1].X for seed in (0, 1)]
        assert (parts[0] != parts[1]).any()

    @pytest.mark.parametrize(
        ("arguments", "error", "words"),
        [
            ({"test_fraction": 0}, ValueError, "a number between 0 and 1; got 0"),
            ({"test_fraction": 1.0}, ValueError, "a number between 0 and 1; got 1.0"),
            ({"test_fraction": "0.2"}, TypeError, "a number between 0 and 1; got '0.2'"),
            ({"seed": -1}, ValueError, "seed must be an integer in [0, 2**64); got -1"),
            ({"seed": None}, TypeError, "seed must be an integer in [0, 2**64); got None"),
            ({"stratify": True}, ValueError, "stratify needs a target of classes"),
            ({"data": [[1]]}, ValueError, "at least 2 samples to split; got 1"),
            ({"data": Dataset(X), "y": [1, 2, 3]}, ValueError, "y must be left out"),
        ],
    )
    def test_refuses(self, arguments, error, words):
        with pytest.raises(error) as caught:
            train_test_split(**{"data": X, **arguments})
        assert words in str(caught.value)


class TestStandardize:
    def test_train_has_mean_zero_and_deviation_one(self):
        train, test = train_test_split(load_iris())
        scaled, _ = standardize(train, test)
        # float32 rounds each element to 2^-24 of its size, at most about 3 here.
        assert np.abs(scaled.X.mean(axis=0, dtype=float)).max() < 3 * 2.0**-24
        assert np.abs(scaled.X.std(axis=0, dtype=float) - 1).max() < 3 * 2.0**-24

    def test_others_take_the_scaling_of_train(self):
        train, test = standardize(Dataset([[0.0], [2.0]]), Dataset([[3.0]]))
        assert test.X.tolist() == [[2]]
        assert test.scaling is train.scaling

    def test_one_alone_comes_back_alone(self):
        assert isinstance(standardize(Dataset(X)), Dataset)

    @given(st.floats(-(2.0**100), 2.0**100, width=32), st.integers(1, 50))
    def test_a_constant_feature_becomes_zeros(self, value, m):
        data = standardize(Dataset(np.full((m, 1), value, np.float32)))
        assert (data.X == 0).all()
        assert data.scaling.scale.tolist() == [1]

    @given(arrays(np.float32, (7, 3), elements=st.floats(-1e3, 1e3, width=32)))
    def test_invert_undoes_apply(self, features):
        scaling = Scaling.fit(features)
        back = scaling.invert(scaling.apply(features))
        # Half an ulp from each of the two roundings, magnified by the scale in the first.
        reach = np.abs(features).max(axis=0) + np.abs(scaling.apply(features)) * scaling.scale
        assert (np.abs(back - features) <= 2.0**-23 * (reach + 1e-30)).all()

    def test_dictionary_gives_back_equal_bits(self):
        scaling = Scaling.fit(load_iris().X)
        again = Scaling.from_dict(scaling.to_dict())
        assert (again.mean == scaling.mean).all()
        assert (again.scale == scaling.scale).all()

    def test_blocks_are_seamless(self):
        features = np.random.default_rng(0).normal(3, 2, (10_000, 2)).astype(np.float32)
        scaling = Scaling.fit(features)
        # Sums of 10,000 terms of one sign: relative rounding below 10,000 eps.
        np.testing.assert_allclose(scaling.scale, features.std(axis=0, dtype=float), rtol=1e-12)
        expected = ((features - scaling.mean) / scaling.scale).astype(np.float32)
        assert (scaling.apply(features) == expected).all()

    def test_refuses(self):
        data = Dataset(X)
        with pytest.raises(ValueError, match="takes data not yet standardized"):
            standardize(standardize(data))
        with pytest.raises(ValueError, match=r"features of train \(x0, x1\); got x0$"):
            standardize(data, Dataset([[1]]))
        with pytest.raises(TypeError, match="takes Datasets; got list"):
            standardize(X)
        with pytest.raises(ValueError, match=r"shape \(m, 2\) or \(2,\); got shape \(3,\)"):
            Scaling.fit(X).apply([1, 2, 3])
        with pytest.raises(ValueError, match=r"scale must be positive; got 0\.0"):
            Scaling([0], [0])
        with pytest.raises(ValueError, match="a dictionary of mean and scale"):
            Scaling.from_dict({"mean": [1]})


class TestBundled:
    def test_iris_is_that_of_scikit_learn(self):
        datasets = pytest.importorskip("sklearn.datasets")
        expected, iris = datasets.load_iris(), load_iris()
        assert (expected.data == iris.X).all()
        assert (iris.y == expected.target).all()
        assert iris.class_names == tuple(expected.target_names)
        assert iris.feature_names == tuple(expected.feature_names)

    def test_iris_has_the_figures_of_the_paper(self):
        # The two flowers that the file of the UCI repository has wrong.
        expected = [[4.9, 3.1, 1.5, 0.2], [4.9, 3.6, 1.4, 0.1]]
        assert load_iris().X[[34, 37]].tolist() == expected

    def test_digits_are_those_of_scikit_learn(self):
        datasets = pytest.importorskip("sklearn.datasets")
        expected, digits = datasets.load_digits(), load_digits()
        assert (expected.data == digits.X * 16).all()
        assert (digits.y == expected.target).all()
        assert digits.feature_names == tuple(expected.feature_names)

    def test_digits_are_pixels(self):
        digits = load_digits()
        assert digits.X.shape == (1797, 64)
        assert (digits.X.min(), digits.X.max()) == (0, 1)


def test_import_is_light():
    heavy = ["csv", "gzip", "zipfile", "importlib.resources", "narwhals"]
    code = (
        "import sys, numpy; known = set(sys.modules); import backprop_rs.data; "
        f"print(sorted(set({heavy}) & (set(sys.modules) - known)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_data_sets_with_and_without_names_are_scaled_together():
    named = Dataset([[1.0], [3.0]], feature_names=["a"])
    _, other = standardize(named, Dataset([[5.0]]))
    assert other.X.tolist() == [[3.0]]
    with pytest.raises(ValueError, match=r"others must have the features of train \(a\); got b"):
        standardize(named, Dataset([[5.0]], feature_names=["b"]))
    with pytest.raises(ValueError, match="others must have the features of train"):
        standardize(named, Dataset([[5.0, 1.0]]))


def test_consecutive_seconds_stay_different_when_they_are_standardized(tmp_path):
    times = 1_700_000_000 + np.arange(400)
    y = np.sin(np.arange(400) / 60)
    path = tmp_path / "times.npz"
    np.savez(path, X=times[:, None], y=y)
    expected = (times - times.mean()) / times.std()
    for data in (Dataset(times[:, None], y), Dataset(times[:, None].astype(float), y),
                 load_npz(path)):  # fmt: skip
        scaled = standardize(data).X[:, 0]
        assert len(np.unique(scaled.astype(np.float32))) == 400
        np.testing.assert_allclose(scaled, expected, rtol=1e-12)


def test_a_network_warns_of_unscaled_numbers_that_float32_rounds():
    data = Dataset(1_700_000_000 + np.arange(400)[:, None], np.arange(400) / 400)
    sizes = [1, 2, 1]
    with pytest.warns(UserWarning, match=r"feature 'x0' has values up to 1\.7e\+09 that differ"):
        bp.Network(sizes, seed=0).fit(data.X, data.y, epochs=1)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        bp.Network(sizes, seed=0).fit(standardize(data).X, data.y, epochs=1)
        bp.Network(sizes, seed=0, dtype="float64").fit(data.X, data.y, epochs=1)
        bp.Network(sizes, seed=0).fit(np.arange(400.0)[:, None] + 1000, data.y, epochs=1)


@pytest.mark.parametrize("kind", ["csr_matrix", "coo_array"])
def test_sparse_matrices_are_refused_by_name(kind):
    sparse = getattr(pytest.importorskip("scipy.sparse"), kind)(np.eye(3))
    sentence = rf"^X must be dense; got a sparse {kind}: give X\.toarray\(\)$"
    net = bp.Network([3, 2, 1], seed=0)
    for use in (Dataset, net.predict, lambda X: net.fit(X, [0, 1, 0]), Scaling.fit):
        with pytest.raises(TypeError, match=sentence):
            use(sparse)


def test_labels_that_count_from_1_are_named():
    with pytest.warns(UserWarning, match="labels are 1 to 3, but classes count from 0") as caught:
        data = bp.data.Dataset([[1.0], [2.0], [3.0]], [2, 1, 3])
    assert caught[0].filename == __file__ and len(data.class_names) == 4
    for y in ([1, 1, 1], [0, 1, 2], [1, 3, 4], [2, 3, 2], [True, True, True]):
        bp.data.Dataset([[1.0], [2.0], [3.0]], y)  # without a warning
    bp.data.Dataset([[1.0], [2.0], [3.0]], [2, 1, 3], class_names=["none", "a", "b", "c"])


@pytest.mark.parametrize("backend", ["rust", "numpy"])
@pytest.mark.parametrize("dropout", [0.999993, 1 - 1e-12])
def test_a_dropout_that_rounds_to_1_is_refused(backend, dropout):
    sentence = f"dropout must be < 0.99999237, because it is rounded.* of 1/65536; got {dropout}"
    with pytest.raises(ValueError, match=sentence):
        bp.Network([2, 4, 1], dropout=dropout, backend=backend)
    net = bp.Network([2, 4, 1], dropout=0.99999, backend=backend, seed=0)
    assert np.isfinite(net.fit(np.ones((8, 2)), np.ones((8, 1)), epochs=2, progress=False).cost[-1])


def test_record_batches_are_tables():
    pa = pytest.importorskip("pyarrow")
    batch = pa.RecordBatch.from_pydict({"a": [1, None], "b": ["x", "y"]})
    assert bp.data.as_table(batch).to_dict() == {"a": [1, None], "b": ["x", "y"]}
    (part,) = bp.data.TableStream([batch])
    assert tuple(part.names) == ("a", "b")
    model = bp.Model((2,), seed=0).fit(batch, "b", epochs=1, progress=False)
    assert len(model.predict(batch)) == 2


def test_streams_have_the_notes_of_read_csv(tmp_path):
    path = tmp_path / "t.csv"
    path.write_text("a;b\n" + "".join(f"{k},5;{'xy'[k % 2]}\n" for k in range(20)))
    notes = tuple(bp.data.read_csv(path).notes)
    assert notes == ("column 'a' holds numbers with decimal ','",)
    from backprop_rs.data.csv.parts import csv_parts

    assert csv_parts(path).notes == notes
    assert bp.data.source(path, target="b").notes == notes
    assert bp.data.TableStream([{"a": [1]}]).notes == ()


def test_dates_of_a_frame_name_the_model_that_uses_them():
    pd = pytest.importorskip("pandas")
    frame = pd.DataFrame({"d": pd.to_datetime(["2024-01-01", "2024-01-02"]), "y": [1.5, 2]})
    with pytest.raises(TypeError, match=r"leave it out with ignore, or train bp\.Model, which"):
        bp.data.from_frame(frame, target="y")
