"""Twelve updates of each rule, and twelve epochs of each schedule, by PyTorch.

`python tests/oracles/optimizers.py > tests/oracles/optimizers.json` makes the numbers.

The gradients are fixed numbers, so that only the rules are compared. PyTorch decays all parameters
alike; here there are only weights.
"""

import json

import torch

torch.set_default_dtype(torch.float64)  # some optimizers keep state of their own

GRADIENTS = [[(7 * i + 3 * j) % 11 - 5 + 0.25 * j for j in range(4)] for i in range(12)]
START = [0.5, -1.0, 2.0, 0.0]
RATE = 0.01

# Our text, and PyTorch's class with its settings.
RULES = {
    "sgd": (torch.optim.SGD, {}),
    "sgd(momentum=0.9)": (torch.optim.SGD, {"momentum": 0.9}),
    "sgd(momentum=0.9, nesterov=1)": (torch.optim.SGD, {"momentum": 0.9, "nesterov": True}),
    "adam": (torch.optim.Adam, {}),
    "adam(beta1=0.8, epsilon=1e-3)": (torch.optim.Adam, {"betas": (0.8, 0.999), "eps": 1e-3}),
    "adam(amsgrad=1)": (torch.optim.Adam, {"amsgrad": True}),
    "adamw": (torch.optim.AdamW, {}),
    "adamw(weight_decay=0.2, amsgrad=1)": (
        torch.optim.AdamW,
        {"weight_decay": 0.2, "amsgrad": True},
    ),
    "nadam": (torch.optim.NAdam, {}),
    "rmsprop": (torch.optim.RMSprop, {}),
    "rmsprop(momentum=0.9)": (torch.optim.RMSprop, {"momentum": 0.9}),
    "rmsprop(alpha=0.9, centered=1)": (torch.optim.RMSprop, {"alpha": 0.9, "centered": True}),
    "adagrad": (torch.optim.Adagrad, {}),
    "adagrad(initial=0.1, rate_decay=0.2)": (
        torch.optim.Adagrad,
        {"initial_accumulator_value": 0.1, "lr_decay": 0.2},
    ),
    "rprop": (torch.optim.Rprop, {}),
}


def updates(rule, settings):
    """Return the parameters after each update."""
    theta = torch.tensor(START, dtype=torch.float64, requires_grad=True)
    optimizer = rule([theta], lr=RATE, **settings)
    path = []
    for gradient in GRADIENTS:
        theta.grad = torch.tensor(gradient, dtype=torch.float64)
        optimizer.step()
        path.append(theta.tolist())
    return path


SCHEDULES = {
    "step(3, 0.5)": lambda o: torch.optim.lr_scheduler.StepLR(o, 3, 0.5),
    "exponential(0.8)": lambda o: torch.optim.lr_scheduler.ExponentialLR(o, 0.8),
    "polynomial(2)": lambda o: torch.optim.lr_scheduler.PolynomialLR(o, 12, 2),
    "cosine(0.1)": lambda o: torch.optim.lr_scheduler.CosineAnnealingLR(o, 12, 0.1),
    "cosine_restarts(3, 2)": lambda o: torch.optim.lr_scheduler.CosineAnnealingWarmRestarts(
        o, 3, 2
    ),
    "warmup(4, 0.2)": lambda o: torch.optim.lr_scheduler.LinearLR(o, 0.2, 1, 4),
}


def factors(make):
    """Return the learning rate of each of 12 epochs, from 1."""
    theta = torch.zeros(1, requires_grad=True)
    optimizer = torch.optim.SGD([theta], lr=1.0)
    scheduler, path = make(optimizer), []
    for _ in range(12):
        path.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        scheduler.step()
    return path


def plateau(values):
    theta = torch.zeros(1, requires_grad=True)
    optimizer = torch.optim.SGD([theta], lr=1.0)
    scheduler = torch.optim.lr_scheduler.ReduceLROnPlateau(
        optimizer, factor=0.5, patience=2, threshold=0.01, cooldown=1
    )
    path = []
    for value in values:
        scheduler.step(value)
        path.append(optimizer.param_groups[0]["lr"])
    return path


VALUES = [3, 2, 1.999, 1.998, 1.997, 1.996, 1.995, 1.9, 1.9, 1.9, 1.9, 1.9, 1.9, 1.0, 1.0, 1.0, 1.0]

if __name__ == "__main__":
    numbers = {
        "torch": torch.__version__,
        "gradients": GRADIENTS,
        "start": START,
        "rate": RATE,
        "updates": {text: updates(*rule) for text, rule in RULES.items()},
        "factors": {text: factors(make) for text, make in SCHEDULES.items()},
        "plateau": {"values": VALUES, "factors": plateau(VALUES)},
    }
    print(json.dumps(numbers, indent=0))
