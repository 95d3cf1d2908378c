"""The options of `fit`: as the user gives them, and after all checks.

The values of "auto" were found on small and large tables, see docs/guide/training.md.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil, inf
from typing import TYPE_CHECKING, Any, TypeVar, cast

from .._internal import checks
from .._internal.error import key
from ..tables import lbfgs
from ..tables.choices import Tables, as_text
from ..tables.groups import factors_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from .._internal.types import Choice, Data, Path
    from ..data.sources import Source
    from ..tables.groups import Factors
    from .monitors import MonitorSettings

AUTO = "auto"
BATCH_SIZES, MANY_SAMPLES = (32, 64), 10_000  # below and from that number of samples on
UPDATES = 1000  # enough for small tables; more overfit them
EPOCHS = (10, 1000)
ITERATIONS = 200  # of L-BFGS
MAX_EPOCHS = 2**62  # the core counts in 64 bits
MAX_BATCH_SIZE = 2**31  # of a stream whose samples are not counted
RATES = {"sgd": 0.05, "adam": 0.003, "adamw": 0.003, "nadam": 0.003, "rmsprop": 0.003}
RATES |= {"adagrad": 0.03, "rprop": 0.01, "lion": 0.001, "lbfgs": 1.0}
ON_NAN = ("raise", "stop", "ignore")
# Other spellings, which no table of a backend has.
LBFGS_SPELLINGS = ("lbfgs", "lbfgsb", "bfgs")

T = TypeVar("T")


@dataclass(frozen=True)
class FitOptions:
    """The options of `Network.fit` before they are checked; see there.

    `class_weight` is a dict if the user gave an object that only resembles one, and `health` is
    the monitor that measures the layers.
    """

    epochs: int | str = AUTO
    batch_size: int | str = AUTO
    learning_rate: float | str = AUTO
    optimizer: Choice = AUTO
    schedule: Choice = AUTO
    lr_factors: Any = None
    decay_factors: Any = None
    dropout_schedule: Choice | None = None
    decay_schedule: Choice | None = None
    shuffle: bool = True
    validation_data: tuple[Data, Data] | Source | None = None
    validation_fraction: float = 0.0
    sample_weight: Data | None = None
    class_weight: Any = None
    metrics: Any = ()
    early_stopping: Any = None
    callbacks: Any = ()
    clip_value: float | None = None
    clip_norm: float | None = None
    average: float | None = None
    input_noise: float = 0.0
    on_nan: str = "raise"
    checkpoint: Path | None = None
    checkpoint_every: int | str = "60s"
    resume: Path | bool | None = None
    health: MonitorSettings | None = None
    progress: bool | None = None


@dataclass(frozen=True)
class TrainingSettings:
    """The options of a training after all checks, with numbers instead of "auto".

    Optimizer and schedules are texts as the tables of the backend write them.
    """

    epochs: int
    batch_size: int
    learning_rate: float
    optimizer: str
    schedule: str
    factors: Factors | None
    dropout_schedule: str | None
    decay_schedule: str | None
    shuffle: bool
    clip_value: float | None
    clip_norm: float | None
    average: float | None
    input_noise: float
    on_nan: str

    def for_core(self) -> dict[str, Any]:
        """Return the arguments that each call of the core gets."""
        return {
            "batch_size": self.batch_size,
            "learning_rate": self.learning_rate,
            "schedule": self.schedule,
            "schedule_epochs": self.epochs,
            "factors": self.factors,
            "dropout_schedule": self.dropout_schedule,
            "decay_schedule": self.decay_schedule,
            "shuffle": self.shuffle,
            "clip_value": self.clip_value,
            "clip_norm": self.clip_norm,
            "average": self.average,
            "input_noise": self.input_noise,
            "check_finite": self.on_nan != "ignore",
        }


def checked_settings(
    options: FitOptions, tables: Tables, sizes: Sequence[int], n: int
) -> TrainingSettings:
    """Check the options for layers of these sizes and n samples; 0 if their number is not known.

    A learning rate without an optimizer means the gradient descent of the derivation.
    """
    rate = options.learning_rate
    has_rate = rate != AUTO
    optimizer = optimizer_of(tables, default(options.optimizer, "sgd" if has_rate else "adam"))
    schedule = default(options.schedule, "constant" if has_rate else "cosine")
    batch_size = checks.integer(
        "batch_size", default(options.batch_size, BATCH_SIZES[n >= MANY_SAMPLES]), least=1
    )
    batch_size = min(batch_size, n or MAX_BATCH_SIZE)
    epochs = default(options.epochs, default_epochs(n, batch_size, optimizer))
    epochs = checks.integer("epochs", epochs, least=0)
    rate = checks.nonnegative("learning_rate", default(rate, RATES[name_of(optimizer)]))
    return TrainingSettings(
        epochs=min(epochs, MAX_EPOCHS),
        batch_size=batch_size,
        learning_rate=rate,
        optimizer=optimizer,
        schedule=tables.entry("schedule", schedule),
        factors=factors_of(sizes, options.lr_factors, options.decay_factors),
        dropout_schedule=schedule_of(tables, "dropout_schedule", options.dropout_schedule),
        decay_schedule=schedule_of(tables, "decay_schedule", options.decay_schedule),
        shuffle=checks.flag("shuffle", options.shuffle),
        clip_value=checks.positive("clip_value", options.clip_value),
        clip_norm=checks.positive("clip_norm", options.clip_norm),
        average=checks.optional("average", options.average, 0.0, 1.0),
        input_noise=checks.within("input_noise", options.input_noise, 0.0, inf),
        on_nan=checks.choice("on_nan", options.on_nan, ON_NAN),
    )


def schedule_of(tables: Tables, name: str, choice: Choice | None) -> str | None:
    """Return a schedule of something other than the learning rate, as its table writes it."""
    if choice is None:
        return None
    try:
        text = tables.entry("schedule", choice)
    except (TypeError, ValueError) as error:
        raise type(error)(str(error).replace("schedule", name, 1)) from None
    if tables.backend.is_reactive(text):
        raise ValueError(f"{name} must not depend on the course of the training; got '{text}'")
    return text


def default(value: T | str, auto: T) -> T:
    """Return the value, or `auto` for "auto"."""
    return auto if isinstance(value, str) and value == AUTO else cast("T", value)


def name_of(optimizer: str) -> str:
    """Return the name of an optimizer without its settings."""
    return optimizer.partition("(")[0].strip()


def is_lbfgs(optimizer: str) -> bool:
    """Return True for L-BFGS, which takes all samples at once."""
    return name_of(optimizer) == lbfgs.ROW.name


def optimizer_of(tables: Tables, choice: Choice) -> str:
    """Return the optimizer as its table writes it."""
    text = as_text("optimizer", choice, tables.names)
    if is_lbfgs(text):
        return lbfgs.canonical(text)
    name = name_of(text)
    if key(name) in LBFGS_SPELLINGS:
        names = [*tables.names("optimizer"), lbfgs.ROW.name]
        raise ValueError(
            f"optimizer must be one of {', '.join(names)}; got '{name}' (did you mean 'lbfgs'?)"
        )
    return tables.entry("optimizer", text)


def default_epochs(n: int, batch_size: int, optimizer: str) -> int:
    """Return the epochs that make some 1,000 updates, or the iterations of L-BFGS."""
    if is_lbfgs(optimizer):
        return ITERATIONS
    fewest, most = EPOCHS
    return min(max(ceil(UPDATES / max(ceil(n / batch_size), 1)), fewest), most)
