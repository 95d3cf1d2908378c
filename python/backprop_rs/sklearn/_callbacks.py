"""Call callbacks after each epoch: callables, and scikit-learn's own callbacks."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, cast

if TYPE_CHECKING:
    from ..network import Network
    from ._data import Samples
    from ._types import Estimator


class Epoch:
    """The argument of callbacks: an epoch that has ended.

    Attributes
    ----------
    estimator
        It can predict, and has the attributes of this epoch.
    number : int
        Counted from 1 in each call of `fit`.
    loss : float
    validation_score, validation_loss : float or None
        None without validation data.
    learning_rate : float
        Of the next epoch, without its schedule; you may set it. NaN with L-BFGS.
    """

    def __init__(self, mlp: Estimator, loss: float, score: float | None) -> None:
        self.estimator, self.loss, self.validation_score = mlp, loss, score
        self.number, self.learning_rate = mlp.n_iter_, mlp._rate
        losses = getattr(mlp, "validation_loss_curve_", None)  # L-BFGS has none
        self.validation_loss = losses[-1] if score is not None and losses else None
        self.stopped = False

    def stop(self) -> None:
        """End the training after this epoch."""
        self.stopped = True

    def __repr__(self) -> str:
        """Return the number and the loss."""
        return f"Epoch({self.number}, loss {self.loss:.4g})"


Callback = Callable[[Epoch], object]


class Callbacks:
    """All callbacks of one training."""

    def __init__(self, mlp: Estimator, samples: Samples, epochs: int) -> None:
        self.mlp = mlp
        callbacks = mlp.callbacks
        functions = callbacks if isinstance(callbacks, (list, tuple)) else [callbacks]
        self.functions = [function for function in functions if function is not None]
        for function in self.functions:
            if not callable(function):
                raise TypeError(f"callbacks must be callable; got {type(function).__name__}")
        self.samples = samples
        self.context: Any = None
        self.task: Any = None
        if getattr(mlp, "_skl_callbacks", None):
            self.context = cast("Any", mlp)._init_callback_context(max_subtasks=epochs)
            self.context.call_on_fit_task_begin(estimator=mlp, **self.arguments())

    def __bool__(self) -> bool:
        """Return True if there are callbacks."""
        return bool(self.functions) or self.context is not None

    def arguments(self) -> dict[str, Any]:
        """Return the keyword arguments of scikit-learn's callbacks."""
        weights = self.samples.weights
        metadata = {} if weights is None else {"sample_weight": weights}
        return {"X": self.samples.X, "y": self.mlp._labels_of(self.samples.y), "metadata": metadata}

    def begin(self) -> None:
        """Call callbacks at the beginning of an epoch."""
        if self.context is not None:
            self.task = self.context.subcontext(task_name="epoch")
            self.task.call_on_fit_task_begin(estimator=self.mlp, **self.arguments())

    def end(self, net: Network, loss: float, score: float | None) -> bool:
        """Call callbacks after an epoch; return True if one of them stops the training."""
        stop = False
        if self.functions:
            event = Epoch(self.mlp, loss, score)
            for function in self.functions:
                function(event)
            self.mlp._rate = float(event.learning_rate)
            stop = event.stopped
        if self.context is not None:
            # A copy of the estimator is complete: there are no attributes to reconstruct.
            stop |= self.task.call_on_fit_task_end(
                estimator=self.mlp, reconstruction_attributes=dict, **self.arguments()
            )
        return stop

    def close(self) -> None:
        """Call callbacks at the end of the training."""
        if self.context is not None:
            self.context.call_on_fit_task_end(
                estimator=self.mlp, reconstruction_attributes=dict, **self.arguments()
            )
