"""Table entries in JAX and optax, with an epoch as one jitted scan.

optax's amsgrad corrects the bias before it takes the largest, and its rprop lags a step behind
Riedmiller and Braun's; these two, and the epsilon of TensorFlow's Adam, are written out here.
"""

from functools import partial

from backprop_rs._internal.layer_norm import EPSILON
from backprop_rs.tables.optimizer import OPTIMIZERS
from backprop_rs.tables.registry import parse
from trainers import Jax, Ours

# The activations that are not in jax.nn by our name, from (jax.nn, jax.numpy).
ACTIVATIONS = {
    "gelu": lambda nn, numpy: partial(nn.gelu, approximate=False),
    "gelu_tanh": lambda nn, numpy: partial(nn.gelu, approximate=True),
    "softsign": lambda nn, numpy: nn.soft_sign,
    "gaussian": lambda nn, numpy: lambda z: numpy.exp(-z * z),
    "sine": lambda nn, numpy: numpy.sin,
    "exponential": lambda nn, numpy: numpy.exp,
}


def weights_only(layers):
    """Return a mask of the parameters that decay."""
    return [{name: name == "w" for name in layer} for layer in layers]


def sgd(optax, rate, s):
    return optax.sgd(rate, s["momentum"] or None, bool(s["nesterov"]))


def adam(optax, rate, s):
    if s["amsgrad"] or s.get("epsilon_hat"):
        return optax.chain(scale_by_adam(optax, s), optax.scale(-rate))
    return optax.adam(rate, s["beta1"], s["beta2"], s["epsilon"])


def adamw(optax, rate, s):
    if s["amsgrad"]:
        decay = optax.add_decayed_weights(s["weight_decay"], weights_only)
        return optax.chain(scale_by_adam(optax, s), decay, optax.scale(-rate))
    settings = {"weight_decay": s["weight_decay"], "mask": weights_only}
    return optax.adamw(rate, s["beta1"], s["beta2"], s["epsilon"], **settings)


def nadam(optax, rate, s):
    return optax.nadam(rate, s["beta1"], s["beta2"], s["epsilon"])


def rmsprop(optax, rate, s):
    settings = {"eps_in_sqrt": False, "centered": bool(s["centered"])}
    return optax.rmsprop(rate, s["alpha"], s["epsilon"], momentum=s["momentum"] or None, **settings)


def adagrad(optax, rate, s):
    slower = lambda t: rate / (1 + t * s["rate_decay"])  # noqa: E731
    return optax.adagrad(slower if s["rate_decay"] else rate, s["initial"], 0.0)


def lion(optax, rate, s):
    decay = {"weight_decay": s["weight_decay"], "mask": weights_only}
    return optax.lion(rate, s["beta1"], s["beta2"], **decay)


def scale_by_adam(optax, s):
    """Return Adam with the largest square so far, or with epsilon added to the uncorrected root."""
    import jax
    from jax import numpy

    def begin(layers):
        zeros = jax.tree.map(numpy.zeros_like, layers)
        return numpy.zeros((), numpy.int32), zeros, zeros, zeros if s["amsgrad"] else ()

    def update(g, state, layers=None):
        t, m, v, largest = state
        t, tree = t + 1, jax.tree.map
        m = tree(lambda m, g: s["beta1"] * m + (1 - s["beta1"]) * g, m, g)
        v = tree(lambda v, g: s["beta2"] * v + (1 - s["beta2"]) * g * g, v, g)
        if s["amsgrad"]:
            largest = tree(numpy.maximum, largest, v)
        root = numpy.sqrt(1 - s["beta2"] ** t)
        epsilon = s["epsilon"] * (1 if s.get("epsilon_hat") else root)
        factor = root / (1 - s["beta1"] ** t)
        square = largest if s["amsgrad"] else v
        step = tree(lambda m, v: factor * m / (numpy.sqrt(v) + epsilon), m, square)
        return step, (t, m, v, largest)

    return optax.GradientTransformation(begin, update)


def rprop(optax, rate, s):
    import jax
    from jax import numpy

    def begin(layers):
        steps = jax.tree.map(lambda p: numpy.full_like(p, rate), layers)
        return steps, jax.tree.map(numpy.zeros_like, layers)

    def update(g, state, layers=None):
        tree = jax.tree.map
        same = tree(lambda g, before: g * before, g, state[1])
        longer = lambda same: numpy.where(same < 0, s["shorter"], 1.0)  # noqa: E731
        factor = tree(lambda same: numpy.where(same > 0, s["longer"], longer(same)), same)
        steps = tree(lambda x, f: numpy.clip(x * f, s["least"], s["most"]), state[0], factor)
        g = tree(lambda g, same: numpy.where(same < 0, 0, g), g, same)
        return tree(lambda x, g: -x * numpy.sign(g), steps, g), (steps, g)

    return optax.GradientTransformation(begin, update)


RULES = {rule.__name__: rule for rule in (sgd, adam, adamw, nadam, rmsprop, adagrad, rprop, lion)}


class JaxRow(Jax):
    """State: the layers, each a dictionary of its arrays, and what the rule keeps."""

    def __init__(self, case, problem, order, threads):
        import jax
        import optax

        own = ACTIVATIONS.get(case.activation, lambda nn, _: getattr(nn, case.activation))
        self.sigma = own(jax.nn, jax.numpy)
        row, settings = parse("optimizer", case.optimizer, OPTIMIZERS)
        self.rule = RULES[row.name](optax, case.learning_rate, settings)
        self.apply = optax.apply_updates
        super().__init__(case, problem, order, threads)

    def state(self):
        numpy = self.jax.numpy
        pairs = zip(self.problem.weights, self.problem.biases, strict=True)
        layers = [{"w": numpy.array(w), "b": numpy.array(b)} for w, b in pairs]
        if self.case.layer_norm:
            for layer in layers[:-1]:
                layer |= {"gain": 0 * layer["b"] + 1, "shift": 0 * layer["b"]}
        # Copies, because a buffer cannot be donated twice.
        kept = self.jax.tree.map(lambda a: numpy.array(a, copy=True), self.rule.init(layers))
        return layers, kept

    def activation_input(self, layer, z):
        """Return the input of the activation."""
        if not self.case.layer_norm:
            return z
        return layer["gain"] * self.jax.nn.standardize(z, epsilon=EPSILON) + layer["shift"]

    def cost(self, layers, x, y):
        nn = self.jax.nn
        for layer in layers[:-1]:
            x = self.sigma(self.activation_input(layer, x @ layer["w"].T + layer["b"]))
        z = x @ layers[-1]["w"].T + layers[-1]["b"]
        if self.case.classes:
            return -(y * nn.log_softmax(z)).sum() / len(x)
        return ((nn.sigmoid(z) - y) ** 2).sum() / len(x)

    def update(self, state, x, y):
        layers, kept = state
        cost, gradient = self.jax.value_and_grad(self.cost)(layers, x, y)
        step, kept = self.rule.update(gradient, kept, layers)
        return (self.apply(layers, step), kept), cost


ROW_TRAINERS = {"jax": JaxRow, "ours": Ours}
