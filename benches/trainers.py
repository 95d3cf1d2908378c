"""One epoch of mini-batch training, by each library in its fastest form.

A trainer is made from a case, its problem, the order of the rows ("shuffled" or "file") and the
number of threads. ``run(steps)`` trains; a library that cannot train a part of an epoch ignores
``steps`` and trains a whole one (``whole = True``). A shuffled order is drawn in each run, inside
the timing, as in real training. ``run_for_the_clock`` returns the number of trained epochs: one,
except for ours. It checks its data for NaN at the beginning of a training, which is not part of an
epoch, so that it trains several. All except scikit-learn compute exactly the same.
"""

import functools
import warnings
from time import perf_counter

import numpy as np
from cases import Problem

BETA1, BETA2, EPSILON = 0.9, 0.999, 1e-8


class Trainer:
    whole = False

    @staticmethod
    def problem(case, dtype):
        return Problem.of(case, dtype)

    @staticmethod
    def limit(case):
        """Return the maximum number of steps of a run."""
        return case.steps

    def __init__(self, case, problem, order, threads):
        self.case, self.problem, self.threads = case, problem, threads
        self.shuffle = order == "shuffled"
        self.rows = len(problem.X)
        self.random = np.random.default_rng(1)

    def run_for_the_clock(self, steps):
        self.run(steps)
        return 1

    def order(self):
        return self.random.permutation(self.rows) if self.shuffle else np.arange(self.rows)


class NumPy(Trainer):
    """NumPy in place, without allocations in a step, with all parameters in one vector."""

    module = "numpy"

    def __init__(self, case, problem, order, threads):
        super().__init__(case, problem, order, threads)
        dtype, m = problem.X.dtype, case.batch
        arrays = [*problem.weights, *problem.biases]
        self.parameters = np.concatenate([array.ravel() for array in arrays])
        self.gradient = np.empty_like(self.parameters)
        if case.adam:
            self.m, self.v, self.scratch = (np.zeros_like(self.gradient) for _ in range(3))
            self.t = 0
        layers = len(problem.weights)
        views = self.views(self.parameters, arrays)
        self.w, self.b = views[:layers], views[layers:]
        views = self.views(self.gradient, arrays)
        self.grad_w, self.grad_b = views[:layers], views[layers:]
        self.a = [np.empty((m, size), dtype) for size in case.sizes]
        self.delta = [np.empty((m, size), dtype) for size in case.sizes]
        self.y = np.empty((m, case.sizes[-1]), dtype)
        self.ones = np.ones(m, dtype)

    @staticmethod
    def views(flat, arrays):
        ends = np.cumsum([array.size for array in arrays])
        parts = zip(ends, arrays, strict=True)
        return [flat[end - array.size : end].reshape(array.shape) for end, array in parts]

    def weights(self):
        return self.w

    def run(self, steps):
        order, m = self.order(), self.case.batch
        update = self.adam if self.case.adam else self.descend
        total = 0.0
        for start in range(0, steps * m, m):
            index = order[start : start + m]
            np.take(self.problem.X, index, axis=0, out=self.a[0], mode="clip")
            np.take(self.problem.y, index, axis=0, out=self.y, mode="clip")
            self.forward()
            total += self.backward()
            update()
        return total

    def forward(self):
        last = len(self.w) - 1
        for k, (w, b) in enumerate(zip(self.w, self.b, strict=True)):
            a = np.dot(self.a[k], w.T, out=self.a[k + 1])
            a += b
            if not self.case.adam:
                np.negative(a, out=a)
                np.exp(a, out=a)
                a += 1
                np.reciprocal(a, out=a)
            elif k < last:
                np.maximum(a, 0, out=a)
            else:
                a -= a.max(axis=1, keepdims=True)
                np.exp(a, out=a)
                a /= a.sum(axis=1, keepdims=True)

    def backward(self):
        a, delta = self.a, self.delta
        d = np.subtract(a[-1], self.y, out=delta[-1])
        if self.case.adam:
            cost = -np.vdot(self.y, np.log(a[-1] + 1e-30))
            d *= 1 / self.case.batch
        else:
            cost = np.vdot(d, d)
            d *= 2 * self.case.learning_rate / self.case.batch  # every gradient scales with it
            self.times_slope(d, a[-1])
        for k in range(len(self.w), 0, -1):
            np.dot(delta[k].T, a[k - 1], out=self.grad_w[k - 1])
            np.dot(self.ones, delta[k], out=self.grad_b[k - 1])
            if k > 1:
                np.dot(delta[k], self.w[k - 1], out=delta[k - 1])
                self.times_slope(delta[k - 1], a[k - 1])
        return cost

    def times_slope(self, delta, a):
        """Return δ ⊙ σ'(z), and overwrite a."""
        if self.case.adam:
            delta *= np.sign(a, out=a)
        else:
            delta *= a
            delta *= np.subtract(1, a, out=a)

    def descend(self):
        self.parameters -= self.gradient

    def adam(self):
        self.t += 1
        g, m, v, scratch = self.gradient, self.m, self.v, self.scratch
        unbias = np.sqrt(1 - BETA2**self.t)
        m *= BETA1
        m += np.multiply(g, 1 - BETA1, out=scratch)
        v *= BETA2
        g *= g
        v += np.multiply(g, 1 - BETA2, out=scratch)
        np.sqrt(v, out=scratch)
        scratch += EPSILON * unbias
        np.divide(m, scratch, out=scratch)
        scratch *= self.case.learning_rate * unbias / (1 - BETA1**self.t)
        self.parameters -= scratch


