"""The commands of `backprop-rs`; `cli` parses their options."""

__all__: list[str] = []


def __dir__() -> list[str]:
    return __all__
