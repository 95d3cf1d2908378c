"""
Vanishing error terms
=====================

Four hidden layers of sigmoids: at the beginning, *δ* of the first layer is a thousand times
smaller than that of the output. With relu it is not.
"""

import backprop_rs as bp
import matplotlib.pyplot as plt
import numpy as np

random = np.random.default_rng(0)
y = np.arange(300) % 3
angle = random.uniform(0, 2 * np.pi, 300)
X = np.stack([np.cos(angle), np.sin(angle)], axis=1) * (0.6 + y)[:, None]
X += random.normal(0, 0.22, X.shape)

figure, axes = plt.subplots(1, 2, figsize=(11, 4), layout="constrained", sharey=True)
for ax, activation in zip(axes, ["sigmoid", "relu"], strict=True):
    net = bp.Network([2, 12, 12, 12, 12, 3], activation, "softmax", "cross_entropy", seed=0)
    history = net.fit(X, y, epochs=100, optimizer="adam", health=True, progress=False)
    bp.plot.flow(history.health, ax=ax)
    ax.set_title(activation)
