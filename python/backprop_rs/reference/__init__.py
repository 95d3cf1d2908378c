"""The NumPy twin of the Rust core, written to be read beside the derivation.

Start with `layer` (one layer, forward and backward), then `network` (all layers), `cost`,
`activation`, `optimizer` and `train`. Rows are samples everywhere; `w` is (n_out, n_in).
"""

from .activation import ACTIVATIONS
from .cost import COSTS
from .error import names_of
from .init import INITS
from .network import Network
from .optimizer import OPTIMIZERS

__all__ = [
    "Network",
    "activation_names",
    "cost_names",
    "init_names",
    "optimizer_names",
]


def activation_names() -> list[str]:
    """The names in the table of activations.

    >>> activation_names()
    ['identity', 'sigmoid', 'tanh', 'relu', 'softmax']
    """
    return names_of(ACTIVATIONS)


def cost_names() -> list[str]:
    """The names in the table of costs.

    >>> cost_names()
    ['squared_error', 'cross_entropy']
    """
    return names_of(COSTS)


def init_names() -> list[str]:
    """The names in the table of initialisers.

    >>> init_names()
    ['auto', 'zeros', 'glorot_uniform', 'he_uniform', 'lecun_uniform']
    """
    return names_of(INITS)


def optimizer_names() -> list[str]:
    """The names in the table of optimisers.

    >>> optimizer_names()
    ['sgd', 'adam']
    """
    return names_of(OPTIMIZERS)
