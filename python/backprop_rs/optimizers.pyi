# Written by tests/stubs.py from the table of optimizers.

from .tables.entries import Entry

def Adagrad(epsilon: float = 1e-10, initial: float = 0.0, rate_decay: float = 0.0) -> Entry: ...
def Adam(
    beta1: float = 0.9,
    beta2: float = 0.999,
    epsilon: float = 1e-08,
    amsgrad: float = 0.0,
    epsilon_hat: float = 0.0,
) -> Entry: ...
def AdamW(
    beta1: float = 0.9,
    beta2: float = 0.999,
    epsilon: float = 1e-08,
    weight_decay: float = 0.01,
    amsgrad: float = 0.0,
) -> Entry: ...
def LBFGS(tolerance: float = 1e-06, memory: float = 10.0) -> Entry: ...
def Lion(beta1: float = 0.9, beta2: float = 0.99, weight_decay: float = 0.0) -> Entry: ...
def NAdam(
    beta1: float = 0.9,
    beta2: float = 0.999,
    epsilon: float = 1e-08,
    momentum_decay: float = 0.004,
) -> Entry: ...
def RMSprop(
    alpha: float = 0.99,
    epsilon: float = 1e-08,
    momentum: float = 0.0,
    centered: float = 0.0,
) -> Entry: ...
def Rprop(
    shorter: float = 0.5,
    longer: float = 1.2,
    least: float = 1e-06,
    most: float = 50.0,
) -> Entry: ...
def SGD(momentum: float = 0.0, nesterov: float = 0.0, velocity: float = 0.0) -> Entry: ...
