"""Import networks that other programs have trained."""

__all__: list[str] = []


def __dir__() -> list[str]:
    return __all__
