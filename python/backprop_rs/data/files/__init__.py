"""Read tables from files: one reader for each format, and `read_table`, which finds the format."""

from .read import file_table, read_table, training_table

__all__ = ["file_table", "read_table", "training_table"]


def __dir__() -> list[str]:
    return __all__
