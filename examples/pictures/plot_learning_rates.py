"""
Find a learning rate
====================

A copy of the network trains with a rate that grows from step to step. The suggestion lies between
the steepest descent and the lowest cost.
"""

import backprop_rs as bp

data, _ = bp.data.standardize(bp.load_digits(), bp.load_digits())
net = bp.Network([64, 32, 10], "relu", "softmax", "cross_entropy", seed=0)
search = net.find_learning_rate(data.X, data.y, optimizer="adam")

ax = search.plot()
