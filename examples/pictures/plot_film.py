"""
A film of a training
====================

`Network.record` trains like `fit` and keeps the parameters of several times.
"""

import backprop_rs as bp
import matplotlib.pyplot as plt
import numpy as np

random = np.random.default_rng(0)
y = np.arange(300) % 3
angle = random.uniform(0, 2 * np.pi, 300)
X = np.stack([np.cos(angle), np.sin(angle)], axis=1) * (0.6 + y)[:, None]
X += random.normal(0, 0.22, X.shape)

net = bp.Network([2, 16, 3], "tanh", "softmax", "cross_entropy", seed=0)
film = net.record(X, y, epochs=40, every=5, progress=False)
print(film)

# %%
# ``film.animate().save("boundary.html")`` writes it with a player. Here are three of its frames:

figure, axes = plt.subplots(1, 3, figsize=(12, 4), layout="constrained")
for ax, number in zip(axes, [0, 2, 8], strict=True):
    bp.plot.boundary(film.network(number), X, y, ax=ax)
    ax.set_title(f"after {film.frames[number].epoch} epochs")
