"""The public face of a network."""

from .._internal.keywords import hinting
from .exchanges import Exchanges
from .explains import Explains
from .keeps import Keeps
from .learns import Learns
from .shows import Shows


@hinting
class Network(Learns, Keeps, Exchanges, Shows, Explains):
    """A dense feed-forward network that learns by back-propagation.

    Rows are samples everywhere, and weights are (n_out, n_in), as in the derivation.

    Parameters
    ----------
    sizes : sequence of int, or of int and `Dense`
        The number of neurons of each layer, from the input n_0 to the output n_L; a `Dense`
        stands for a layer with settings of its own.
    activation : row of the table of activations, or one per hidden layer, default "sigmoid"
        A name such as "tanh", with settings such as "leaky_relu(0.1)", or an object of
        `backprop_rs.activations`, or an `Activation` of your own; softmax is for the output alone.
    output : row of the table of activations, default "sigmoid"
        The activation of the output layer.
    cost : row of the table of costs, default "squared_error"
        A name such as "squared_error", which is sum_j (a_j - y_j)^2, or "cross_entropy", which
        needs the output sigmoid (each output a probability) or softmax (one probability per
        class); with settings such as "huber(2)", an object of `backprop_rs.costs`, or a `Cost`
        of your own.
    init : row of the table of initialisers, or sequence of (n_l, n_{l-1}) arrays, default "auto"
        How the first weights are drawn, or the weights themselves. Auto is he_uniform for relu
        and its like, otherwise glorot_uniform.
    dtype : "float32" or "float64", default "float32"
        The type of the parameters and of all arithmetic.
    seed : int, optional
        From 0 to 2**64 - 1; it determines the first weights and the order of the samples.
        Without it one is drawn, and kept as `seed`.
    backend : "auto", "rust" or "numpy", default "auto"
        Auto means Rust, or NumPy with a RuntimeWarning where Rust cannot be imported.
    dropout : float, default 0.0
        For each hidden layer, as in `Dense`.
    layer_norm : bool, default False
        For each hidden layer, as in `Dense`.
    l1, l2, weight_decay, max_norm : float, default 0.0
        For every layer, as in `Dense`.

    Attributes
    ----------
    seed : int
    backend : str
        "rust" or "numpy".
    epochs_trained : int
        The epochs that all calls of `fit` have completed.
    metadata : dict
        Free for your notes, saved with the model; its contents must suit JSON.

    Raises
    ------
    ValueError, TypeError
        One sentence that names the argument, what was given and what is accepted.

    Examples
    --------
    >>> import numpy as np
    >>> import backprop_rs as bp
    >>> net = bp.Network([2, 8, 1], activation="tanh", cost="cross_entropy", seed=1)
    >>> X, y = [[0, 0], [0, 1], [1, 0], [1, 1]], [0, 1, 1, 0]
    >>> history = net.fit(X, y, epochs=2000, batch_size=4, learning_rate=0.5, progress=False)
    >>> np.round(net.predict(X)[:, 0])
    array([0., 1., 1., 0.], dtype=float32)
    """
