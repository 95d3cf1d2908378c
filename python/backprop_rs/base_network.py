"""A network without the features that build on it: backend, parameters, passes and scores."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from itertools import pairwise
from math import inf
from threading import Lock
from typing import TYPE_CHECKING, Any

import numpy as np

from . import backends
from ._internal import checks, frames, memory
from ._internal.error import PARAMETRIC_OUTPUT
from ._internal.locked import Locked
from .custom import Activation, Cost
from .dense import Dense
from .embedding import Choice as Embedded
from .embedding import embeddings_of, from_settings, parts_of
from .tables.choices import Tables
from .tables.embedding import Waves, n_outputs, n_parameters, places
from .tables.groups import factors_of
from .tables.threshold import threshold
from .trace import Trace

if TYPE_CHECKING:
    from ._internal.core import CoreNetwork
    from ._internal.types import (
        AnyArray,
        Array,
        BackendChoice,
        CostChoice,
        Data,
        DTypeChoice,
        Function,
        InitializerChoice,
        Names,
        OptimizerChoice,
    )
    from .history import History
    from .tables.groups import Factors


GRADIENT_DESCENT = "sgd"
LONG_STEP = 10**7  # samples times parameters from which Ctrl-C may interrupt a step


class BaseNetwork:
    """The backend, the parameters in it, and the passes through them.

    Features such as `explain` and `export` take one; `Network` offers them as methods.
    """

    def __init__(
        self,
        sizes: Sequence[int | Dense],
        activation: Names = "sigmoid",
        output: Function = "sigmoid",
        cost: CostChoice | Cost = "squared_error",
        *,
        init: InitializerChoice | Sequence[Data] = "auto",
        dtype: DTypeChoice = "float32",
        seed: int | None = None,
        backend: BackendChoice = "auto",
        dropout: float = 0.0,
        l1: float = 0.0,
        l2: float = 0.0,
        weight_decay: float = 0.0,
        max_norm: float = 0.0,
        layer_norm: bool = False,
        parametric: bool = False,
        input_scale: bool = False,
        embedding: Embedded = None,
    ) -> None:
        """Draw the parameters; for the arguments see `Network`."""
        self.backend, module = backends.choose(backend)
        self._tables = Tables(module)
        hidden = {"dropout": dropout, "layer_norm": layer_norm, "parametric": parametric}
        every = {"l1": l1, "l2": l2, "weight_decay": weight_decay, "max_norm": max_norm}
        sizes, layers = split(sizes, hidden, every)
        sizes = checks.sizes(sizes)
        self.embedding = embeddings_of(embedding)
        parts = parts_of(self.embedding, sizes[0], checks.dtype(dtype))
        self._parts = parts
        self._widths = [n_outputs(parts) if parts else sizes[0], *sizes[1:]]
        memory.need_parameters(self._widths, checks.dtype(dtype))
        activations = self._tables.activations(activation, len(sizes) - 2)
        activations.append(self._tables.function("activation", output))
        for i, layer in enumerate(layers):
            if layer.activation is not None:
                activations[i] = self._tables.function("activation", layer.activation)
        chosen_cost = self._tables.function("cost", cost)
        self._activations = activations
        self._functions = custom_functions([*activations, chosen_cost])
        self._unchecked = bool(self._functions)
        seed = checks.seed(seed)
        self.seed = int.from_bytes(os.urandom(8), "little") >> 1 if seed is None else seed
        self._seed_is_drawn = seed is None  # `fit(comm=...)` then uses the seed of rank 0
        self.epochs_trained = 0
        self._steps = 0  # calls of `step` under dropout
        self._several_labels = False  # per sample, in the data of a training
        self.metadata: dict[str, Any] = {}
        self._optimizer: str | None = None
        self._history: History | None = None  # the last training, for `diagnose`
        self._options = [layer.options for layer in layers]
        self.input_scale = checks.boolean("input_scale", input_scale)
        arguments = (sizes, activations, chosen_cost, checks.dtype(dtype), self._options)
        self._core: CoreNetwork = module.Network(*arguments, self.input_scale, parts or None)
        if self.backend == "numpy":
            self._core = Locked(self._core)
        self._n_parameters = sum(self._counts())  # each step needs it
        self._busy = Lock()
        custom_cost = isinstance(chosen_cost, Cost)
        self._target_range = checks.ANY_TARGET if custom_cost else module.target_range(chosen_cost)
        choice: Any = init
        if isinstance(init, (list, tuple)):
            if n_parameters(parts):
                self._core.initialize("zeros", self.seed)  # draws the embeddings
            self.weights = list(init)
        else:
            self._core.initialize(self._tables.entry("init", choice), self.seed)

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
        return self._core.activations[-1]

    @property
    def layers(self) -> list[Dense]:
        """The settings of each layer.

        >>> Network([4, Dense(8, "relu", dropout=0.5), 3]).layers[0].dropout
        0.5
        """
        layers = zip(self.sizes[1:], self._activations, self._options, strict=True)
        return [Dense(n, activation, **options) for n, activation, options in layers]

    @property
    def cost(self) -> str:
        """The name of the cost."""
        return self._core.cost

    @property
    def dtype(self) -> str:
        """The type of the parameters, "float32" or "float64"."""
        return self._core.dtype

    @property
    def n_parameters(self) -> int:
        """The number of weights and biases, gains, shifts, alphas, scales and embeddings.

        >>> Network([2, 3, 2]).n_parameters
        17
        """
        return self._n_parameters

    def _counts(self) -> list[int]:
        """Return the number of parameters of each layer."""
        layers = zip(self._shapes(), self._options, strict=True)
        counts = [
            n_out * (n_in + 1 + 2 * own["layer_norm"] + own["parametric"])
            for (n_out, n_in), own in layers
        ]
        counts[0] += self._widths[0] if self.input_scale else 0
        counts[0] += n_parameters(self._parts)
        return counts

    @property
    def weights(self) -> list[Array]:
        """Copies of the weights, (n_l, n_{l-1}) for each layer; assign a list to set them.

        >>> net = Network([2, 3, 2])
        >>> [w.shape for w in net.weights]
        [(3, 2), (2, 3)]
        """
        return self._core.weights()

    @weights.setter
    def weights(self, arrays: Sequence[Data]) -> None:
        self._refuse_in_training("weights")
        self._core.set_weights(checks.parameters("weights", arrays, self._shapes(), self.dtype))
        self._optimizer = None  # its memory belongs to the old parameters

    @property
    def biases(self) -> list[Array]:
        """Copies of the biases, (n_l,) for each layer; assign a list to set them.

        >>> net = Network([2, 3, 2])
        >>> net.biases = [[0.1, 0.2, 0.3], [0, 1]]
        >>> net.biases[1]
        array([0., 1.], dtype=float32)
        """
        return self._core.biases()

    @biases.setter
    def biases(self, arrays: Sequence[Data]) -> None:
        self._refuse_in_training("biases")
        shapes = [shape[:1] for shape in self._shapes()]
        self._core.set_biases(checks.parameters("biases", arrays, shapes, self.dtype))
        self._optimizer = None

    @property
    def gains(self) -> list[Array | None]:
        """Copies of the gains, (n_l,) for each layer with `layer_norm` and None for the others.

        Assign such a list to set them.

        >>> net = Network([2, Dense(3, layer_norm=True), 2])
        >>> net.gains
        [array([1., 1., 1.], dtype=float32), None]
        """
        return self._core.gains()

    @gains.setter
    def gains(self, arrays: Sequence[Data | None]) -> None:
        self._refuse_in_training("gains")
        self._core.set_gains(self._of_neurons("gains", arrays, "layer_norm"))
        self._optimizer = None

    @property
    def shifts(self) -> list[Array | None]:
        """Copies of the shifts, as the `gains`.

        >>> Network([2, 3, 2]).shifts
        [None, None]
        """
        return self._core.shifts()

    @shifts.setter
    def shifts(self, arrays: Sequence[Data | None]) -> None:
        self._refuse_in_training("shifts")
        self._core.set_shifts(self._of_neurons("shifts", arrays, "layer_norm"))
        self._optimizer = None

    @property
    def alphas(self) -> list[Array | None]:
        """Copies of the alphas, (n_l,) for each `parametric` layer and None for the others.

        Assign such a list to set them.

        >>> Network([2, Dense(3, "selu", parametric=True), 2]).alphas
        [array([1., 1., 1.], dtype=float32), None]
        """
        return self._core.alphas()

    @alphas.setter
    def alphas(self, arrays: Sequence[Data | None]) -> None:
        self._refuse_in_training("alphas")
        self._core.set_alphas(self._of_neurons("alphas", arrays, "parametric"))
        self._optimizer = None

    @property
    def scales(self) -> Array | None:
        """A copy of the factors of the inputs, (n_0,), with `input_scale`, otherwise None.

        With an embedding there is one for each embedded input. Assign such an array to set them.

        >>> Network([3, 2], input_scale=True).scales
        array([1., 1., 1.], dtype=float32)
        """
        return self._core.scales()

    @scales.setter
    def scales(self, array: Data | None) -> None:
        self._refuse_in_training("scales")
        checked = checks.parameter("scales", array, self._shape_of_scales(), self.dtype)
        if checked is not None:
            self._core.set_scales(checked)
        self._optimizer = None

    def _shape_of_scales(self) -> tuple[int] | None:
        """Return the shape of the factors of the inputs; None without them."""
        return (self._widths[0],) if self.input_scale else None

    def _of_neurons(
        self, name: str, arrays: Sequence[Data | None], option: str
    ) -> list[Array | None]:
        """Return checked vectors of the layers with an option."""
        layers = zip(self.sizes[1:], self._options, strict=True)
        shapes = [(n,) if options[option] else None for n, options in layers]
        return checks.parameters(name, arrays, shapes, self.dtype)

    def _refuse_in_training(self, what: str) -> None:
        """Raise RuntimeError if the network is being trained."""
        if self._busy.locked():
            raise RuntimeError(f"{what} must not be changed while the network is being trained")

    def _shapes(self) -> list[tuple[int, int]]:
        """Return the shape of the weights of each layer."""
        return [(n_out, n_in) for n_in, n_out in pairwise(self._widths)]

    def predict(self, X: Data, out: Array | None = None) -> Array:
        """Return the activations of the output layer.

        Parameters
        ----------
        X : (m, n_0) array-like, one sample (n_0,), or a `backprop_rs.data.Source`
            A C-contiguous array of the network's dtype is used as it is, without a copy. The
            columns of a frame are found by name if the network was trained on a frame.
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
        return result

    def _predict_checked(self, X: Data, out: Array | None) -> Array:
        """Predict from arguments that the core cannot use as they are."""
        n_out = self.sizes[-1]
        X = self._inputs(X)
        if out is not None:
            checks.output(out, (*X.shape[:-1], n_out), self.dtype)
            if np.may_share_memory(X, out):
                X = X.copy()
        else:
            rows = len(X) if X.ndim == 2 else 1
            memory.need(rows * n_out, self.dtype, f"the result for {rows:,} samples")
        return self._outputs(X, out)

    def _outputs(self, X: Array, out: Array | None = None) -> Array:
        """Return the output activations of rows that are ready for the core."""
        outputs = self._core.predict(X, out)
        assert outputs is not None
        return outputs

    def activations(self, X: Data) -> list[Array]:
        """Return the activations of all layers, from the input to the output.

        Parameters
        ----------
        X : (m, n_0) array-like, or one sample (n_0,), which is a batch of one

        Returns
        -------
        list of (m, n_l) arrays
            [a0, a1, ..., aL] (eq. 2).

        Examples
        --------
        >>> [a.shape for a in Network([2, 3, 1]).activations([[1, 2], [3, 4]])]
        [(2, 2), (2, 3), (2, 1)]
        """
        n_in = self.sizes[0]
        X = self._inputs(X)
        self._need_rows(X, 1)
        return self._core.activations_of(X.reshape(-1, n_in))

    def embed(self, X: Data) -> Array:
        """Return the inputs of layer 1 before their factors: X, or what the embedding gives.

        Parameters
        ----------
        X : (m, n_0) array-like, or one sample (n_0,), which is a batch of one

        Returns
        -------
        (m, k) array
            k is n_0 without an embedding.

        Examples
        --------
        >>> import backprop_rs as bp
        >>> encoding = bp.PiecewiseLinear({1: [0, 1, 2]})
        >>> Network([2, 3, 1], embedding=encoding).embed([[5, 1.5]])
        array([[5. , 1. , 0.5]], dtype=float32)
        """
        X = self._inputs(X).reshape(-1, self.sizes[0])
        memory.need(len(X) * self._widths[0], self.dtype, f"the inputs of {len(X):,} samples")
        return self._core.embedded(X)

    @property
    def embeddings(self) -> Array | None:
        """A copy of what the embedding learns, (p,), or None if it learns nothing.

        Assign such an array to set it; `embedding_arrays` names its parts.

        >>> Network([3, 2]).embeddings is None
        True
        """
        return self._core.embeddings()

    @embeddings.setter
    def embeddings(self, array: Data | None) -> None:
        self._refuse_in_training("embeddings")
        n = n_parameters(self._parts)
        checked = checks.parameter("embeddings", array, (n,) if n else None, self.dtype)
        if checked is not None:
            self._core.set_embeddings(checked)
        self._optimizer = None

    def embedding_arrays(self, values: Data | None = None) -> dict[int, Waves]:
        """Return the learned arrays of each embedded input, or the same parts of other values.

        Parameters
        ----------
        values : (p,) array-like, optional
            Such as `Trace.embedding_gradients`; by default `embeddings`.

        Returns
        -------
        dict
            By the number of the input: tuples with `frequencies`, `phases`, `weights` and
            `biases`.

        Examples
        --------
        >>> import backprop_rs as bp
        >>> net = Network([2, 3, 1], embedding=bp.PBLD([1], frequencies=4), seed=0)
        >>> net.embedding_arrays()[1].weights.shape
        (3, 4)
        """
        theta = self.embeddings if values is None else values
        n = n_parameters(self._parts)
        checked = checks.parameter("values", theta, (n,) if n else None, self.dtype)
        return {
            place.column: Waves.of(checked[place.parameters], place.numbers)
            for place in places(self._parts)
            if checked is not None and place.row.n_parameters(place.numbers)
        }

    def backward(self, X: Data, y: Data, sample_weight: Data | None = None) -> Trace:
        """Return all values of back-propagation for a batch; nothing is changed.

        Parameters
        ----------
        X : (m, n_0) array-like, or one sample (n_0,)
        y : (m, n_L) array-like, (m,) if n_L is 1, or integer class labels (m,)
        sample_weight : (m,) array-like of numbers >= 0, optional
            The weight of each sample in the averages.

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
        X, y = self._samples(X, y)
        self._need_rows(X, 3)  # z, a and δ
        return Trace.of(self._core.backward(X, y, self._weights(sample_weight, X)))

    def _threshold(self) -> float:
        """Return the activation at which the predicted class of one output changes."""
        return threshold(self._activations[-1], self.cost)

    def _feature_names(self) -> tuple[str, ...]:
        """Return the names of the inputs, if the network was trained on any."""
        names = self.metadata.get("feature_names")
        if not isinstance(names, list) or len(names) != self.sizes[0]:
            return ()
        return tuple(map(str, names))

    def _inputs(self, X: Data) -> Array:
        """Return X (m, n_in) or (n_in,), ready for the core; frames are matched by name."""
        known = self._feature_names()
        if known and not isinstance(X, np.ndarray):
            X = frames.in_order("X", X, known)
        return checks.inputs(X, self.sizes[0], self.dtype)

    def _need_rows(self, X: Array, times: int) -> None:
        """Raise MemoryError if `times` numbers per neuron and sample do not fit in memory."""
        rows = len(X) if X.ndim == 2 else 1
        numbers = times * rows * sum(self.sizes[1:])
        numbers += rows * (self._widths[0] if self.embedding else 0)
        memory.need(numbers, self.dtype, f"the values of {rows:,} samples")

    def _weights(self, weights: Data | None, X: Array) -> Array | None:
        """Return checked weights of samples."""
        return None if weights is None else checks.sample_weight(weights, len(X), self.dtype)

    def _samples(self, X: Data, y: Data | None) -> tuple[Array, AnyArray]:
        """Return X (m, n_0) and y, both ready for the core."""
        if y is None:
            raise TypeError("y is required unless X is a Source with targets; got None")
        n_in, *_, n_out = self.sizes
        X = self._inputs(X)
        cost = self.cost.partition("(")[0]
        y = checks.targets(y, X, n_out, self.dtype, cost, self._target_range)
        X = X.reshape(-1, n_in)
        if self._unchecked:
            self._check_functions(X, y)
        return X, y

    def _check_functions(self, X: Array, y: AnyArray) -> None:
        """Compare the derivatives of custom functions with differences, once."""
        from ._internal.derivative_check import check_activation, check_cost

        for function in self._functions:
            if isinstance(function, Activation):
                layer = 1 + self._activations.index(function)
                check_activation(function, self.sizes[layer])
        for function in self._functions:
            if isinstance(function, Cost):
                from .data.labels import one_hot_rows

                y = one_hot_rows(y, self.sizes[-1]) if y.ndim == 1 else y
                check_cost(function, self._outputs(X), y)
        self._unchecked = False

    def step(
        self,
        X: Data,
        y: Data,
        learning_rate: float,
        sample_weight: Data | None = None,
        *,
        lr_factors: Mapping[str, Any] | None = None,
        decay_factors: Mapping[str, Any] | None = None,
    ) -> float:
        """Take one step of gradient descent with the averaged gradient of this batch.

        w := w - learning_rate dC/dw, b := b - learning_rate dC/db. Under dropout each step has
        a mask of its own, from the seed and the number of the step.

        Parameters
        ----------
        X : (m, n_0) array-like, or one sample (n_0,)
        y : (m, n_L) array-like, (m,) if n_L is 1, or integer class labels (m,)
        learning_rate : float
            Finite and >= 0.
        sample_weight : (m,) array-like of numbers >= 0, optional
            The weight of each sample in the average.
        lr_factors, decay_factors : mapping of str to factor, optional
            Factors for groups of parameters, as for `fit`.

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
        learning_rate = checks.nonnegative("learning_rate", learning_rate)
        factors = None
        if lr_factors is not None or decay_factors is not None:
            factors = factors_of(self._widths, lr_factors, decay_factors)
        self._refuse_in_training("parameters")
        if self._optimizer != GRADIENT_DESCENT:
            self._use_optimizer("sgd")
        weights = self._weights(sample_weight, X)
        return self._one_step(X, y, learning_rate, weights, factors)

    def _one_step(
        self,
        X: Array,
        y: AnyArray,
        rate: float,
        weights: Array | None,
        factors: Factors | None = None,
    ) -> float:
        """Update once; each step under dropout has a mask of its own."""
        at, drops = 0, any(options["dropout"] for options in self._options)
        short = self.backend == "rust" and len(X) * self.n_parameters < LONG_STEP
        if short and not drops and not self._functions and factors is None:
            return self._core.step(X, y, rate, weights)
        if drops:
            at, self._steps = self._steps, self._steps + 1
        from ._internal import interrupts

        run: dict[str, Any] = {
            "batch_size": len(X),
            "learning_rate": rate,
            "factors": factors,
            "seed": self.seed,
        }
        with interrupts.current() as listening:
            run |= {"stop_epoch": at + 1, "budget": inf, "interrupted": listening.asked}
            while True:
                costs, *_, reason = self._core.train(X, y, run, (at, 0, 0.0, 0.0), weights)
                if isinstance(reason, BaseException):
                    raise reason
                if costs:
                    break
                listening.obey()
        if listening.pressed():
            raise KeyboardInterrupt
        return costs[0]

    def _use_optimizer(self, choice: OptimizerChoice) -> None:
        """Switch to an optimizer; the current one keeps its memory."""
        wanted = self._tables.entry("optimizer", choice)
        if wanted != self._optimizer:
            self._core.set_optimizer(wanted)
            self._optimizer = wanted

    def _settings(self) -> dict[str, Any]:
        """Return the contents of a file besides the parameters."""
        settings: dict[str, Any] = {
            "sizes": self.sizes,
            "activation": self.activation,
            "output": self.output,
            "cost": self.cost,
            "dtype": self.dtype,
            "seed": self.seed,
            "epochs_trained": self.epochs_trained,
            "metadata": self.metadata,
        }
        if any(any(options.values()) for options in self._options):
            settings["layers"] = self._options
        if self.input_scale:
            settings["input_scale"] = True
        if self.embedding:
            parts = [each.to_dict() for each in self.embedding]
            settings["embedding"] = {
                "size": self._widths[0],
                "parameters": n_parameters(self._parts),
                "parts": parts,
            }
        if self._several_labels:
            settings["several_labels"] = True
        if self._functions:
            settings["functions"] = [[custom.kind, custom.name] for custom in self._functions]
        return settings

    def _restore(
        self, settings: dict[str, Any], backend: str, functions: Sequence[Activation | Cost]
    ) -> None:
        """Rebuild this network from settings, with parameters of zero."""
        names = ("sizes", "activation", "output", "cost", "dtype", "seed")
        choices = {name: settings[name] for name in names}
        own = {(custom.kind, custom.name): custom for custom in functions}
        activations = [own.get(("activation", name), name) for name in choices["activation"]]
        choices["activation"] = activations
        for kind, name in (("activation", "output"), ("cost", "cost")):
            choices[name] = own.get((kind, choices[name]), choices[name])
        options = settings.get("layers") or [{}] * (len(choices["sizes"]) - 1)
        first, *sizes = checks.sizes(choices["sizes"])
        layers = [Dense(n, **layer) for n, layer in zip(sizes, options, strict=True)]
        choices["sizes"] = [first, *layers]
        choices["input_scale"] = settings.get("input_scale", False)
        choices["embedding"] = from_settings(settings.get("embedding", {"parts": []})["parts"])
        BaseNetwork.__init__(self, **choices, init="zeros", backend=backend)
        self.epochs_trained = checks.integer(
            "epochs_trained", settings["epochs_trained"], least=0, most=2**62
        )
        if not isinstance(settings["metadata"], Mapping):
            raise TypeError("metadata must be an object")
        self.metadata = dict(settings["metadata"])
        self._several_labels = checks.flag("several_labels", settings.get("several_labels", False))

    def __getstate__(self) -> dict[str, Any]:
        """Return the state for `pickle` and `copy`; a copy trains on to the same bits."""
        return {
            "settings": self._settings(),
            "state": self._core.state(),
            "optimizer": self._optimizer,
            "steps": self._steps,
            "seed_is_drawn": self._seed_is_drawn,
            "backend": self.backend,
            "functions": self._functions,
        }

    def __setstate__(self, state: dict[str, Any]) -> None:
        self._restore(state["settings"], state["backend"], state["functions"])
        if state["optimizer"] is not None:
            self._core.set_optimizer(state["optimizer"])
            self._optimizer = state["optimizer"]
        self._core.set_state(state["state"])
        self._steps = state["steps"]
        self._seed_is_drawn = state["seed_is_drawn"]


