"""The table of initializers as objects, which are accepted wherever a name is.

>>> from backprop_rs.initializers import GlorotUniform
>>> GlorotUniform()
GlorotUniform()
"""

from .tables.entries import module_getattr

__getattr__, __dir__ = module_getattr(__name__, "init")
