"""
The chain rule of one weight
============================

The cost depends on *a*, *a* on *z*, and *z* on the weight. Each arrow carries the derivative of
its head with respect to its tail. The derivatives along a path are multiplied, and the paths are
added.
"""

import backprop_rs as bp

net = bp.Network([2, 3, 2], dtype="float64")
net.weights = [[[0.9, -0.4], [0.3, 0.6], [-0.7, 0.5]], [[0.8, -0.5, 0.3], [-0.6, 0.4, 0.9]]]
net.biases = [[0.1, -0.2, 0.3], [0.2, -0.1]]
x, y = [0.5, 0.8], [0.0, 1.0]

ax = bp.plot.chain(net, x, y, layer=1, j=0, k=1)

# %%
# The sum is the derivative that back-propagation computes.

gradient = net.backward(x, y).weight_gradients[0][0, 1]
print(f"∂C/∂w = {gradient:.6f}")
