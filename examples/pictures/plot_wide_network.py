"""
A wide network
==============

64 pixels of a handwritten digit, 36 hidden neurons and 10 digits: only some neurons of each wide
layer are drawn.
"""

import backprop_rs as bp

data = bp.load_digits()
net = bp.Network([64, 36, 10], "tanh", "softmax", "cross_entropy", seed=0)
net.fit(data.X / 16, data.y, epochs=12, progress=False)

ax = bp.plot.network(net, data.X[0] / 16, data.y[:1])
