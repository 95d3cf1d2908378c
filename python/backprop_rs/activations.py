"""The table of activations as objects, which are accepted wherever a name is.

>>> from backprop_rs.activations import LeakyReLU
>>> LeakyReLU(0.1)
LeakyReLU(slope=0.1)
"""

from .tables.entries import module_getattr

__getattr__, __dir__ = module_getattr(__name__, "activation")
