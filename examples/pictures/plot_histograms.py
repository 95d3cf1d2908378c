"""
Weights and gradients of each layer
===================================

One row for each layer, with a line at its mean.
"""

import backprop_rs as bp

data = bp.load_digits()
net = bp.Network([64, 36, 18, 10], "tanh", "softmax", "cross_entropy", seed=0)
net.fit(data.X / 16, data.y, epochs=10, progress=False)

ax = bp.plot.histograms(net)

# %%
# With samples, the derivatives ∂C/∂w:

ax = bp.plot.histograms(net, data.X / 16, data.y)
