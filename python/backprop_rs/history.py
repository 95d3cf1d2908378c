"""What a training run looked like, epoch by epoch."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass
class History:
    """The record of one call of `Network.fit`; every list has one entry per epoch.

    Attributes
    ----------
    epoch : list of int
        The number of the epoch, counted from 1 over all calls of `fit`.
    cost : list of float
        Mean cost of the training samples, each taken just before the update of its batch.
    val_cost, val_accuracy : list of float
        Cost and accuracy of the validation data after the epoch; empty without validation
        data, and `val_accuracy` also where its targets are not classes.
    seconds : list of float
        Wall-clock time of the epoch with its validation. Epochs too short to be timed one by
        one share their time evenly.

    Examples
    --------
    >>> import backprop_rs as bp
    >>> net = bp.Network([2, 3, 1], seed=0)
    >>> history = net.fit([[0, 1], [1, 0]], [0, 1], epochs=3, progress=False)
    >>> history.epoch
    [1, 2, 3]
    """

    epoch: list[int] = field(default_factory=list)
    cost: list[float] = field(default_factory=list)
    val_cost: list[float] = field(default_factory=list)
    val_accuracy: list[float] = field(default_factory=list)
    seconds: list[float] = field(default_factory=list)

    def to_dict(self) -> dict[str, list[int] | list[float]]:
        """The columns that are not empty, such as `pandas.DataFrame` takes them.

        >>> History(epoch=[1], cost=[0.5], seconds=[0.1]).to_dict()
        {'epoch': [1], 'cost': [0.5], 'seconds': [0.1]}
        """
        return {name: column for name, column in vars(self).items() if column}

    def __len__(self) -> int:
        return len(self.epoch)

    def __repr__(self) -> str:
        if not self.epoch:
            return "History(0 epochs)"
        parts = [f"{len(self)} epoch{'s' if len(self) > 1 else ''}"]
        for name in ("cost", "val_cost", "val_accuracy"):
            if column := getattr(self, name):
                parts.append(f"{name} {column[0]:.4g} -> {column[-1]:.4g}")
        return f"History({', '.join(parts)}, {sum(self.seconds):.2g} s)"

    def extend(self, last_epoch: int, costs: list[float], seconds: float) -> None:
        """Add the epochs that ended together, the last of them `last_epoch`."""
        n = len(costs)
        self.epoch.extend(range(last_epoch - n + 1, last_epoch + 1))
        self.cost.extend(costs)
        self.seconds.extend([seconds / n] * n if n else [])

    def add_validation(self, scores: dict[str, float]) -> None:
        """Add the result of `Network.evaluate` after one epoch."""
        for name, value in scores.items():
            getattr(self, f"val_{name}").append(value)

    def last(self) -> dict[str, float]:
        """The newest cost, val_cost and val_accuracy, as far as there are any."""
        columns = {name: getattr(self, name) for name in ("cost", "val_cost", "val_accuracy")}
        return {name: column[-1] for name, column in columns.items() if column}
