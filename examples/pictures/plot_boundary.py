"""
Decision boundary
=================

The color of the background is the predicted class, fainter where the network is less sure. A ring
marks a sample whose class differs from the prediction.
"""

import backprop_rs as bp
import numpy as np

random = np.random.default_rng(0)
y = np.arange(300) % 3
angle = random.uniform(0, 2 * np.pi, 300)
X = np.stack([np.cos(angle), np.sin(angle)], axis=1) * (0.6 + y)[:, None]
X += random.normal(0, 0.22, X.shape)

net = bp.Network([2, 16, 3], "tanh", "softmax", "cross_entropy", seed=0)
net.fit(X, y, epochs=60, progress=False)

ax = bp.plot.boundary(net, X, y, class_names=("inner", "middle", "outer"))
