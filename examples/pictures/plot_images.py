"""
Weights as images
=================

Each image shows the incoming weights of one hidden neuron of a network that reads handwritten
digits.
"""

import backprop_rs as bp

data = bp.load_digits()
net = bp.Network([64, 36, 10], "tanh", "softmax", "cross_entropy", weight_decay=0.03, seed=0)
net.fit(data.X / 16, data.y, epochs=30, optimizer="adam", progress=False)

ax = bp.plot.images(net)
