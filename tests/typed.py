"""The package as type checkers see it; `make types` checks this file, and nothing runs it."""

from typing import Any

import backprop_rs as bp
import numpy as np
from backprop_rs.sklearn import MLPClassifier, MLPRegressor
from backprop_rs.typing import (
    ActivationName,
    CostName,
    InitializerName,
    OptimizerName,
    ScheduleName,
)
from numpy.typing import NDArray
from typing_extensions import assert_type

# An unknown name is an error; otherwise the "ignore" is unused.
bp.Netwrk  # type: ignore[attr-defined]  # noqa: B018

bp.data.read_cvs  # type: ignore[attr-defined]  # noqa: B018
bp.plot.netwrok  # type: ignore[attr-defined]  # noqa: B018
bp.exceptions.Missing  # type: ignore[attr-defined]  # noqa: B018
bp.optimizers.Adm  # type: ignore[attr-defined]  # noqa: B018
bp.optimizers.Adam(beta_1=0.9)  # type: ignore[call-arg]

activation: ActivationName = "relo"  # type: ignore[assignment]
cost: CostName = "mse"  # type: ignore[assignment]
initializer: InitializerName = "he"  # type: ignore[assignment]
optimizer: OptimizerName = "adm"  # type: ignore[assignment]
schedule: ScheduleName = "cosin"  # type: ignore[assignment]
good: OptimizerName = "adam"

net = bp.Network([2, 3, 1])
net.fitt  # type: ignore[attr-defined]  # noqa: B018
net.fit([[1, 2]], [1], on_nan="rais")  # type: ignore[arg-type]
net.fit([[1, 2]], [1], optimizer=good, schedule="warmup(3) then cosine")
bp.Network([2, 3, 1], "leaky_relu(0.1)", "identity", "huber(2)", init="he_normal", dtype="float64")
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
classifier.predct  # type: ignore[attr-defined]  # noqa: B018
regressor.coef_  # type: ignore[attr-defined]  # noqa: B018
MLPClassifier(solvr="adam")  # type: ignore[call-arg]
MLPClassifier(learning_rate="constnt")  # type: ignore[arg-type]
MLPRegressor("huber")  # type: ignore[arg-type]
assert_type(classifier.score([[1, 2]], [1]), float)
assert_type(classifier.get_params(), dict[str, Any])
assert_type(classifier.set_params(alpha=0.1), MLPClassifier)
assert_type(classifier.n_iter_, int)
assert_type(classifier.loss_curve_, list[float])

tabular = bp.TabularClassifier()
tabular.predict_probe  # type: ignore[attr-defined]  # noqa: B018
assert_type(tabular.fit([[1, 2]], [1]), bp.TabularClassifier)
bp.TabularRegressor(preset=5)  # type: ignore[arg-type]

model = bp.Model((8,), activation="relu")
model.predct  # type: ignore[attr-defined]  # noqa: B018

tabular = bp.TabularClassifier("fast", random_state=0).fit([[1, 2]], ["a"])
assert_type(tabular, bp.TabularClassifier)
assert_type(tabular.predict_proba([[1, 2]]), NDArray[Any])
assert_type(bp.TabularRegressor().predict_interval([[1, 2]]), NDArray[np.float64])
