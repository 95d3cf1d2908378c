"""What a network is: its sizes, settings and parameters."""

from __future__ import annotations

import os
from collections.abc import Sequence
from itertools import pairwise
from threading import Lock
from typing import TYPE_CHECKING, Any

from .._internal import backends, checks, memory
from .._internal.locked import Turns
from .._internal.registry import Tables
from ..custom import Activation, Cost, Own
from ..dense import Dense

if TYPE_CHECKING:
    from .._internal.types import Array, Choice, Data, Function, Names
    from ..history import History


class Base:
    """The backend, and the parameters in it."""

    def __init__(
        self,
        sizes: Sequence[int | Dense],
        activation: Names = "sigmoid",
        output: Function = "sigmoid",
        cost: Choice | Cost = "squared_error",
        *,
        init: str | Sequence[Data] = "auto",
        dtype: str = "float32",
        seed: int | None = None,
        backend: str = "auto",
        dropout: float = 0.0,
        l1: float = 0.0,
        l2: float = 0.0,
        weight_decay: float = 0.0,
        max_norm: float = 0.0,
        layer_norm: bool = False,
    ) -> None:
        self.backend, module = backends.choose(backend)
        self._tables = Tables(module)
        every = {"l1": l1, "l2": l2, "weight_decay": weight_decay, "max_norm": max_norm}
        sizes, given = split(sizes, {"dropout": dropout, "layer_norm": layer_norm}, every)
        sizes = checks.sizes(sizes)
        memory.need_parameters(sizes, checks.dtype(dtype))
        activations = self._tables.activations(activation, len(sizes) - 2)
        activations.append(self._tables.function("activation", output))
        for i, layer in enumerate(given):
            if layer.activation is not None:
                activations[i] = self._tables.function("activation", layer.activation)
        cost = self._tables.function("cost", cost)
        self._activations = activations
        self._functions = own_of([*activations, cost])
        self._unchecked = bool(self._functions)
        seed = checks.seed(seed)
        self.seed = int.from_bytes(os.urandom(8), "little") >> 1 if seed is None else seed
        self._seed_is_drawn = seed is None  # then `fit(comm=...)` takes that of rank 0
        self.epochs_trained = 0
        self._steps = 0  # of `step` under dropout
        self._several_labels = False  # a sample, in some data that it was trained on
        self.metadata: dict[str, Any] = {}
        self._optimizer: object = None
        self._history: History | None = None  # of the last training, for `diagnose`
        self._options = [layer.options for layer in given]
        self._core = module.Network(sizes, activations, cost, checks.dtype(dtype), self._options)
        if self.backend == "numpy":
            self._core = Turns(self._core)
        self._busy = Lock()
        own_cost = isinstance(cost, Cost)
        self._target_range = checks.ANY_TARGET if own_cost else module.target_range(cost)
        choice: Any = init
        if isinstance(init, (list, tuple)):
            self.weights = list(init)
        else:
            self._core.initialize(self._tables.row("init", choice), self.seed)

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
    def layers(self) -> list[Dense]:
        """The settings of each layer.

        >>> Network([4, Dense(8, "relu", dropout=0.5), 3]).layers[0].dropout
        0.5
        """
        given = zip(self.sizes[1:], self._activations, self._options, strict=True)
        return [Dense(n, activation, **options) for n, activation, options in given]

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
        """The number of weights and biases, gains and shifts.

        >>> Network([2, 3, 2]).n_parameters
        17
        """
        return sum(self._counts())

    def _counts(self) -> list[int]:
        """The number of parameters of each layer."""
        layers = zip(self._shapes(), self._options, strict=True)
        return [n_out * (n_in + 1 + 2 * one["layer_norm"]) for (n_out, n_in), one in layers]

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
        self._refuse_in_training("weights")
        self._core.set_weights(checks.parameters("weights", given, self._shapes(), self.dtype))
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
        self._refuse_in_training("biases")
        shapes = [shape[:1] for shape in self._shapes()]
        self._core.set_biases(checks.parameters("biases", given, shapes, self.dtype))
        self._optimizer = None

    @property
    def gains(self) -> list[Array | None]:
        """Copies of the gains, (n_l,) for each layer with `layer_norm` and None for the others.

        Assign such a list to set them.

        >>> net = Network([2, Dense(3, layer_norm=True), 2])
        >>> net.gains
        [array([1., 1., 1.], dtype=float32), None]
        """
        return self._core.gains()  # type: ignore[no-any-return]

    @gains.setter
    def gains(self, given: Sequence[Data | None]) -> None:
        self._refuse_in_training("gains")
        self._core.set_gains(self._of_norm("gains", given))
        self._optimizer = None

    @property
    def shifts(self) -> list[Array | None]:
        """Copies of the shifts, as the `gains`.

        >>> Network([2, 3, 2]).shifts
        [None, None]
        """
        return self._core.shifts()  # type: ignore[no-any-return]

    @shifts.setter
    def shifts(self, given: Sequence[Data | None]) -> None:
        self._refuse_in_training("shifts")
        self._core.set_shifts(self._of_norm("shifts", given))
        self._optimizer = None

    def _of_norm(self, name: str, given: Sequence[Data | None]) -> list[Array | None]:
        """Checked gains or shifts."""
        layers = zip(self.sizes[1:], self._options, strict=True)
        shapes = [(n,) if one["layer_norm"] else None for n, one in layers]
        return checks.parameters(name, given, shapes, self.dtype)

    def _refuse_in_training(self, what: str) -> None:
        if self._busy.locked():
            raise RuntimeError(f"{what} must not be changed while the network is being trained")

    def _shapes(self) -> list[tuple[int, int]]:
        return [(n_out, n_in) for n_in, n_out in pairwise(self.sizes)]

    def __repr__(self) -> str:
        from ..summary import line

        return line(self)

    def _repr_html_(self) -> str:
        from ..summary import html

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
        from ..summary import text

        return text(self)


def split(
    sizes: Sequence[int | Dense], hidden: dict[str, Any], every: dict[str, Any]
) -> tuple[Sequence[int], list[Dense]]:
    """Plain sizes, and a `Dense` for each layer after the inputs."""
    if not isinstance(sizes, (list, tuple)) or len(sizes) < 2:
        return sizes, []  # type: ignore[return-value]  # what is wrong is said where sizes are
    first, *layers = sizes
    plain = [first, *(one.n_out if isinstance(one, Dense) else one for one in layers)]
    given = []
    for i, one in enumerate(layers, 1):
        options = every | (hidden if i < len(layers) else {})
        given.append(one if isinstance(one, Dense) else Dense(1, **options))
    for number, (n, one) in enumerate(zip(plain[1:], given, strict=True), 1):
        if one.layer_norm and n == 1:
            raise ValueError(
                f"layer_norm must be for layers of 2 neurons or more; got 1 in layer {number}"
            )
    if given[-1].dropout:
        raise ValueError(
            f"dropout must be 0 in the last layer, whose activations are the result; got "
            f"{given[-1].dropout:g}"
        )
    return plain, given


def own_of(given: Sequence[Any]) -> list[Activation | Cost]:
    """The functions of the user's own among activations and a cost, each once."""
    found = {(one.kind, one.name): one for one in given if isinstance(one, Own)}
    for one in given:
        if isinstance(one, Own) and found[one.kind, one.name] != one:
            raise ValueError(
                f"{one.kind}s of your own must have different names; got {one.name!r} twice"
            )
    return list(found.values())
