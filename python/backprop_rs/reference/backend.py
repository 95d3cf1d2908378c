"""The network with its training: the interface of the network of the compiled core."""

from . import data_parallel
from .network import Layers
from .train import train


class Network(Layers):
    """The layers with their training; the twin of the Rust class.

    >>> import numpy as np
    >>> network = Network([2, 3, 2], ["sigmoid", "sigmoid"], "squared_error", "float64")
    >>> network.predict(np.ones((1, 2)))
    array([[0.5, 0.5]])
    """

    train = train
    sum_lengths = data_parallel.sum_lengths
    sum_gradient = data_parallel.sum_gradient
    apply_gradient = data_parallel.apply_gradient
