"""The table of optimizers as objects, which are accepted wherever a name is.

>>> from backprop_rs.optimizers import SGD
>>> SGD(momentum=0.9, nesterov=True)
SGD(momentum=0.9, nesterov=1)
"""

from .tables.entries import module_getattr

__getattr__, __dir__ = module_getattr(__name__, "optimizer")
