"""The table of costs as objects, which are accepted wherever a name is.

>>> from backprop_rs.costs import Huber
>>> Huber(delta=2)
Huber(delta=2)
"""

from .tables.entries import module_getattr

__getattr__, __dir__ = module_getattr(__name__, "cost")