def split(
    sizes: Sequence[int | Dense], hidden: dict[str, Any], every: dict[str, Any]
) -> tuple[Sequence[int], list[Dense]]:
    """Return plain sizes, and a `Dense` for each layer after the inputs.

    Parameters
    ----------
    sizes : list or tuple
        As for `Network`.
    hidden, every : dict
        Options of the hidden layers, and of all layers, without a `Dense` of their own.
    """
    if not isinstance(sizes, (list, tuple)) or len(sizes) < 2:
        return sizes, []  # type: ignore[return-value]  # `checks.sizes` raises the error
    first, *entries = sizes
    plain = [first, *(entry.n_out if isinstance(entry, Dense) else entry for entry in entries)]
    layers = []
    for number, entry in enumerate(entries, 1):
        options = every | (hidden if number < len(entries) else {})
        layers.append(entry if isinstance(entry, Dense) else Dense(1, **options))
    for number, (n, layer) in enumerate(zip(plain[1:], layers, strict=True), 1):
        if layer.layer_norm and n == 1:
            raise ValueError(
                f"layer_norm must be for layers of 2 neurons or more; got 1 in layer {number}"
            )
    if layers[-1].parametric:
        raise ValueError(PARAMETRIC_OUTPUT)
    if layers[-1].dropout:
        raise ValueError(
            "dropout must be 0 in the last layer, whose activations are the result; got "
            f"{layers[-1].dropout:g}"
        )
    return plain, layers


def custom_functions(functions: Sequence[Any]) -> list[Activation | Cost]:
    """Return the custom functions among activations and a cost, each once."""
    by_name: dict[tuple[str, str], Activation | Cost] = {}
    for function in functions:
        if isinstance(function, (Activation, Cost)):
            by_name.setdefault((function.kind, function.name), function)
            if by_name[function.kind, function.name] != function:
                raise ValueError(
                    f"{function.kind}s of your own must have different names; got "
                    f"{function.name!r} twice"
                )
    return list(by_name.values())
