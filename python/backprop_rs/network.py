"""The class `Network`; each public method calls the feature that does the work."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from math import inf
from typing import TYPE_CHECKING, Any, TypeGuard, cast

import numpy as np

from ._internal import checks
from ._internal.keywords import hinting
from ._internal.safetensors import UNFIT
from .base_network import BaseNetwork

if TYPE_CHECKING:
    from typing_extensions import Self

    from ._internal.types import (
        AnyArray,
        Array,
        BackendChoice,
        CostChoice,
        Data,
        DTypeChoice,
        Function,
        Names,
        OptimizerChoice,
        Path,
        ScheduleChoice,
    )
    from .custom import Activation, Cost
    from .data.sources import Source
    from .explain import Explanation
    from .film import Film
    from .gradient_check import GradientCheck
    from .health import Health
    from .health.diagnosis import Diagnosis
    from .history import History
    from .summary import Summary
    from .training.lr_finder import LearningRates
    from .typing import OnNaN


@hinting
class Network(BaseNetwork):
    """A dense feed-forward network that learns by back-propagation.

    Rows are samples everywhere, and weights are (n_out, n_in), as in the derivation.

    Parameters
    ----------
    sizes : sequence of int, or of int and `Dense`
        The number of neurons of each layer, from the input n_0 to the output n_L; a `Dense`
        is a layer with settings of its own.
    activation : name or object, or one per hidden layer, default "sigmoid"
        A name such as "tanh" or "leaky_relu(0.1)", an object of `backprop_rs.activations`, or an
        `Activation` of your own; softmax is for the output only.
    output : name or object, default "sigmoid"
        The activation of the output layer.
    cost : name or object, default "squared_error"
        A name such as "squared_error", which is sum_j (a_j - y_j)^2, "huber(2)" or
        "cross_entropy", which needs the output sigmoid (each output a probability) or softmax (one
        probability per class); an object of `backprop_rs.costs`, or a `Cost` of your own.
    init : name, object of `backprop_rs.initializers`, or arrays (n_l, n_{l-1}), default "auto"
        The initializer of the weights, or the weights themselves. Auto is he_uniform for relu and
        similar activations, lecun_normal for selu, otherwise glorot_uniform.
    dtype : "float32" or "float64", default "float32"
        The type of the parameters and of all arithmetic.
    seed : int, optional
        From 0 to 2**64 - 1; it determines the first weights and the order of the samples.
        By default it is drawn; the attribute `seed` keeps it.
    backend : "auto", "rust" or "numpy", default "auto"
        Auto means Rust, or NumPy with a RuntimeWarning if Rust cannot be imported.
    dropout : float, default 0.0
        For each hidden layer, as in `Dense`.
    layer_norm : bool, default False
        For each hidden layer, as in `Dense`.
    parametric : bool, default False
        For each hidden layer, as in `Dense`.
    l1, l2, weight_decay, max_norm : float, default 0.0
        For every layer, as in `Dense`.
    input_scale : bool, default False
        Multiply each input by a learned factor s, initially 1: the first layer takes s a0 instead
        of a0 (the scaling layer of RealMLP; Holzmüller et al. 2024). The factors are trained as
        the biases are, without penalties and weight decay. `input_noise` comes before them.
    embedding : `PiecewiseLinear`, `PBLD`, or a list of them, optional
        Replace inputs by several numbers each before the first layer, and before `input_scale`.

    Attributes
    ----------
    seed : int
    backend : str
        "rust" or "numpy".
    input_scale : bool
        True if the network has learned factors of its inputs, `scales`.
    embedding : tuple
        The embeddings of the inputs.
    epochs_trained : int
        The number of epochs that all calls of `fit` have completed.
    metadata : dict
        Notes of any kind, saved with the model; JSON must be able to hold them.

    Raises
    ------
    ValueError, TypeError
        One sentence with the argument, its value and the accepted values.

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

    def _predict_checked(self, X: Data, out: Array | None) -> Array:
        """Predict from a source, or from arguments that the core cannot use as they are."""
        if is_source(X):
            from .training import out_of_core

            return out_of_core.predict(self, X, out)
        return super()._predict_checked(X, out)

    def initialize(
        self,
        X: Data,
        weights: Any = "std",
        biases: Any = "he+5",
        *,
        seed: int | None = None,
        max_rows: int = 10_000,
    ) -> Self:
        """Draw new weights and biases that suit some samples; the memory of the optimizer is lost.

        Layer by layer, from the outputs of the layers before with their new parameters and without
        dropout. Gains, alphas and scales become 1 and shifts 0, and embeddings get new values.

        Parameters
        ----------
        X : (m, n_0) array-like
            The samples, such as those of the training.
        weights : "std", an initializer as for `init`, or None, or one per layer; default "std"
            "std" draws normal weights and divides those of each neuron by the standard deviation
            of its weighted inputs z over the samples, which is then 1. A neuron whose z is constant
            gets weights of standard deviation sqrt(1 / n_in). None keeps the weights.
        biases : "he+5", "zeros" or None, or one per layer, default "he+5"
            "he+5" moves the zero of each neuron to a random sample: b = -sum u_k z_k over 5
            samples, drawn for each neuron with replacement, with Exp(1) numbers u_k divided by
            their sum. None keeps the biases, or takes those of the initializer.
        seed : int, optional
            By default the network's.
        max_rows : int, default 10,000
            The number of random samples that are used if there are more.

        Returns
        -------
        Network
            This network.

        References
        ----------
        Holzmüller et al. 2024, Better by Default (RealMLP).

        Examples
        --------
        >>> import numpy as np
        >>> X = np.random.default_rng(0).normal(size=(100, 3)) * [1, 100, 0.01]
        >>> net = Network([3, 8, 1], "relu", "identity").initialize(X, biases="zeros")
        >>> net.backward(X, np.zeros(100)).weighted_inputs[0].std(axis=0).round(4).tolist()
        [1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0]
        """
        from .initialization import initialize

        if is_source(X):
            raise TypeError("X must be an array in memory; got a source")
        self._refuse_in_training("parameters")
        chosen = checks.seed(seed)
        X = self._inputs(X).reshape(-1, self.sizes[0])
        max_rows = checks.integer("max_rows", max_rows, least=1)
        initialize(self, X, weights, biases, self.seed if chosen is None else chosen, max_rows)
        return self

    def evaluate(
        self,
        X: Data | Source,
        y: Data | None = None,
        sample_weight: Data | None = None,
        *,
        metrics: Any = (),
    ) -> dict[str, float]:
        """Return the mean cost, the accuracy if y are classes, and any other metrics.

        Classes are integer labels, one-hot rows, or, for one output with sigmoid, 0 and 1
        (predicted 1 from an activation of 0.5). Rows of 0 and 1 for several sigmoid outputs that
        are not all one-hot are several labels per sample, which is correct if all of its labels
        are. A network that was trained on such rows treats all rows of 0 and 1 this way.

        Parameters
        ----------
        X : (m, n_0) array-like, one sample (n_0,), or a `backprop_rs.data.Source` with targets
        y : (m, n_L) array-like, (m,) if n_L is 1, or integer class labels (m,)
            None with a source.
        sample_weight : (m,) array-like of numbers >= 0, not all 0; optional
            The weight of each sample in the averages.
        metrics : name, function of (y_true, y_pred), `Metric`, or sequence of them, default ()
            As for `fit`.

        Returns
        -------
        dict
            {"cost": C} or {"cost": C, "accuracy": share of correct samples}, and the metrics.

        Examples
        --------
        >>> Network([2, 3, 1], init="zeros").evaluate([[1, 2], [3, 4]], [0, 1])
        {'cost': 0.25, 'accuracy': 0.5}
        """
        from .data.labels import target_labels
        from .training.metrics import metrics_for, score

        if is_source(X):
            from .training import out_of_core

            return out_of_core.evaluate(self, X, metrics_for(self, metrics))
        wanted = metrics_for(self, metrics)
        X, y = self._samples(X, y)
        weights = self._weights(sample_weight, X)
        checks.some_weight("sample_weight", weights)
        labels = target_labels(y, self.output, self.cost, self._several_labels)
        return score(self, X, y, labels, weights, wanted)

    def fit(
        self,
        X: Data | Source,
        y: Data | None = None,
        epochs: int | str = "auto",
        batch_size: int | str = "auto",
        learning_rate: float | str = "auto",
        *,
        optimizer: OptimizerChoice = "auto",
        schedule: ScheduleChoice = "auto",
        lr_factors: Mapping[str, Any] | None = None,
        decay_factors: Mapping[str, Any] | None = None,
        dropout_schedule: ScheduleChoice | None = None,
        decay_schedule: ScheduleChoice | None = None,
        shuffle: bool = True,
        validation_data: tuple[Data, Data] | Source | None = None,
        validation_fraction: float = 0.0,
        sample_weight: Data | None = None,
        class_weight: Any = None,
        metrics: Any = (),
        early_stopping: Any = None,
        callbacks: Any = (),
        clip_value: float | None = None,
        clip_norm: float | None = None,
        average: float | None = None,
        input_noise: float = 0.0,
        on_nan: OnNaN = "raise",
        checkpoint: Path | None = None,
        checkpoint_every: int | str = "60s",
        resume: Path | bool | None = None,
        health: bool | int | Health = False,
        progress: bool | None = None,
        comm: Any = None,
        reduction: str = "exact",
    ) -> History:
        """Train for some epochs of mini-batches; a second call continues the first.

        Parameters
        ----------
        X : (n, n_0) array-like, or a `backprop_rs.data.Source` of samples with their targets
        y : (n, n_L) array-like, (n,) if n_L is 1, or integer class labels (n,)
            None with a source.
        epochs : int or "auto", default "auto"
            The number of passes over the samples. Auto aims at about 1,000 updates in 10 to 1,000
            epochs (200 iterations of L-BFGS).
        batch_size : int or "auto", default "auto"
            Samples per update; a smaller last batch is averaged over its own samples. Auto is
            32, or 64 from 10,000 samples on.
        learning_rate : float or "auto", default "auto"
            A number without an optimizer means plain gradient descent (eq. 14). Auto depends on
            the optimizer, such as 0.003 for adam; see docs/guide/training.md.
        optimizer : name or object, default "auto"
            A name such as "adam" or "sgd(momentum=0.9)", or an object of
            `backprop_rs.optimizers`; "lbfgs" is SciPy's L-BFGS on all samples at once. Auto is
            adam, or sgd with a numeric learning rate. Its memory is kept until another optimizer
            is used or parameters are assigned.
        schedule : name or object, default "auto"
            The factor of the learning rate over the epochs, such as "warmup(5) then cosine". Auto
            is constant with a numeric learning rate, otherwise cosine.
        lr_factors : mapping of str to factor, optional
            Factors >= 0 of the learning rate for groups of parameters: "weights", "biases",
            "gains" and "shifts" (of layer normalization), "alphas" (of parametric activations),
            and in the first layer "scales" (of the inputs) and "embeddings" (what an embedding
            learns). Each is one number or one per layer, by default 1; 0 keeps the parameters as
            they are. "ntp" for the weights is 1 / sqrt(n_in) in each layer: with adam, the neural
            tangent parametrization z = W a / sqrt(n_in) + b of W ~ N(0, 1) (Jacot et al. 2018).
        decay_factors : mapping of str to factor, optional
            Factors of the weight decay for the same groups, by default 1 for weights and 0 for all
            others. The decay of a step uses the learning rate without its factor.
        dropout_schedule, decay_schedule : name or object, optional
            Factors of the dropout (at most 1) and of the weight decay over the epochs, such as
            "flat_cos"; any schedule that does not depend on the course of the training.
        shuffle : bool, default True
            Use a new order in each epoch, from `seed` and the number of the epoch.
        validation_data : (X, y) or a source, optional
            Samples to evaluate after each epoch.
        validation_fraction : float, default 0.0
            Use this fraction of the samples, stratified by class, as validation data.
        sample_weight : (n,) array-like of numbers >= 0, optional
            The weight of each sample: C = sum w_i C_i / sum w_i over a batch.
        class_weight : "balanced" or mapping from class to weight, optional
            Factors of the weights of the samples of each class.
        metrics : name, function of (y_true, y_pred), `Metric`, or sequence of them, default ()
            accuracy, balanced_accuracy, f1, f1_macro, f1_micro, f1_weighted, roc_auc,
            average_precision, log_loss, brier, r2, mae, rmse, mape, or functions such as
            scikit-learn's; computed after each epoch, with the weights of the samples.
            docs/guide/training.md defines each.
        early_stopping : int, True or `EarlyStopping`, optional
            Stop when the cost (of the validation data, if there are any) has not improved for
            this many epochs, and restore the best parameters. An `EarlyStopping(patience=None)`
            makes all epochs and then restores the best parameters.
        callbacks : function, object, or sequence of them, default ()
            Functions of an `Epoch`, called after each; objects with some of `on_fit_begin(net)`,
            `on_epoch_begin(net)`, `on_step_end(step)`, `on_epoch_end(epoch)`, `on_fit_end(net)`.
        clip_value, clip_norm : float, optional
            The largest element and the largest norm of the averaged gradient.
        average : float, optional
            Compute a moving average of the parameters with this decay, for `averaged()`.
        input_noise : float, default 0.0
            The standard deviation of normal noise on X, new in each epoch.
        on_nan : "raise", "stop" or "ignore", default "raise"
            The reaction to a cost of a batch that is NaN or infinite. The parameters are then
            those before the update that caused it, except with "ignore".
        checkpoint : path, optional
            A file for the state of the training: parameters, optimizer, order, schedule, history
            and early stopping. It is written atomically, at intervals and at the end, but not
            after Ctrl-C.
        checkpoint_every : int or str, default "60s"
            The number of epochs, or a time such as "30s", "10min" or "2h", between checkpoints.
        resume : path or True, optional
            Continue from a checkpoint, with the same bits as without the interruption. All other
            arguments must be those of that training; parameters and seed come from the file. True
            resumes from `checkpoint` if that file exists and starts fresh otherwise.
        health : bool, int or `Health`, default False
            Measure every layer during the training, for `history.health`: mean |δ|, gradient
            norm, ratio of update to weight, saturated and dead neurons. True measures 30 times,
            and more often while that takes less than 3 % of the time; a number is the interval in
            epochs.
        progress : bool, optional
            Show a progress bar; by default only in a terminal and in Jupyter.
        comm : mpi4py communicator, optional
            Train on all ranks together: each passes its own rows, in the order of the ranks, or a
            source of all. Callbacks run on every rank, and any of them may stop the training.
            Rank 0 shows the progress and writes checkpoints; a network without a seed takes seed
            and parameters from rank 0.
        reduction : "exact" or "fast", default "exact"
            The sum of the gradients of the ranks: in a fixed order, with the bits of a single
            process, or in the order of MPI.

        Returns
        -------
        History
            The record of the epochs of this call. Ctrl-C ends the training after the current
            step; `stopped` is then "interrupted".

        Examples
        --------
        >>> net = Network([1, 1], output="identity", seed=0, dtype="float64")
        >>> X = [[0.0], [1.0], [2.0]]
        >>> history = net.fit(X, [1, 3, 5], epochs=500, batch_size=3, learning_rate=0.1)
        >>> net.predict([10.0]).round(6)
        array([21.])
        """
        from .health.callback import health_of
        from .training.fit import fit
        from .training.options import FitOptions
        from .training.samples import as_mapping

        options = FitOptions(
            epochs=epochs,
            batch_size=batch_size,
            learning_rate=learning_rate,
            optimizer=optimizer,
            schedule=schedule,
            lr_factors=lr_factors,
            decay_factors=decay_factors,
            dropout_schedule=dropout_schedule,
            decay_schedule=decay_schedule,
            shuffle=shuffle,
            validation_data=validation_data,
            validation_fraction=validation_fraction,
            sample_weight=sample_weight,
            class_weight=as_mapping(class_weight),
            metrics=metrics,
            early_stopping=early_stopping,
            callbacks=callbacks,
            clip_value=clip_value,
            clip_norm=clip_norm,
            average=average,
            input_noise=input_noise,
            on_nan=on_nan,
            checkpoint=checkpoint,
            checkpoint_every=checkpoint_every,
            resume=resume,
            health=health_of(health, callbacks),
            progress=progress,
        )
        if comm is not None:
            from .distributed.fit import fit as fit_on_ranks

            return fit_on_ranks(self, X, y, options, comm, reduction)
        return fit(self, X, y, options)

    def partial_fit(self, X: Data, y: Data, **settings: Any) -> History:
        """Train for one pass over some samples; earlier training is kept.

        Parameters
        ----------
        X, y : array-like, as for `fit`
        settings
            As for `fit`; by default one epoch in batches of 32 at a constant rate, with adam
            unless there is a learning rate.

        Examples
        --------
        >>> net = Network([2, 3, 1], seed=0)
        >>> for _ in range(3):
        ...     history = net.partial_fit([[0, 1], [1, 0]], [0, 1], learning_rate=0.5)
        >>> net.epochs_trained
        3
        """
        defaults: dict[str, Any] = {"epochs": 1, "batch_size": 32, "schedule": "constant"}
        return self.fit(X, y, **defaults | settings)

    def averaged(self) -> Network:
        """Return a copy with the moving average of the parameters from `fit(average=...)`.

        The average continues over several trainings if each has `average`. A training or a step
        without it ends the average, and so does the assignment of parameters.

        Raises
        ------
        ValueError
            If there is no average.
        """
        from copy import deepcopy

        state = self._core.state()
        if "averaged.weights.1" not in state:
            raise ValueError(
                "averaged() needs a previous fit(average=...); a training or step without it, or "
                "the assignment of parameters, ends the average"
            )
        twin = deepcopy(self)
        layers = range(1, len(self.sizes))
        for name in ("weights", "biases", "gains", "shifts", "alphas"):
            setattr(twin, name, [state.get(f"averaged.{name}.{number}") for number in layers])
        twin.scales = state.get("averaged.scales.1")
        twin.embeddings = state.get("averaged.embeddings.1")
        return twin

    def penalty(self) -> float:
        """Return the sum of the l1 and l2 penalties of the layers: sum l1 |w| + l2 w^2.

        >>> Network([1, 1], l2=0.5, init=[[[2.0]]]).penalty()
        2.0
        """
        total = 0.0
        for w, options in zip(self.weights, self._options, strict=True):
            size, squares = np.abs(w).sum(dtype=float), np.square(w).sum(dtype=float)
            total += options["l1"] * size + options["l2"] * squares
        return float(total)

    def find_learning_rate(
        self,
        X: Data,
        y: Data,
        *,
        batch_size: int = 32,
        optimizer: OptimizerChoice = "sgd",
        low: float = 1e-6,
        high: float = 10.0,
        steps: int = 200,
    ) -> LearningRates:
        """Train a copy with a rate that grows from `low` to `high`; this network is not changed.

        Parameters
        ----------
        X, y : array-like, as for `fit`
        batch_size : int, default 32
        optimizer : name or object, default "sgd"
        low, high : float, default 1e-6 and 10.0
        steps : int, default 200

        Returns
        -------
        LearningRates
            `rates`, `costs`, `suggestion` and `plot()` (Smith 2017, section 3.3).

        Examples
        --------
        >>> import backprop_rs as bp
        >>> data = bp.load_iris()
        >>> net = Network([4, 8, 3], output="softmax", cost="cross_entropy", seed=0)
        >>> 1e-4 < net.find_learning_rate(data.X, data.y).suggestion < 10
        True
        """
        from .training import lr_finder
        from .training.samples import samples_of

        samples = samples_of(self, X, y)
        batch_size = checks.integer("batch_size", batch_size, least=1)
        steps = checks.integer("steps", steps, least=3)
        low = checks.within("low", low, 0.0, inf)
        high = checks.within("high", high, 0.0, inf)
        if not 0 < low < high:
            raise ValueError(f"low and high must be 0 < low < high; got {low} and {high}")
        rule = self._tables.entry("optimizer", optimizer)
        return lr_finder.find(self, samples, batch_size, rule, low, high, steps)

    def save(self, path: Path, *, allow_nonfinite: bool = False) -> None:
        """Write the network to a safetensors file, atomically.

        The file has the parameters bit for bit, the settings and `metadata`. It has only the names
        of custom functions; pass the functions to `load`.

        Parameters
        ----------
        path : str or path
            Usually it ends in .safetensors. An existing file is replaced; after any failure, even
            a killed process, it is either the old one or the new one.
        allow_nonfinite : bool, default False
            Accept parameters that are NaN or infinite.

        Raises
        ------
        ValueError
            If a parameter is not finite, or JSON cannot hold `metadata`.
        OSError
            If the file cannot be written.

        Examples
        --------
        >>> import os, tempfile
        >>> path = os.path.join(tempfile.mkdtemp(), "net.safetensors")
        >>> Network([2, 3, 2], seed=0).save(path)
        >>> Network.load(path)
        Network(2-3-2, sigmoid -> sigmoid, squared_error, float32, 17 parameters)
        """
        from ._internal import model_file

        model_file.write(path, self._settings(), self._parameters(allow_nonfinite))

    def _parameters(self, allow_nonfinite: bool) -> dict[str, list[Array | None]]:
        """Return the parameters of each layer for a file, by the names of `model_file.PARTS`."""
        from ._internal import model_file

        state = self._core.state()  # in one call, so that all parts belong together
        layers = range(1, len(self.sizes))
        parameters = {
            part.name: [state.get(f"{part.name}.{number}") for number in layers]
            for part in model_file.PARTS
        }
        for name, arrays in parameters.items() if not allow_nonfinite else ():
            for layer, array in enumerate(arrays, 1):
                if array is not None:
                    checks.finite(f"{name} of layer {layer}", array, self.dtype)
        return parameters

    @classmethod
    def load(
        cls,
        path: Path,
        backend: BackendChoice = "auto",
        *,
        functions: Sequence[Activation | Cost] = (),
        allow_nonfinite: bool = False,
        bare: bool = False,
    ) -> Self:
        """Read a network from a file that `save` wrote.

        Parameters
        ----------
        path : str or path
        backend : "auto", "rust" or "numpy", default "auto"
        functions : sequence of `Activation` and `Cost`, default ()
            The custom functions of the saved network; the file has only their names.
        allow_nonfinite : bool, default False
            Accept parameters that are NaN or infinite.
        bare : bool, default False
            Take the network of a `Model` without the preparation of its data. Otherwise the file
            of a model is refused, because the network alone is wrong for raw data.

        Raises
        ------
        ValueError
            If the file is truncated, was changed, or is not a network of this package; or if it is
            that of a `Model`, which `backprop_rs.load` reads.

        Examples
        --------
        >>> Network.load("no such file")
        Traceback (most recent call last):
        FileNotFoundError: [Errno 2] No such file or directory: 'no such file'
        """
        from . import backends
        from ._internal import table_model_file

        backends.check(backend)
        settings, networks = table_model_file.read(path, allow_nonfinite)
        table_model_file.only_network(path, settings, networks, checks.flag("bare", bare))
        return cls._from_file(path, *networks[0], backend, functions)

    @classmethod
    def _from_file(
        cls,
        path: Path,
        settings: dict[str, Any],
        parameters: Mapping[str, Any],
        backend: BackendChoice,
        functions: Sequence[Activation | Cost],
    ) -> Self:
        """Return the network of these settings and parameters, which a file holds."""
        from ._internal import model_file

        net = cls.__new__(cls)
        functions = model_file.wanted(model_file.function_names(path, settings), functions)
        try:
            net._restore(settings, backend, functions)
            net._core.set_state(
                net._core.state()
                | {
                    f"{name}.{layer}": array
                    for name, arrays in parameters.items()
                    for layer, array in enumerate(arrays, 1)
                    if array is not None
                }
            )
        except UNFIT as error:
            raise model_file.refused(path, f"has settings that cannot be used: {error}") from None
        return net

    def export(
        self,
        path: Path,
        *,
        classes: Sequence[str | int | float | bool] | None = None,
        preparation: bool = True,
        float_only: bool = False,
    ) -> None:
        """Write the network as a file that runs without this package.

        Parameters
        ----------
        path : str or path
            The suffix selects the format: .onnx (opset 13, IR version 7; input `X` of any number of
            rows), .c (one file of C99 that needs only libm, with a self-test) or .py (one file
            of Python that needs only NumPy, with `predict(X)`).
        classes : sequence of n_L texts, numbers or booleans, optional
            Two classes if the only output is the probability of the second (sigmoid). By default
            `metadata["class_names"]`, or 0, 1, ... if the output is softmax. With classes, ONNX
            has the outputs `label` and `probabilities` (`scores` if the output is neither softmax
            nor sigmoid), otherwise `predictions`.
        preparation : bool, default True
            Include the preparation in `metadata`, as `backprop-rs predict` does: `scaling` of the
            features and `target_scaling` of the outputs (`data.Scaling.to_dict`). With False the
            file computes what `predict` computes.
        float_only : bool, default False
            Let the C file of a float32 network compute in float alone, its preparation included,
            for processors without double. By default it scales in double.

        Raises
        ------
        ValueError, TypeError
            For another suffix, or if the network has a part that the format does not support.

        Examples
        --------
        >>> import backprop_rs as bp
        >>> net = Network([4, 8, 3], "tanh", "softmax", "cross_entropy", seed=0)
        >>> net.export("iris.onnx", classes=bp.load_iris().class_names)
        >>> net.export("iris.txt")
        Traceback (most recent call last):
        ValueError: path must end in .onnx, .c, .py; got 'iris.txt'
        """
        from .export import write

        write(self, path, classes, preparation, float_only)

    @classmethod
    def from_sklearn(cls, mlp: Any, *, backend: BackendChoice = "auto") -> Self:
        """Return the network of a fitted MLPClassifier or MLPRegressor, scikit-learn's or ours.

        Parameters
        ----------
        mlp : fitted estimator
            Its coefficients (n_in, n_out) are transposed. Its cost is ours of the same scale:
            cross_entropy, mean_squared_error(0.5) or poisson; its penalty `alpha` is left out.
        backend : "auto", "rust" or "numpy", default "auto"

        Returns
        -------
        Network
            In the estimator's dtype. `predict` returns the result of `predict_proba` up to rounding
            (only its second column for two classes), or that of `predict` for values. `metadata`
            has `class_names` and `feature_names`, and `epochs_trained` is `n_iter_`.

        Raises
        ------
        TypeError, ValueError
            For another object, or if the estimator is not fitted.

        Examples
        --------
        >>> from sklearn.datasets import load_iris
        >>> from sklearn.neural_network import MLPClassifier
        >>> X, y = load_iris(return_X_y=True)
        >>> mlp = MLPClassifier((8,), solver="lbfgs", random_state=0).fit(X, y)
        >>> net = Network.from_sklearn(mlp)
        >>> net
        Network(4-8-3, relu -> softmax, cross_entropy, float64, 67 parameters)
        >>> bool(abs(net.predict(X) - mlp.predict_proba(X)).max() < 1e-12)
        True
        """
        from .importing import estimator

        return cast("Self", estimator.network_of(cls, mlp, backend))

    @classmethod
    def from_state_dict(
        cls,
        arrays: Mapping[str, Any] | Path,
        activation: Names = "relu",
        output: Function = "identity",
        cost: CostChoice = "squared_error",
        *,
        layers: Sequence[str] | None = None,
        dtype: DTypeChoice | None = None,
        backend: BackendChoice = "auto",
    ) -> Self:
        """Return a network from weights and biases by name, such as a `state_dict()` of PyTorch.

        Parameters
        ----------
        arrays : mapping of str to array or tensor, or path of a safetensors file
            `NAME.weight` (n_l, n_{l-1}) and optionally `NAME.bias` (n_l,), by default zero, for
            each dense layer, and nothing else; in a file as float64, float32, float16 or bfloat16.
        activation, output, cost
            As for `Network`; the arrays do not contain them.
        layers : sequence of str, optional
            The NAMEs in their order. By default they are sorted by their numbers (0, 2, 10 or
            fc1, fc2), or in the order of the mapping.
        dtype : "float32" or "float64", optional
            By default float64 if a weight is float64, otherwise float32.
        backend : "auto", "rust" or "numpy", default "auto"

        Raises
        ------
        ValueError, TypeError
            If an array is not of a dense layer, or the layers do not follow each other.

        Examples
        --------
        >>> import numpy as np
        >>> arrays = {"0.weight": np.ones((3, 2)), "0.bias": np.zeros(3), "2.weight": np.eye(3)}
        >>> net = Network.from_state_dict(arrays, "tanh", "softmax", "cross_entropy")
        >>> net
        Network(2-3-3, tanh -> softmax, cross_entropy, float64, 21 parameters)
        """
        from .importing import state_dict

        network = state_dict.network_of(
            cls, arrays, activation, output, cost, layers, dtype, backend
        )
        return cast("Self", network)

    def sample_costs(self, X: Data, y: Data) -> AnyArray:
        """Return the cost C_i of each sample, to find those with the largest error.

        Parameters
        ----------
        X : (m, n_0) array-like, or one sample (n_0,)
        y : (m, n_L) array-like, (m,) if n_L is 1, or integer class labels (m,)

        Returns
        -------
        (m,) array of float64
            Their mean is the cost C of `evaluate`.

        Examples
        --------
        >>> Network([2, 3, 1], init="zeros").sample_costs([[1, 2], [3, 4]], [1, 0.5])
        array([0.25, 0.  ])
        """
        X, y = self._samples(X, y)
        return self._core.costs(X, y)

    def sample_gradient_norms(self, X: Data, y: Data, *, per_layer: bool = False) -> AnyArray:
        """Return the norm of each sample's own gradient, to find the most influential samples.

        The gradient of sample i in a layer is δ_i a_i^T for w and δ_i for b, so that its squared
        norm is |δ_i|^2 (|a_i|^2 + 1), with a of the layer before. One backward pass is enough
        (Goodfellow 2015, Efficient Per-Example Gradient Computations).

        Parameters
        ----------
        X : (m, n_0) array-like, or one sample (n_0,)
        y : (m, n_L) array-like, (m,) if n_L is 1, or integer class labels (m,)
        per_layer : bool, default False
            Return one column per layer instead of the total.

        Returns
        -------
        (m,) array of float64, or (m, L)

        Examples
        --------
        >>> net = Network([2, 3, 1], init="zeros")
        >>> net.sample_gradient_norms([[1, 2], [3, 4]], [1, 0.5]).round(4)
        array([0.3307, 0.    ])
        """
        from .health.measures import sample_gradient_norms

        X, y = self._samples(X, y)
        return sample_gradient_norms(self, X, y, per_layer)

    def diagnose(
        self,
        X: Data,
        y: Data,
        *,
        history: History | None = None,
        learning_rate: float | None = None,
    ) -> Diagnosis:
        """Report problems of the network, its data or its training in words, with advice.

        Checks every entry of `backprop_rs.health.RULES` on at most 256 samples: vanishing and
        exploding δ, dead, saturated and equal neurons, unscaled inputs, targets that the
        output cannot reach, a learning rate that is too large or too small, and others. The
        network is not changed.

        Parameters
        ----------
        X : (m, n_0) array-like
        y : (m, n_L) array-like, (m,) if n_L is 1, or integer class labels (m,)
        history : History, optional
            The history of its training; by default of the last one in this process.
        learning_rate : float, optional
            The rate to check; by default the largest of the history. Without either the rate is
            not checked.

        Returns
        -------
        Diagnosis
            A sequence of findings, each with `rule`, `layer`, `evidence` and `advice`.

        Examples
        --------
        >>> net = Network([2, *[5] * 10, 1], seed=0)
        >>> net.diagnose([[0.0, 1.0], [1.0, 0.0]], [0, 1]).rules
        ['vanishing_delta', 'constant_output']
        """
        from .health.diagnosis import diagnose

        return diagnose(self, X, y, history or self._history, learning_rate)

    def record(
        self, X: Data, y: Data, *, every: int = 1, unit: str = "epoch", **settings: Any
    ) -> Film:
        """Train as `fit` does, and keep the parameters at intervals as a film of the training.

        The trained bits are those of `fit`.

        Parameters
        ----------
        X, y : array-like, as for `fit`
        every : int, default 1
            The number of epochs or steps between two frames.
        unit : "epoch" or "step", default "epoch"
        settings
            As for `fit`.

        Returns
        -------
        Film
            It has `history`, `frames`, `network(number)` and `animate()`, which makes a GIF or
            HTML of the decision boundary or of the drawing of the network.

        Examples
        --------
        >>> net = Network([2, 3, 1], seed=0)
        >>> film = net.record([[0, 1], [1, 0]], [0, 1], epochs=3, batch_size=1, unit="step")
        >>> len(film)
        7
        """
        from .film import record

        return record(self, self.fit, X, y, every, unit, settings)

    def explain(
        self,
        X: Data,
        y: Data,
        learning_rate: float = 0.1,
        *,
        max_neurons: int = 6,
        max_samples: int = 3,
        digits: int = 6,
        notation: str = "number",
        optimizer: OptimizerChoice = "sgd",
    ) -> Explanation:
        """Write out the derivation with the numbers of this network, which is not changed.

        The quantities come in order: z and a of each layer, the cost, dC/da, sigma', delta, the
        gradients from the output down, the averages over the samples, the update, and the cost
        after it. Each has its general equation, then for each neuron the equation in symbols, with
        numbers, and with the result. z, a, delta, the costs, the averaged gradients and the
        new parameters are what `backward` and `step` compute, in the network's dtype.

        Parameters
        ----------
        X : (m, n_0) array-like, or one sample (n_0,)
        y : (m, n_L) array-like, (m,) if n_L is 1, or integer class labels (m,)
        learning_rate : float, default 0.1
            The rate of the update at the end.
        max_neurons : int, default 6
            The number of neurons per layer that are shown. The others are counted, and their
            terms in sums are added up.
        max_samples : int, default 3
            The number of samples that are shown; averages include the others.
        digits : int, default 6
            Significant digits, from 1 to 17.
        notation : "number" or "from_output", default "number"
            The notation of layers: (1), (2) or (L-1), (L).
        optimizer : str, default "sgd"
            The rule of the update: "sgd", also with settings, such as "sgd(momentum=0.9)", "adam"
            or "adamw". Its moments are written out too. They start at 0, or are those of the
            network if it has trained with the same optimizer and settings.

        Returns
        -------
        Explanation
            `print` it, or display it in Jupyter; `text`, `to_markdown`, `to_html`, `to_dict`,
            `save`; `weight` and `bias` for the chain rule of a single parameter.

        Examples
        --------
        >>> net = Network([1, 1], output="identity", init=[[[2.0]]])
        >>> print(net.explain([3.0], [5.0], learning_rate=0.01))
        Back-propagation through Network(1-1, identity, squared_error, float32, 2
        parameters)
        ...
          ∂C₀/∂w₀,₀⁽¹⁾ = δ₀⁽¹⁾ a₀⁽⁰⁾ = 2 · 3 = 6
        ...
          w₀,₀⁽¹⁾ := 2 − 0.01 · 6 = 1.94
        ...
        """
        X, y = self._samples(X, y)
        from .explain import explain
        from .explain.notation import NOTATIONS

        return explain(
            self,
            X.reshape(-1, self.sizes[0]),
            y,
            checks.nonnegative("learning_rate", learning_rate),
            checks.integer("max_neurons", max_neurons, least=1),
            checks.integer("max_samples", max_samples, least=1),
            checks.integer("digits", digits, least=1, most=17),
            checks.choice("notation", notation, NOTATIONS),
            self._tables.entry("optimizer", optimizer),
        )

    def check_gradients(
        self, X: Data, y: Data, *, max_parameters: int = 1000, seed: int = 0
    ) -> GradientCheck:
        """Compare back-propagation with central differences of the cost; nothing is changed.

        It uses float64, and a copy of a float32 network. For each parameter the cost is computed at
        two steps to either side. Steps that move some z across a kink (relu at 0) become smaller;
        if even the smallest one crosses it, the parameter is excluded, and counted. An error of 1 %
        in the error terms of a layer is always reported, unless all of its gradients vanish in the
        rounding of the cost: then its verdict is "undecided".

        Parameters
        ----------
        X : (m, n_0) array-like, or one sample (n_0,)
        y : (m, n_L) array-like, (m,) if n_L is 1, or integer class labels (m,)
        max_parameters : int, default 1000
            The number of parameters to compare. If the network has more, a sample is drawn from
            each layer; it includes the largest gradients of the weights and biases.
        seed : int, default 0
            The seed of that sample.

        Returns
        -------
        GradientCheck
            A table when shown; `passed`, and for each of its `layers` the worst absolute and
            relative difference, its place, and a verdict.

        Examples
        --------
        >>> net = Network([2, 3, 2], seed=0)
        >>> check = net.check_gradients([[0.5, 0.1]], [[0.0, 1.0]])
        >>> [(layer.checked, layer.verdict) for layer in check.layers]
        [(9, 'agrees'), (8, 'agrees')]
        """
        from .gradient_check import check

        X, y = self._samples(X, y)
        max_parameters = checks.integer("max_parameters", max_parameters, least=1)
        seed = checks.integer("seed", seed, least=0)
        return check(self, X, y, max_parameters, seed)

    def __repr__(self) -> str:
        from .summary import line

        return line(self)

    def _repr_html_(self) -> str:
        from .summary import html

        return html(self)

    def summary(self) -> Summary:
        """Return a table of the layers, a text that Jupyter shows as HTML.

        >>> print(Network([2, 3, 2], "tanh").summary())
        Network(2-3-2, tanh -> sigmoid, squared_error, float32, 17 parameters)
        <BLANKLINE>
        layer  shape   activation  parameters
            1  (3, 2)  tanh                 9
            2  (2, 3)  sigmoid              8
        total                              17
        """
        from .summary import summary

        return summary(self)


def is_source(X: object) -> TypeGuard[Source]:
    """Return True for a `Source`; there is none before its module is imported."""
    base = sys.modules.get("backprop_rs.data.sources.base")
    return base is not None and isinstance(X, base.Source)
