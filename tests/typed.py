"""The package as type checkers see it; `make types` checks this file, and nothing runs it."""

from typing import Any

import backprop_rs as bp
import numpy as np
from backprop_rs.sklearn import MLPClassifier, MLPRegressor
from numpy.typing import NDArray
from typing_extensions import assert_type

# An unknown name is an error; otherwise the "ignore" is unused.
bp.Netwrk  # type: ignore[attr-defined]  # noqa: B018

bp.optimizers.Adm  # type: ignore[attr-defined]  # noqa: B018
bp.optimizers.Adam(beta_1=0.9)  # type: ignore[call-arg]

net = bp.Network([2, 3, 1])
assert_type(net, bp.Network)
assert_type(net.predict([[1, 2]]), NDArray[np.floating[Any]])
assert_type(net.fit([[1, 2]], [1]), bp.History)
assert_type(net.evaluate([[1, 2]], [1]), dict[str, float])
assert_type(bp.load_iris(), bp.Dataset)
assert_type(bp.reference.__name__, str)
net.fit([[1, 2]], [1], optimizer=bp.optimizers.SGD(0.9, nesterov=True))
net.fit([[1, 2]], [1], schedule=bp.schedules.Warmup(2).then(bp.schedules.Cosine()))
bp.Network([2, bp.Dense(3, bp.activations.LeakyReLU(0.1)), 1], cost=bp.costs.Huber(2))
metric = bp.Metric("m", lambda y, p: 0.0, needs="values", higher_is_better=True)
assert_type(net.evaluate([[1, 2]], [1], metrics=[metric, "r2"]), dict[str, float])

classifier = MLPClassifier((3,)).fit([[1, 2]], [1])
assert_type(classifier, MLPClassifier)
assert_type(classifier.predict([[1, 2]]), NDArray[Any])
assert_type(classifier.predict_proba([[1, 2]]), NDArray[np.floating[Any]])
assert_type(classifier.partial_fit([[1, 2]], [1]), MLPClassifier)
assert_type(classifier.to_network(), bp.Network)
regressor = MLPRegressor(hidden_layer_sizes=(3,)).fit([[1, 2]], [1])
assert_type(regressor.predict([[1, 2]]), NDArray[np.floating[Any]])
assert_type(regressor.coefs_, list[NDArray[np.floating[Any]]])
