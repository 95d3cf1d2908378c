"""
A network with the numbers of one sample
========================================

Each neuron shows its activation *a* inside, its weighted input *z* above, its bias *b* and its
error term *δ* below. Each edge shows its weight.
"""

import backprop_rs as bp

net = bp.Network([2, 3, 2], dtype="float64")
net.weights = [[[0.9, -0.4], [0.3, 0.6], [-0.7, 0.5]], [[0.8, -0.5, 0.3], [-0.6, 0.4, 0.9]]]
net.biases = [[0.1, -0.2, 0.3], [0.2, -0.1]]

ax = bp.plot.network(net, x=[0.5, 0.8], y=[0.0, 1.0])

# %%
# The color and the width of an edge can show the gradient ∂C/∂w instead.

ax = bp.plot.network(net, x=[0.5, 0.8], y=[0.0, 1.0], edges="gradient")
