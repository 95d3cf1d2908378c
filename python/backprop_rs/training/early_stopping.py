"""Early stopping."""

from __future__ import annotations

from dataclasses import dataclass
from math import inf, isnan
from typing import TYPE_CHECKING

from .._internal.checks import choice, flag, integer, within
from .state import Best

if TYPE_CHECKING:
    from .._internal.core import CoreNetwork

TIES = ("first", "last")


@dataclass(frozen=True)
class EarlyStopping:
    """Stop the training when a score has not improved for some epochs.

    The object holds settings only, and several trainings may share it. The best epoch is the
    `best_epoch` of each `History`. With `patience=None` the training makes all of its epochs, and
    the parameters of the best one are restored at the end.

    Parameters
    ----------
    monitor : str, default "val_cost"
        A column of the history; use "cost" without validation data.
    patience : int or None, default 10
        The number of epochs without improvement after which the training ends, at least 1; None
        means never.
    min_delta : float, default 0.0
        The smallest change of the score that is an improvement.
    restore_best : bool, default True
        Restore the parameters of the best epoch at the end.
    higher_is_better : bool, optional
        The default is that of the metric. It is required for a function of your own that does
        not say it, as `bp.Metric` does.
    ties : "first" or "last", default "first"
        The best of several epochs with the same best score. With "last" such an epoch counts as an
        improvement, and `min_delta` must be 0.
    patience_factor : float, default 1.0
        The training ends after epoch `patience_factor` best_epoch + `patience`, both counted from
        its beginning; at least 1. With 2 and a patience of 21 it ends as soon as epoch > 2
        best_epoch + 20 (Holzmüller et al. 2024, RealMLP).

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
    patience: int | None = 10
    min_delta: float = 0.0
    restore_best: bool = True
    higher_is_better: bool | None = None
    ties: str = "first"
    patience_factor: float = 1.0

    def __post_init__(self) -> None:
        if self.patience is not None:
            integer("patience", self.patience, least=1)
        within("min_delta", self.min_delta, 0.0, inf)
        flag("restore_best", self.restore_best)
        if self.higher_is_better is not None:
            flag("higher_is_better", self.higher_is_better)
        choice("ties", self.ties, TIES)
        within("patience_factor", self.patience_factor, 1.0, inf)
        if self.ties == "last" and self.min_delta:
            raise ValueError(f"min_delta must be 0 with ties='last'; got {self.min_delta:g}")
        if not isinstance(self.monitor, str):
            raise TypeError(f"monitor must be a column of the history; got {self.monitor!r}")


@dataclass(frozen=True)
class Stopping:
    """Early stopping in one training: its settings, and the direction of the score."""

    settings: EarlyStopping
    higher_is_better: bool

    def should_stop(
        self, best: Best, scores: dict[str, float], epoch: int, core: CoreNetwork, first: int = 0
    ) -> bool:
        """Compare the scores of an epoch with the best; update `best` if they are better.

        `first` is the number of epochs before this training.
        """
        settings = self.settings
        score = scores[settings.monitor]
        score = -score if self.higher_is_better else score
        # The first number counts as an improvement, even if it is infinite; NaN never does.
        is_first = best.score == inf and not isnan(score)
        is_last = settings.ties == "last" and score == best.score
        if is_first or is_last or score < best.score - settings.min_delta:
            best.score, best.epoch = score, epoch
            best.parameters = core.state() if settings.restore_best else None
        if settings.patience is None:
            return False
        return epoch - first >= settings.patience_factor * (best.epoch - first) + settings.patience


def early_stopping(option: object, validated: bool) -> EarlyStopping | None:
    """Return the settings for the option of `fit`: None, True, a patience or settings."""
    if option is None or option is False:
        return None
    if isinstance(option, EarlyStopping):
        return option
    monitor = "val_cost" if validated else "cost"
    if option is True:
        return EarlyStopping(monitor)
    return EarlyStopping(monitor, patience=integer("early_stopping", option, least=1))
