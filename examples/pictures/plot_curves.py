"""
Learning curves
===============

Solid lines show the training data, dashed lines the validation data, which the network does not
learn from.
"""

import backprop_rs as bp
import matplotlib.pyplot as plt

data, _ = bp.data.standardize(bp.load_iris(), bp.load_iris())
net = bp.Network([4, 16, 3], "tanh", "softmax", "cross_entropy", seed=0)
history = net.fit(
    data.X, data.y, epochs=60, validation_fraction=0.3, metrics="accuracy", progress=False
)

figure, axes = plt.subplots(1, 2, figsize=(11, 3.5), layout="constrained")
bp.plot.curves(history, ax=axes[0])
ax = bp.plot.curves(history, "accuracy", ax=axes[1])
