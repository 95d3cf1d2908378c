# Written by tests/stubs.py from the table of schedules.

from .tables.entries import Schedule

def Adaptive(tol: float = 0.0001, patience: float = 2.0) -> Schedule: ...
def Constant() -> Schedule: ...
def Cosine(end: float = 0.0, length: float = 0.0, per_epoch: float = 0.0) -> Schedule: ...
def CosineRestarts(
    first: float = 10.0,
    multiplier: float = 1.0,
    end: float = 0.0,
    per_epoch: float = 0.0,
) -> Schedule: ...
def Exponential(rate: float = 0.95, per_epoch: float = 0.0) -> Schedule: ...
def InverseScaling(power: float = 0.5, per_epoch: float = 0.0) -> Schedule: ...
def OneCycle(
    rise: float = 0.3,
    divide: float = 25.0,
    final_divide: float = 10000.0,
    length: float = 0.0,
    per_epoch: float = 0.0,
) -> Schedule: ...
def Polynomial(
    power: float = 1.0,
    end: float = 0.0,
    length: float = 0.0,
    per_epoch: float = 0.0,
) -> Schedule: ...
def ReduceOnPlateau(
    factor: float = 0.1,
    patience: float = 10.0,
    threshold: float = 0.0001,
    cooldown: float = 0.0,
    least: float = 0.0,
) -> Schedule: ...
def Step(every: float = 10.0, factor: float = 0.1) -> Schedule: ...
def Warmup(length: float = 5.0, start: float = 0.0, per_epoch: float = 0.0) -> Schedule: ...
