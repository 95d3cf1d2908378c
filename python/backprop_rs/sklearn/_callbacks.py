"""Who is told of each epoch: callables, and scikit-learn's own callbacks."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ..network import Network
    from ._base import BaseMLP
    from ._data import Samples

try:  # from scikit-learn 1.9 on
    from sklearn.callback import CallbackSupportMixin
except ImportError:

    class CallbackSupportMixin:  # type: ignore[no-redef]
        """Nothing to support."""


__all__ = ["CallbackSupportMixin", "Epoch", "Watcher"]


class Epoch:
    """An epoch that has ended, as callbacks see it.

    Attributes
    ----------
    estimator
        Ready to predict, with the attributes of this moment.
    number : int
        Counted from 1 in each call of `fit`.
    loss : float
    validation_score, validation_loss : float or None
        None without validation data.
    learning_rate : float
        Of the next epoch, before its schedule; it may be set. NaN with L-BFGS.
    """

    def __init__(self, mlp: BaseMLP, loss: float, score: float | None) -> None:
        self.estimator, self.loss, self.validation_score = mlp, loss, score
        self.number, self.learning_rate = mlp.n_iter_, mlp._rate
        losses = getattr(mlp, "validation_loss_curve_", None)  # L-BFGS makes none
        self.validation_loss = losses[-1] if score is not None and losses else None
        self.stopped = False

    def stop(self) -> None:
        """End the training after this epoch."""
        self.stopped = True

    def __repr__(self) -> str:
        return f"Epoch({self.number}, loss {self.loss:.4g})"


class Watcher:
    """All callbacks of one training."""

    def __init__(self, mlp: BaseMLP, samples: Samples, epochs: int) -> None:
        self.mlp = mlp
        given = mlp.callbacks
        several = given if isinstance(given, (list, tuple)) else [given]
        self.functions = [one for one in several if one is not None]
        for one in self.functions:
            if not callable(one):
                raise TypeError(f"callbacks must be callable; got {type(one).__name__}")
        self.samples = samples
        self.context: Any = None
        self.task: Any = None
        if getattr(mlp, "_skl_callbacks", None):
            self.context = mlp._init_callback_context(max_subtasks=epochs)
            self.context.call_on_fit_task_begin(estimator=mlp, **self.shown())

    def __bool__(self) -> bool:
        return bool(self.functions) or self.context is not None

    def shown(self) -> dict[str, Any]:
        """What scikit-learn's callbacks may ask for."""
        weights = self.samples.weights
        metadata = {} if weights is None else {"sample_weight": weights}
        return {"X": self.samples.X, "y": self.mlp._labels_of(self.samples.y), "metadata": metadata}

    def begin(self) -> None:
        """An epoch begins."""
        if self.context is not None:
            self.task = self.context.subcontext(task_name="epoch")
            self.task.call_on_fit_task_begin(estimator=self.mlp, **self.shown())

    def end(self, net: Network, loss: float, score: float | None) -> bool:
        """An epoch has ended; whether a callback ends the training."""
        stop = False
        if self.functions:
            event = Epoch(self.mlp, loss, score)
            for function in self.functions:
                function(event)
            self.mlp._rate = float(event.learning_rate)
            stop = event.stopped
        if self.context is not None:
            # A copy of the estimator has all that it needs: nothing is to be added.
            stop |= self.task.call_on_fit_task_end(
                estimator=self.mlp, reconstruction_attributes=dict, **self.shown()
            )
        return stop

    def close(self) -> None:
        """The training has ended."""
        if self.context is not None:
            self.context.call_on_fit_task_end(
                estimator=self.mlp, reconstruction_attributes=dict, **self.shown()
            )
