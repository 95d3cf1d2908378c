"""
Confusion matrix
================

Which digits does a network take for which others? The rows of the test set were held out of the
training.
"""

import backprop_rs as bp

train, test = bp.data.train_test_split(bp.load_digits(), test_fraction=0.3, stratify=True, seed=0)
train, test = bp.data.standardize(train, test)
net = bp.Network([64, 16, 10], "relu", "softmax", "cross_entropy", seed=0)
net.fit(train.X, train.y, epochs=10, progress=False)

ax = bp.plot.confusion(net, test.X, test.y)
