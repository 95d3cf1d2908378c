"""How a network learns."""

from __future__ import annotations

from math import inf
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from .._internal import checks
from .computes import Computes

if TYPE_CHECKING:
    from .._internal.types import AnyArray, Array, Choice, Data, Path
    from ..data.sources import Source
    from ..health import Health
    from ..history import History
    from ..training.lr_finder import LearningRates
    from . import Network

GRADIENT_DESCENT = "sgd"
LONG_STEP = 10**7  # samples times parameters from which signals do not wait for a step to end


class Learns(Computes):
    """Steps and trainings."""

    def step(
        self, X: Data, y: Data, learning_rate: float, sample_weight: Data | None = None
    ) -> float:
        """One step of gradient descent with the averaged gradient of this batch.

        w := w - learning_rate dC/dw, b := b - learning_rate dC/db. Under dropout each step leaves
        out others, by the seed and the number of the step.

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
        learning_rate = checks.nonnegative("learning_rate", learning_rate)
        self._refuse_in_training("parameters")
        if self._optimizer != GRADIENT_DESCENT:
            self._use_optimizer("sgd")
        weights = self._weights(sample_weight, X)
        return self._one_step(X, y, learning_rate, weights)

    def _one_step(self, X: Array, y: AnyArray, rate: float, weights: Array | None) -> float:
        """One update; under dropout with a mask that no step before it had."""
        at, drops = 0, any(one["dropout"] for one in self._options)
        short = self.backend == "rust" and len(X) * self.n_parameters < LONG_STEP
        if short and not drops and not self._functions:
            return self._core.step(X, y, rate, weights)  # type: ignore[no-any-return]
        if drops:
            at, self._steps = self._steps, self._steps + 1
        from ..training import interrupts

        run: dict[str, Any] = {"batch_size": len(X), "learning_rate": rate, "seed": self.seed}

        with interrupts.present() as listening:
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
        return costs[0]  # type: ignore[no-any-return]

    def fit(
        self,
        X: Data | Source,
        y: Data | None = None,
        epochs: int | str = "auto",
        batch_size: int | str = "auto",
        learning_rate: float | str = "auto",
        *,
        optimizer: Choice = "auto",
        schedule: Choice = "auto",
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
        on_nan: str = "raise",
        checkpoint: Path | None = None,
        checkpoint_every: int | str = "60s",
        resume: Path | bool | None = None,
        health: bool | int | Health = False,
        progress: bool | None = None,
        comm: Any = None,
        reduction: str = "exact",
    ) -> History:
        """Train for some epochs of mini-batches; a second call goes on where the first ended.

        Parameters
        ----------
        X : (n, n_0) array-like, or a `backprop_rs.data.Source` of samples with their targets
        y : (n, n_L) array-like, (n,) where n_L is 1, or integer class labels (n,)
            None with a source.
        epochs : int or "auto", default "auto"
            How often every sample is used; auto makes for some 1,000 updates, in 10 to 1,000
            epochs (200 iterations of L-BFGS).
        batch_size : int or "auto", default "auto"
            Samples per update; a smaller last batch is averaged over its own samples. Auto is
            32, or 64 from 10,000 samples on.
        learning_rate : float or "auto", default "auto"
            Given without an optimizer it is that of the derivation's gradient descent. Auto is
            that of the optimizer, such as 0.003 for adam; see docs/guide/training.md.
        optimizer : row of the table of optimizers, default "auto"
            A name such as "adam" or "sgd(momentum=0.9)", or an object of
            `backprop_rs.optimizers`; "lbfgs" for SciPy's L-BFGS on all samples at once. Auto is
            adam, or sgd where a learning rate is given. Its memory is kept until another
            optimizer is used or parameters are assigned.
        schedule : row of the table of schedules, default "auto"
            What the learning rate is multiplied by, such as "warmup(5) then cosine". Auto is
            constant where a learning rate is given, otherwise cosine.
        shuffle : bool, default True
            A new order in each epoch, from `seed` and the number of the epoch.
        validation_data : (X, y) or a source, optional
            Samples to evaluate after each epoch.
        validation_fraction : float, default 0.0
            Hold back this share of the samples, of each class alike, as validation data.
        sample_weight : (n,) array-like of numbers >= 0, optional
            What each sample counts for: C = sum w_i C_i / sum w_i over a batch.
        class_weight : "balanced" or mapping from class to weight, optional
            Multiplies the weights of the samples of a class.
        metrics : name, function of (y_true, y_pred), `Metric`, or sequence of them, default ()
            accuracy, balanced_accuracy, f1, f1_macro, f1_micro, f1_weighted, roc_auc,
            average_precision, log_loss, brier, r2, mae, rmse, mape, or such as scikit-learn's;
            taken after each epoch, with the weights of the samples. docs/guide/training.md says
            what each is.
        early_stopping : int, True or `EarlyStopping`, optional
            End the training where its cost (of the validation data, if there are any) has not
            become less in so many epochs, and go back to the best.
        callbacks : function, object, or sequence of them, default ()
            Functions of an `Epoch`, called after each; objects with some of `on_fit_begin(net)`,
            `on_epoch_begin(net)`, `on_step_end(step)`, `on_epoch_end(epoch)`, `on_fit_end(net)`.
        clip_value, clip_norm : float, optional
            The largest element and the largest norm of the averaged gradient.
        average : float, optional
            Keep a moving average of the parameters with this decay, for `averaged()`.
        input_noise : float, default 0.0
            The standard deviation of normal noise on X, new in each epoch.
        on_nan : "raise", "stop" or "ignore", default "raise"
            What to do where the cost of a batch is NaN or infinite. The parameters are those
            before the update that led there, unless it is ignored.
        checkpoint : path, optional
            A file to keep the training in, whole at every moment: parameters, optimizer, order,
            schedule, history and early stopping. Written now and then and at the end; not by
            Ctrl-C.
        checkpoint_every : int or str, default "60s"
            Epochs, or a time such as "30s", "10min" or "2h", between two checkpoints.
        resume : path or True, optional
            Go on from a checkpoint to the same bits as without the interruption. All other
            arguments must be those of that training; the network takes parameters and seed from
            the file. True is `checkpoint` if there is such a file, otherwise a new beginning.
        health : bool, int or `Health`, default False
            Look at every layer as it trains, for `history.health`: mean |δ|, gradient norm,
            ratio of update to weight, saturated and dead neurons. True looks 30 times, and more
            often as long as that takes less than 3 % of the time; a number looks every so many
            epochs.
        progress : bool, optional
            Show a progress bar; by default in a terminal and in Jupyter only.
        comm : mpi4py communicator, optional
            Train on all of its ranks together: each gives its own rows, one rank's below the
            other's, or a source of all. Callbacks run on every rank and may stop the training
            on any. Rank 0 shows the progress and writes checkpoints; a network without a seed
            takes seed and parameters from it.
        reduction : "exact" or "fast", default "exact"
            How the gradients of the ranks are added up: in one order, with the bits of one
            process, or as MPI likes.

        Returns
        -------
        History
            Of the epochs of this call. Ctrl-C ends the training after the step it is in, and
            `stopped` is then "interrupted".

        Examples
        --------
        >>> net = Network([1, 1], output="identity", seed=0, dtype="float64")
        >>> X = [[0.0], [1.0], [2.0]]
        >>> history = net.fit(X, [1, 3, 5], epochs=500, batch_size=3, learning_rate=0.1)
        >>> net.predict([10.0]).round(6)
        array([21.])
        """
        given = {name: value for name, value in locals().items() if name not in ("self", "X", "y")}
        from ..training import fit

        return fit.fit(cast("Network", self), X, y, **given)

    def partial_fit(self, X: Data, y: Data, **settings: Any) -> History:
        """One pass over some samples, after what has been learnt before.

        Parameters
        ----------
        X, y : array-like, as for `fit`
        settings
            As for `fit`; by default one epoch in batches of 32 at a constant rate, by adam
            unless a learning rate is given.

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
        """A copy with the moving average of the parameters that `fit(average=...)` has kept.

        The average follows the parameters of one training after the other, as long as each has
        `average`: a training or a step without it ends it, as does assigning parameters.

        Raises
        ------
        ValueError
            If there is none.
        """
        from copy import deepcopy

        state = self._core.state()
        if "averaged.weights.1" not in state:
            raise ValueError(
                "averaged must follow fit(average=...); got no average, or one that parameters "
                "assigned or trained without it have ended"
            )
        twin = cast("Network", deepcopy(self))
        layers = range(1, len(self.sizes))
        for name in ("weights", "biases", "gains", "shifts"):
            setattr(twin, name, [state.get(f"averaged.{name}.{number}") for number in layers])
        return twin

    def penalty(self) -> float:
        """What the l1 and l2 of the layers add up to: sum l1 |w| + l2 w^2.

        >>> Network([1, 1], l2=0.5, init=[[[2.0]]]).penalty()
        2.0
        """
        total = 0.0
        for w, one in zip(self.weights, self._options, strict=True):
            size, squares = np.abs(w).sum(dtype=float), np.square(w).sum(dtype=float)
            total += one["l1"] * size + one["l2"] * squares
        return float(total)

    def find_learning_rate(
        self,
        X: Data,
        y: Data,
        *,
        batch_size: int = 32,
        optimizer: Choice = "sgd",
        low: float = 1e-6,
        high: float = 10.0,
        steps: int = 200,
    ) -> LearningRates:
        """Train a copy with a rate that grows from `low` to `high`; this network is not changed.

        Parameters
        ----------
        X, y : array-like, as for `fit`
        batch_size : int, default 32
        optimizer : row of the table of optimizers, default "sgd"
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
        from ..training import fit, lr_finder

        net = cast("Network", self)
        samples = fit.samples_of(net, X, y)
        batch_size = checks.integer("batch_size", batch_size, least=1)
        steps = checks.integer("steps", steps, least=3)
        low = checks.within("low", low, 0.0, inf)
        high = checks.within("high", high, 0.0, inf)
        if not 0 < low < high:
            raise ValueError(f"low and high must be 0 < low < high; got {low} and {high}")
        rule = self._tables.row("optimizer", optimizer)
        return lr_finder.find(net, samples, batch_size, rule, low, high, steps)

    def _use_optimizer(self, given: Choice) -> None:
        """Keep the optimiser with its memory, unless another one is asked for."""
        wanted = self._tables.row("optimizer", given)
        if wanted != self._optimizer:
            self._core.set_optimizer(wanted)
            self._optimizer = wanted
