"""
Regression surface
==================

If the targets are values, the same call draws the predicted values; each sample has the color of
its target.
"""

import backprop_rs as bp
import numpy as np

random = np.random.default_rng(0)
X = random.uniform(-2, 2, (300, 2))
y = np.sin(1.5 * X[:, 0]) + 0.4 * X[:, 1] + random.normal(0, 0.1, 300)

net = bp.Network([2, 16, 1], "tanh", "identity", seed=0)
net.fit(X, y, epochs=100, progress=False)

ax = bp.plot.boundary(net, X, y)
