"""When a training has learnt all that it will."""

from __future__ import annotations

from dataclasses import dataclass, field
from math import inf, isnan
from typing import Any

from .._check import flag, integer, within

HIGHER_IS_BETTER = ("accuracy", "r2")


@dataclass
class EarlyStopping:
    """Stop where a score has not become better for some epochs.

    Parameters
    ----------
    monitor : str, default "val_cost"
        A column of the history; "cost" where there is no validation data. Accuracies and r2 are
        better when higher, everything else when lower; `higher_is_better` says otherwise.
    patience : int, default 10
        Epochs without progress before the training ends, at least 1.
    min_delta : float, default 0.0
        What counts as progress.
    restore_best : bool, default True
        Give the network the parameters of its best epoch in the end.
    higher_is_better : bool, optional

    Examples
    --------
    >>> import backprop_rs as bp
    >>> data = bp.load_iris()
    >>> net = bp.Network([4, 8, 3], output="softmax", cost="cross_entropy", seed=0)
    >>> stopping = bp.EarlyStopping(patience=3, min_delta=0.01)
    >>> history = net.fit(data.X, data.y, epochs=500, validation_fraction=0.2,
    ...                   early_stopping=stopping, progress=False)
    >>> len(history) < 500, history.stopped
    (True, 'early_stopping')
    """

    monitor: str = "val_cost"
    patience: int = 10
    min_delta: float = 0.0
    restore_best: bool = True
    higher_is_better: bool | None = None
    best: float = field(default=inf, init=False, repr=False)
    best_epoch: int = field(default=0, init=False, repr=False)
    state: Any = field(default=None, init=False, repr=False)

    def __post_init__(self) -> None:
        integer("patience", self.patience, least=1)
        within("min_delta", self.min_delta, 0.0, inf)
        flag("restore_best", self.restore_best)
        if self.higher_is_better is not None:
            flag("higher_is_better", self.higher_is_better)
        if not isinstance(self.monitor, str):
            raise TypeError(f"monitor must be a column of the history; got {self.monitor!r}")

    def begin(self) -> None:
        """Forget what an earlier training has come to."""
        self.best, self.best_epoch, self.state = inf, 0, None

    def sign(self) -> float:
        higher = self.higher_is_better
        if higher is None:
            higher = self.monitor.removeprefix("val_") in HIGHER_IS_BETTER
        return -1.0 if higher else 1.0

    def is_over(self, scores: dict[str, float], epoch: int, core: Any) -> bool:
        """Look at the scores of an epoch; keep the state of the core if they are the best."""
        value = self.sign() * scores[self.monitor]
        if value < self.best - self.min_delta or (self.best == inf and not isnan(value)):
            self.best, self.best_epoch = value, epoch
            self.state = core.state() if self.restore_best else None
        return epoch - self.best_epoch >= self.patience


def early_stopping(given: object, validated: bool) -> EarlyStopping | None:
    """None, patience alone, or the settings themselves."""
    if given is None or given is False:
        return None
    monitor = "val_cost" if validated else "cost"
    if given is True:
        return EarlyStopping(monitor)
    if isinstance(given, EarlyStopping):
        return given
    return EarlyStopping(monitor, patience=integer("early_stopping", given, least=1))