class ScikitLearn(Trainer):
    """partial_fit, one epoch a call. The regressor's output is identity, not sigmoid: less work."""

    module = "sklearn"

    def __init__(self, case, problem, order, threads):
        super().__init__(case, problem, order, threads)
        from sklearn.neural_network import MLPClassifier, MLPRegressor

        warnings.filterwarnings("ignore")  # too few iterations to converge
        self.net = (MLPClassifier if case.adam else MLPRegressor)(
            hidden_layer_sizes=case.sizes[1:-1],
            activation="relu" if case.adam else "logistic",
            solver="adam" if case.adam else "sgd",
            alpha=0.0,
            batch_size=case.batch,
            learning_rate_init=case.learning_rate,
            momentum=0.0,
            nesterovs_momentum=False,
            shuffle=self.shuffle,
            random_state=0,
        )
        self.y = problem.labels if case.adam else np.squeeze(problem.y)
        self.classes = {"classes": np.arange(case.sizes[-1])} if case.adam else {}

    def run(self, steps):
        rows = steps * self.case.batch
        self.net.partial_fit(self.problem.X[:rows], self.y[:rows], **self.classes)


class Jax(Trainer):
    """JAX, an epoch as one jitted scan with donated state; rows are gathered before or in it."""

    module = "jax"
    whole = True

    def __init__(self, case, problem, order, threads):
        super().__init__(case, problem, order, threads)
        import jax

        jax.config.update("jax_enable_x64", problem.X.dtype == np.float64)
        self.jax = jax
        self.X, self.y = jax.device_put(problem.X), jax.device_put(problem.y)
        self.forms = [self.compile(gather) for gather in ("before", "inside")]

    def state(self):
        """Return (parameters, m, v, t); gradient descent uses the parameters only."""
        numpy = self.jax.numpy
        pairs = zip(self.problem.weights, self.problem.biases, strict=True)
        parameters = [(numpy.array(w), numpy.array(b)) for w, b in pairs]
        if not self.case.adam:
            return (parameters,)
        zeros = [[(0 * w, 0 * b) for w, b in parameters] for _ in range(2)]
        return parameters, *zeros, numpy.zeros((), self.X.dtype)

    def cost(self, parameters, x, y):
        nn = self.jax.nn
        sigma = nn.relu if self.case.adam else nn.sigmoid
        for w, b in parameters[:-1]:
            x = sigma(x @ w.T + b)
        w, b = parameters[-1]
        z = x @ w.T + b
        if self.case.adam:
            return -(y * nn.log_softmax(z)).sum() / len(x)
        return ((nn.sigmoid(z) - y) ** 2).sum() / len(x)

    def update(self, state, x, y):
        tree, learning_rate = self.jax.tree.map, self.case.learning_rate
        cost, gradient = self.jax.value_and_grad(self.cost)(state[0], x, y)
        if not self.case.adam:
            return (tree(lambda p, g: p - learning_rate * g, state[0], gradient),), cost
        parameters, m, v, t = state
        t = t + 1
        m = tree(lambda m, g: BETA1 * m + (1 - BETA1) * g, m, gradient)
        v = tree(lambda v, g: BETA2 * v + (1 - BETA2) * g * g, v, gradient)
        unbias = self.jax.numpy.sqrt(1 - BETA2**t)
        rate = learning_rate * unbias / (1 - BETA1**t)
        move = lambda p, m, v: p - rate * m / (self.jax.numpy.sqrt(v) + EPSILON * unbias)  # noqa: E731
        return (tree(move, parameters, m, v), m, v, t), cost

    def compile(self, gather):
        """Return the function of an epoch, (state, X, y, order) -> (state, costs)."""
        scan, m = self.jax.lax.scan, self.case.batch

        def gathered(state, X, y, order):
            x, y = X[order].reshape(-1, m, X.shape[1]), y[order].reshape(-1, m, y.shape[1])
            return scan(lambda state, xy: self.update(state, *xy), state, (x, y))

        def in_step(state, X, y, order):
            step = lambda state, rows: self.update(state, X[rows], y[rows])  # noqa: E731
            return scan(step, state, order.reshape(-1, m))

        epoch = self.jax.jit(gathered if gather == "before" else in_step, donate_argnums=0)
        state = self.state()
        order = np.zeros(self.rows, np.int32)
        return epoch.lower(state, self.X, self.y, order).compile()

    @functools.cached_property
    def epoch(self):
        """Choose the faster of the two forms."""
        seconds = [min(self.seconds(form) for _ in range(3)) for form in self.forms]
        self.current = self.state()
        return self.forms[np.argmin(seconds)]

    def seconds(self, form):
        self.current = self.jax.block_until_ready(self.state())
        start = perf_counter()
        self.train(form)
        return perf_counter() - start

    def train(self, form):
        order = self.order().astype(np.int32)
        self.current, self.costs = form(self.current, self.X, self.y, order)
        self.jax.block_until_ready((self.current, self.costs))

    def weights(self):
        return [np.asarray(w) for w, _ in self.current[0]]

    def run(self, steps):
        self.train(self.epoch)

    def cost_of_epoch(self):
        return float(self.costs.mean())


