"""The threshold between class 0 and class 1 of one output, everywhere it is used."""

from typing import Any

import backprop_rs as bp
import numpy as np
import pytest
from backprop_rs.tables.activation import ACTIVATIONS
from backprop_rs.tables.threshold import threshold

HALVES = {
    "sigmoid",
    "relu",
    "softplus",
    "hard_sigmoid",
    "relu6",
    "gaussian",
    "exponential",
    "softmax",
}
SQUARE = bp.Activation("square", lambda z: z * z, lambda z, a: 2 * z)
X = np.linspace(-2, 2, 40)[:, None]
LABELS = (X[:, 0] > 0.1).astype(int)


@pytest.mark.parametrize("row", ACTIVATIONS, ids=lambda row: row.name)
def test_the_threshold_of_hinge_depends_on_the_range_of_the_output(row: Any) -> None:
    """Its least cost is at 1 and as close to -1 as the output allows."""
    assert threshold(row.name, "cross_entropy") == threshold(row.name, "mine") == 0.5
    assert threshold(row.name, "hinge") == (0.5 if row.name in HALVES else 0.0)


def test_settings_and_custom_functions() -> None:
    assert threshold("leaky_relu(0)", "hinge") == 0.5
    assert threshold("elu(0)", "hinge") == 0.5
    assert threshold(SQUARE, "hinge") == 0.5
    shifted = bp.Activation("shifted", lambda z: z - 1, lambda z, a: np.ones_like(z))
    assert threshold(shifted, "hinge") == 0.0


@pytest.mark.parametrize("output", ["sigmoid", "hard_sigmoid", "softplus", "identity", "tanh"])
def test_a_net_that_separates_two_classes_is_right(output: str, backend: str) -> None:
    net = bp.Network([1, 1], output=output, cost="hinge", seed=0, backend=backend)
    history = net.fit(X, LABELS, 300, 40, 0.5, optimizer="sgd", schedule="constant",
                      metrics="accuracy", progress=False)  # fmt: skip
    assert net.evaluate(X, LABELS)["accuracy"] >= 0.95
    assert history.metrics["accuracy"][-1] >= 0.95


@pytest.mark.filterwarnings("ignore:Stochastic Optimizer")
def test_files_and_estimators_decide_alike(tmp_path: Any) -> None:
    net = bp.Network([1, 1], output="sigmoid", cost="hinge", seed=0)
    net.weights, net.biases = [[[6.0]]], [[-0.6]]
    net.export(tmp_path / "net.py", classes=["no", "yes"])
    namespace: dict[str, Any] = {"__name__": "net"}
    exec((tmp_path / "net.py").read_text(), namespace)
    chosen = [str(one) for one in np.atleast_1d(namespace["classify"](X))]
    assert chosen == ["yes" if one else "no" for one in LABELS]
    from backprop_rs.sklearn import MLPClassifier

    mlp = MLPClassifier((), cost="hinge", max_iter=300, learning_rate_init=0.1, random_state=0)
    assert mlp.set_params(tol=0).fit(X, LABELS).score(X, LABELS) >= 0.95
