"""The public face of a network: checks of arguments, the choice of backend, and training."""

from __future__ import annotations

import os
from collections.abc import Sequence
from itertools import pairwise
from time import perf_counter
from typing import TYPE_CHECKING, Any

import numpy as np

from . import _backend, _check
from ._tables import Tables
from .history import History
from .progress import Bar, progress_bar
from .trace import Trace

if TYPE_CHECKING:
    from ._types import AnyArray, Array, Choice, Data, Names, Path

GRADIENT_DESCENT = "sgd"
SLICE = 0.05  # seconds of training between two looks at Ctrl-C and the progress bar


class Network:
    """A dense feed-forward network that learns by back-propagation.

    Rows are samples everywhere, and weights are (n_out, n_in), as in the derivation.

    Parameters
    ----------
    sizes : sequence of int
        The number of neurons of each layer, from the input n_0 to the output n_L.
    activation : str or sequence of str, default "sigmoid"
        One name for all hidden layers or one name per hidden layer: identity, sigmoid, tanh
        or relu.
    output : str, default "sigmoid"
        The activation of the output layer: one of the above or softmax.
    cost : str, default "squared_error"
        squared_error, sum_j (a_j - y_j)^2, or cross_entropy, which needs the output sigmoid
        (each output a probability) or softmax (one probability per class).
    init : str or sequence of (n_l, n_{l-1}) arrays, default "auto"
        The first weights: zeros, glorot_uniform, he_uniform, lecun_uniform, auto (he_uniform
        for relu layers, otherwise glorot_uniform), or the weights themselves. Biases start
        at zero.
    dtype : "float32" or "float64", default "float32"
        The type of the parameters and of all arithmetic.
    seed : int, optional
        From 0 to 2**64 - 1; it determines the first weights and the order of the samples.
        Without it one is drawn, and kept as `seed`.
    backend : "auto", "rust" or "numpy", default "auto"
        Auto means Rust, or NumPy with a RuntimeWarning where Rust cannot be imported.

    Attributes
    ----------
    seed : int
    backend : str
        "rust" or "numpy".
    epochs_trained : int
        The epochs that all calls of `fit` have completed.
    metadata : dict
        Free for your notes, saved with the model; its contents must suit JSON.

    Raises
    ------
    ValueError, TypeError
        One sentence that names the argument, what was given and what is accepted.

    Examples
    --------
    >>> import numpy as np
    >>> import backprop_rs as bp
    >>> net = bp.Network([2, 8, 1], activation="tanh", cost="cross_entropy", seed=1)
    >>> X, y = [[0, 0], [0, 1], [1, 0], [1, 1]], [0, 1, 1, 0]
    >>> history = net.fit(X, y, epochs=2000, batch_size=4, learning_rate=0.5, progress=False)
    >>> np.round(net.predict(X)[:, 0])
    array([0., 1., 1., 0.], dtype=float32)
    """

    def __init__(
        self,
        sizes: Sequence[int],
        activation: Names = "sigmoid",
        output: str = "sigmoid",
        cost: str = "squared_error",
        *,
        init: str | Sequence[Data] = "auto",
        dtype: str = "float32",
        seed: int | None = None,
        backend: str = "auto",
    ) -> None:
        self.backend, module = _backend.choose(backend)
        self._tables = Tables(module)
        sizes = _check.sizes(sizes)
        activations = self._tables.activations(activation, len(sizes) - 2)
        activations.append(self._tables.row("activation", output))
        cost = self._tables.row("cost", cost)
        seed = _check.seed(seed)
        self.seed = int.from_bytes(os.urandom(8), "little") >> 1 if seed is None else seed
        self.epochs_trained = 0
        self.metadata: dict[str, Any] = {}
        self._optimizer: object = None
        self._core = module.Network(sizes, activations, cost, _check.dtype(dtype))
        self._target_range = module.target_range(cost)
        choice: Any = init
        if isinstance(init, (list, tuple)):
            self.weights = list(init)
        else:
            self._core.initialize(self._tables.row("init", choice), self.seed)

    # What the network is.

    @property
    def sizes(self) -> list[int]:
        """The number of neurons of each layer, from input to output."""
        return list(self._core.sizes)

    @property
    def activation(self) -> list[str]:
        """The activation of each hidden layer."""
        return list(self._core.activations[:-1])

    @property
    def output(self) -> str:
        """The activation of the output layer."""
        return self._core.activations[-1]  # type: ignore[no-any-return]

    @property
    def cost(self) -> str:
        """The name of the cost."""
        return self._core.cost  # type: ignore[no-any-return]

    @property
    def dtype(self) -> str:
        """The type of the parameters, "float32" or "float64"."""
        return self._core.dtype  # type: ignore[no-any-return]

    @property
    def n_parameters(self) -> int:
        """The number of weights and biases.

        >>> Network([2, 3, 2]).n_parameters
        17
        """
        return sum(n_out * (n_in + 1) for n_out, n_in in self._shapes())

    @property
    def weights(self) -> list[Array]:
        """Copies of the weights, (n_l, n_{l-1}) for each layer; assign a list to set them.

        >>> net = Network([2, 3, 2])
        >>> [w.shape for w in net.weights]
        [(3, 2), (2, 3)]
        """
        return self._core.weights()  # type: ignore[no-any-return]

    @weights.setter
    def weights(self, given: Sequence[Data]) -> None:
        self._core.set_weights(_check.parameters("weights", given, self._shapes(), self.dtype))
        self._optimizer = None  # its memory belongs to the old parameters

    @property
    def biases(self) -> list[Array]:
        """Copies of the biases, (n_l,) for each layer; assign a list to set them.

        >>> net = Network([2, 3, 2])
        >>> net.biases = [[0.1, 0.2, 0.3], [0, 1]]
        >>> net.biases[1]
        array([0., 1.], dtype=float32)
        """
        return self._core.biases()  # type: ignore[no-any-return]

    @biases.setter
    def biases(self, given: Sequence[Data]) -> None:
        shapes = [shape[:1] for shape in self._shapes()]
        self._core.set_biases(_check.parameters("biases", given, shapes, self.dtype))
        self._optimizer = None

    def _shapes(self) -> list[tuple[int, int]]:
        return [(n_out, n_in) for n_in, n_out in pairwise(self.sizes)]

    def __repr__(self) -> str:
        from ._summary import line

        return line(self)

    def _repr_html_(self) -> str:
        from ._summary import html

        return html(self)

    def summary(self) -> str:
        """The layers as a table of plain text.

        >>> print(Network([2, 3, 2], "tanh").summary())
        Network(2-3-2, tanh -> sigmoid, squared_error, float32, 17 parameters)
        <BLANKLINE>
        layer  shape   activation  parameters
            1  (3, 2)  tanh                 9
            2  (2, 3)  sigmoid              8
        total                              17
        """
        from ._summary import text

        return text(self)

    # What it computes.

    def predict(self, X: Data, out: Array | None = None) -> Array:
        """The activations of the output layer.

        Parameters
        ----------
        X : (m, n_0) array-like, or one sample (n_0,)
            A C-contiguous array of the network's dtype is used as it is, without a copy.
        out : (m, n_L) array, or (n_L,) for one sample; optional
            A writable C-contiguous array of the network's dtype to write the result to.

        Returns
        -------
        (m, n_L) array, or (n_L,) for one sample

        Examples
        --------
        >>> net = Network([2, 3, 2], init="zeros")
        >>> net.predict([[1, 2], [3, 4]])
        array([[0.5, 0.5],
               [0.5, 0.5]], dtype=float32)
        >>> net.predict([1, 2])
        array([0.5, 0.5], dtype=float32)
        """
        result = self._core.predict(X, out)
        if result is None:
            result = self._predict_checked(X, out)
        return result  # type: ignore[no-any-return]

    def _predict_checked(self, X: Data, out: Array | None) -> Array:
        """What `predict` does where its arguments are not ready for the core as they are."""
        n_in, *_, n_out = self.sizes
        X = _check.inputs(X, n_in, self.dtype)
        if out is not None:
            _check.output(out, (*X.shape[:-1], n_out), self.dtype)
            if np.may_share_memory(X, out):
                X = X.copy()
        return self._core.predict(X, out)  # type: ignore[no-any-return]

    def activations(self, X: Data) -> list[Array]:
        """The activations of all layers, from the input to the output.

        Parameters
        ----------
        X : (m, n_0) array-like, or one sample (n_0,), which is a batch of one here

        Returns
        -------
        list of (m, n_l) arrays
            [a0, a1, ..., aL] (eq. zLastLayer).

        Examples
        --------
        >>> [a.shape for a in Network([2, 3, 1]).activations([[1, 2], [3, 4]])]
        [(2, 2), (2, 3), (2, 1)]
        """
        n_in = self.sizes[0]
        X = _check.inputs(X, n_in, self.dtype)
        return self._core.activations_of(X.reshape(-1, n_in))  # type: ignore[no-any-return]

    def backward(self, X: Data, y: Data) -> Trace:
        """Everything that back-propagation computes for a batch; nothing is changed.

        Parameters
        ----------
        X : (m, n_0) array-like, or one sample (n_0,)
        y : (m, n_L) array-like, (m,) where n_L is 1, or integer class labels (m,)

        Returns
        -------
        Trace

        Examples
        --------
        >>> trace = Network([2, 3, 1], init="zeros").backward([[1, 2]], [[1]])
        >>> trace.cost
        0.25
        >>> trace.deltas[-1]
        array([[-0.25]], dtype=float32)
        """
        return Trace(*self._core.backward(*self._samples(X, y)))

    def evaluate(self, X: Data, y: Data) -> dict[str, float]:
        """The mean cost, and the accuracy where y are classes.

        Classes are integer labels, one-hot rows, or, for one output with sigmoid, 0 and 1
        (predicted 1 from an activation of 0.5).

        Parameters
        ----------
        X : (m, n_0) array-like, or one sample (n_0,)
        y : (m, n_L) array-like, (m,) where n_L is 1, or integer class labels (m,)

        Returns
        -------
        dict
            {"cost": C} or {"cost": C, "accuracy": share of correct samples}.

        Examples
        --------
        >>> Network([2, 3, 1], init="zeros").evaluate([[1, 2], [3, 4]], [0, 1])
        {'cost': 0.25, 'accuracy': 0.5}
        """
        X, y = self._samples(X, y)
        return self._score(X, y, class_labels(y, self.output))

    def _score(self, X: Array, y: AnyArray, labels: AnyArray | None) -> dict[str, float]:
        scores = {"cost": float(self._core.mean_cost(X, y))}
        if labels is not None:
            a = self._core.predict(X)
            classes = a.argmax(axis=1) if a.shape[1] > 1 else a[:, 0] >= 0.5
            scores["accuracy"] = float((classes == labels).mean())
        return scores

    def _samples(self, X: Data, y: Data) -> tuple[Array, AnyArray]:
        """X (m, n_0) and y, both ready for the core."""
        n_in, *_, n_out = self.sizes
        X = _check.inputs(X, n_in, self.dtype)
        cost = self.cost.partition("(")[0]
        y = _check.targets(y, X, n_out, self.dtype, cost, self._target_range)
        return X.reshape(-1, n_in), y

    # How it learns.

    def step(self, X: Data, y: Data, learning_rate: float) -> float:
        """One step of gradient descent with the averaged gradient of this batch.

        w := w - learning_rate dC/dw, b := b - learning_rate dC/db.

        Parameters
        ----------
        X : (m, n_0) array-like, or one sample (n_0,)
        y : (m, n_L) array-like, (m,) where n_L is 1, or integer class labels (m,)
        learning_rate : float
            Finite and >= 0.

        Returns
        -------
        float
            C before the step.

        Examples
        --------
        >>> net = Network([2, 3, 1], seed=0)
        >>> before = net.step([[1, 2]], [[1]], learning_rate=0.5)
        >>> net.evaluate([[1, 2]], [[1]])["cost"] < before
        True
        """
        X, y = self._samples(X, y)
        learning_rate = _check.nonnegative("learning_rate", learning_rate)
        if self._optimizer != GRADIENT_DESCENT:
            self._use_optimizer("sgd")
        return self._core.step(X, y, learning_rate)  # type: ignore[no-any-return]

    def fit(
        self,
        X: Data,
        y: Data,
        epochs: int = 10,
        batch_size: int = 32,
        learning_rate: float = 0.1,
        *,
        optimizer: Choice = "sgd",
        shuffle: bool = True,
        validation_data: tuple[Data, Data] | None = None,
        progress: bool | None = None,
    ) -> History:
        """Train for some epochs of mini-batches; a second call goes on where the first ended.

        Parameters
        ----------
        X : (n, n_0) array-like
        y : (n, n_L) array-like, (n,) where n_L is 1, or integer class labels (n,)
        epochs : int, default 10
            How often every sample is used.
        batch_size : int, default 32
            Samples per update; a smaller last batch is averaged over its own samples.
        learning_rate : float, default 0.1
        optimizer : str or mapping, default "sgd"
            sgd (gradient descent as in the derivation), adam, or a mapping with settings such
            as {"name": "adam", "beta1": 0.8}. Adam's memory is kept until another optimizer
            is used or parameters are assigned; it is not saved.
        shuffle : bool, default True
            A new order in each epoch, from `seed` and the number of the epoch.
        validation_data : (X, y), optional
            Samples to evaluate after each epoch.
        progress : bool, optional
            Show a progress bar; by default in a terminal and in Jupyter only.

        Returns
        -------
        History
            Of the epochs of this call. After Ctrl-C the network keeps what it has learnt.

        Examples
        --------
        >>> net = Network([1, 1], output="identity", seed=0, dtype="float64")
        >>> X = [[0.0], [1.0], [2.0]]
        >>> history = net.fit(X, [1, 3, 5], epochs=500, batch_size=3)
        >>> net.predict([10.0]).round(6)
        array([21.])
        """
        X, y = self._samples(X, y)
        run = {
            "batch_size": _check.integer("batch_size", batch_size, least=1),
            "learning_rate": _check.nonnegative("learning_rate", learning_rate),
            "shuffle": bool(shuffle),
            "seed": self.seed,
        }
        epochs = _check.integer("epochs", epochs, least=0)
        validation = self._validation(validation_data)
        self._use_optimizer(optimizer)
        bar = progress_bar(progress)
        try:
            return self._train(X, y, run, epochs, validation, bar)
        finally:
            bar.close()

    def _train(
        self,
        X: Array,
        y: AnyArray,
        run: dict[str, Any],
        epochs: int,
        validation: tuple[Array, AnyArray, AnyArray | None] | None,
        bar: Bar,
    ) -> History:
        """The core trains in slices of time; in between come validation, bar and Ctrl-C."""
        history = History()
        steps = -(-len(X) // run["batch_size"])
        first, last = self.epochs_trained, self.epochs_trained + epochs
        epoch, step, cost_sum = first, 0, 0.0
        started = perf_counter()
        while epoch < last:
            stop = {"stop_epoch": epoch + 1 if validation else last, "budget": SLICE}
            costs, epoch, step, cost_sum, _ = self._core.train(
                X, y, run | stop, (epoch, step, cost_sum)
            )
            self.epochs_trained = epoch
            if costs:
                if validation:
                    history.add_validation(self._score(*validation))
                now = perf_counter()
                history.extend(epoch, costs, now - started)
                started = now
            done = (epoch - first + step / steps) / epochs
            bar.show(done, progress_text(epoch, last, history))
        return history

    def _validation(
        self, data: tuple[Data, Data] | None
    ) -> tuple[Array, AnyArray, AnyArray | None] | None:
        if data is None:
            return None
        if not isinstance(data, (tuple, list)) or len(data) != 2:
            raise TypeError(f"validation_data must be a pair (X, y); got {type(data).__name__}")
        X, y = self._samples(*data)
        return X, y, class_labels(y, self.output)

    def _use_optimizer(self, given: Choice) -> None:
        """Keep the optimiser with its memory, unless another one is asked for."""
        wanted = self._tables.row("optimizer", given)
        if wanted != self._optimizer:
            self._core.set_optimizer(wanted)
            self._optimizer = wanted

    # How it is kept.

    def save(self, path: Path) -> None:
        """Write the network to a safetensors file, all or nothing.

        The parameters are kept bit for bit, with the settings and `metadata`.

        Parameters
        ----------
        path : str or path
            By custom it ends in .safetensors. An existing file is replaced.

        Raises
        ------
        ValueError
            If a parameter is not finite, or `metadata` does not suit JSON.

        Examples
        --------
        >>> import os, tempfile
        >>> path = os.path.join(tempfile.mkdtemp(), "net.safetensors")
        >>> Network([2, 3, 2], seed=0).save(path)
        >>> Network.load(path)
        Network(2-3-2, sigmoid -> sigmoid, squared_error, float32, 17 parameters)
        """
        from . import _files

        state = self.__getstate__()
        for name in ("weights", "biases"):
            for layer, array in enumerate(state[name], 1):
                _check.finite(f"{name} of layer {layer}", array, self.dtype)
        layers = list(zip(state["weights"], state["biases"], strict=True))
        _files.write(path, state["settings"], layers)

    @classmethod
    def load(cls, path: Path, backend: str = "auto") -> Network:
        """Read a network from a file that `save` wrote.

        Parameters
        ----------
        path : str or path
        backend : "auto", "rust" or "numpy", default "auto"

        Raises
        ------
        ValueError
            If the file is truncated, was changed, or is not a network of this package.

        Examples
        --------
        >>> Network.load("no such file")
        Traceback (most recent call last):
        FileNotFoundError: [Errno 2] No such file or directory: 'no such file'
        """
        from . import _files

        settings, layers = _files.read(path)
        weights, biases = map(list, zip(*layers, strict=True))
        net = cls.__new__(cls)
        try:
            net._restore(settings, weights, biases, backend)
        except (KeyError, TypeError, ValueError) as error:
            raise _files.refused(path, f"has settings that cannot be used: {error}") from None
        return net

    def _restore(
        self, settings: dict[str, Any], weights: list[Array], biases: list[Array], backend: str
    ) -> None:
        names = ("sizes", "activation", "output", "cost", "dtype", "seed")
        choices = {name: settings[name] for name in names}
        Network.__init__(self, **choices, init=weights, backend=backend)
        self.biases = biases
        self.epochs_trained = _check.integer("epochs_trained", settings["epochs_trained"], least=0)
        self.metadata = dict(settings["metadata"])

    def __getstate__(self) -> dict[str, Any]:
        """For `save`, `pickle` and `copy`; the optimiser's memory is not kept."""
        names = (
            *("sizes", "activation", "output", "cost", "dtype", "seed"),
            *("epochs_trained", "metadata"),
        )
        return {
            "settings": {name: getattr(self, name) for name in names},
            "weights": self.weights,
            "biases": self.biases,
            "backend": self.backend,
        }

    def __setstate__(self, state: dict[str, Any]) -> None:
        self._restore(**state)


def class_labels(y: AnyArray, output: str) -> AnyArray | None:
    """The classes (m,) that checked targets stand for; None where they are not classes."""
    if y.ndim == 1:
        return y
    if not np.isin(y, (0, 1)).all():
        return None
    if y.shape[1] > 1:
        return y.argmax(axis=1) if (y.sum(axis=1) == 1).all() else None
    return y[:, 0] if output == "sigmoid" else None


def progress_text(epoch: int, last: int, history: History) -> str:
    """Such as "epoch 3/10, cost 0.0123"."""
    scores = [f"{name} {value:.4g}" for name, value in history.last().items()]
    return ", ".join([f"epoch {epoch}/{last}", *scores])