class Torch(Trainer):
    """PyTorch, eager, with a fused optimizer, like its tutorials."""

    module = "torch"

    def __init__(self, case, problem, order, threads):
        super().__init__(case, problem, order, threads)
        import torch

        self.torch = torch
        torch.set_num_threads(threads)
        layers = []
        for w, b in zip(problem.weights, problem.biases, strict=True):
            linear = torch.nn.Linear(*w.shape[::-1], dtype=torch.from_numpy(w).dtype)
            linear.weight.data.copy_(torch.from_numpy(w))
            linear.bias.data.copy_(torch.from_numpy(b))
            layers += [linear, torch.nn.ReLU() if case.adam else torch.nn.Sigmoid()]
        self.net = torch.nn.Sequential(*(layers[:-1] if case.adam else layers))
        kind = torch.optim.Adam if case.adam else torch.optim.SGD
        self.optimizer = kind(self.net.parameters(), lr=case.learning_rate, fused=True)
        self.X = torch.from_numpy(problem.X)
        self.y = torch.from_numpy(problem.labels if case.adam else problem.y)

    def weights(self):
        return [p.detach().numpy() for p in self.net.parameters() if p.ndim == 2]

    def run(self, steps):
        m, functional = self.case.batch, self.torch.nn.functional
        order = self.torch.from_numpy(self.order())
        for rows in order[: steps * m].split(m):
            x, y = self.X[rows], self.y[rows]
            self.optimizer.zero_grad(set_to_none=True)
            if self.case.adam:
                cost = functional.cross_entropy(self.net(x), y)
            else:
                cost = functional.mse_loss(self.net(x), y, reduction="sum") / m
            cost.backward()
            self.optimizer.step()


class Ours(Trainer):
    module = "backprop_rs"
    whole = True
    EPOCHS = 3  # of a timed run

    def __init__(self, case, problem, order, threads):
        super().__init__(case, problem, order, threads)
        import backprop_rs

        hidden = [backprop_rs.Dense(n, layer_norm=case.layer_norm) for n in case.sizes[1:-1]]
        self.net = backprop_rs.Network(
            [case.sizes[0], *hidden, case.sizes[-1]],
            case.activation,
            case.output,
            case.cost,
            dtype=problem.X.dtype.name,
            backend="rust",
            seed=0,
        )
        self.net.weights, self.net.biases = problem.weights, problem.biases
        self.y = problem.labels if case.classes else problem.y
        self.settings = {
            "batch_size": case.batch,
            "learning_rate": case.learning_rate,
            "optimizer": case.optimizer,
            "shuffle": self.shuffle,
            "progress": False,
        }

    def weights(self):
        return self.net.weights

    def run(self, steps, epochs=1):
        self.history = self.net.fit(self.problem.X, self.y, epochs, **self.settings)

    def run_for_the_clock(self, steps):
        self.run(steps, self.EPOCHS)
        return self.EPOCHS

    def cost_of_epoch(self):
        return self.history.cost[-1]


TRAINERS = {"numpy": NumPy, "sklearn": ScikitLearn, "jax": Jax, "torch": Torch, "ours": Ours}
