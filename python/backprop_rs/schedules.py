"""The table of schedules as objects, which are accepted wherever a name is.

>>> from backprop_rs.schedules import Cosine
>>> Cosine(end=0.1)
Cosine(end=0.1)
"""

from .tables.entries import module_getattr

__getattr__, __dir__ = module_getattr(__name__, "schedule")
