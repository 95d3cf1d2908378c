"""Training: options, samples, the loop over the core, callbacks, checkpoints and metrics."""

__all__: list[str] = []


def __dir__() -> list[str]:
    return __all__
