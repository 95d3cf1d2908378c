"""When a training has learnt all that it will."""

from __future__ import annotations

from dataclasses import dataclass
from math import inf, isnan
from typing import Any

from .._internal.checks import flag, integer, within


@dataclass(frozen=True)
class EarlyStopping:
    """Stop where a score has not become better for some epochs.

    Parameters
    ----------
    monitor : str, default "val_cost"
        A column of the history; "cost" where there is no validation data.
    patience : int, default 10
        Epochs without progress before the training ends, at least 1.
    min_delta : float, default 0.0
        What counts as progress.
    restore_best : bool, default True
        Give the network the parameters of its best epoch in the end.
    higher_is_better : bool, optional
        By default that of the metric; it must be given for a function of your own that does not
        say it, as `bp.Metric` does.

    These are settings alone, which several trainings may share; the History of each has its
    `best_epoch`.

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

    def __post_init__(self) -> None:
        integer("patience", self.patience, least=1)
        within("min_delta", self.min_delta, 0.0, inf)
        flag("restore_best", self.restore_best)
        if self.higher_is_better is not None:
            flag("higher_is_better", self.higher_is_better)
        if not isinstance(self.monitor, str):
            raise TypeError(f"monitor must be a column of the history; got {self.monitor!r}")


class Stopping:
    """Early stopping in one training, which began after `first` epochs."""

    def __init__(self, settings: EarlyStopping, higher_is_better: bool, first: int) -> None:
        self.settings, self.sign = settings, -1.0 if higher_is_better else 1.0
        self.best, self.best_epoch = inf, first  # times the sign; before there is one, the start
        self.state: Any = None  # of the core at the best epoch

    def is_over(self, scores: dict[str, float], epoch: int, core: Any) -> bool:
        """Look at the scores of an epoch; keep the state of the core if they are the best."""
        settings, value = self.settings, self.sign * scores[self.settings.monitor]
        if value < self.best - settings.min_delta or (self.best == inf and not isnan(value)):
            self.best, self.best_epoch = value, epoch
            self.state = core.state() if settings.restore_best else None
        return epoch - self.best_epoch >= settings.patience


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
