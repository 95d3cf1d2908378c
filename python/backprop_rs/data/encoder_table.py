"""The table of encoders, by the labels that files have."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .encoders import CategoryEncoder, DateEncoder, Encoder, NumberEncoder
from .level_codes import CodedEncoder
from .piecewise import PiecewiseEncoder

ENCODERS: dict[str, Any] = {
    encoder.label: encoder
    for encoder in (
        NumberEncoder,
        CategoryEncoder,
        DateEncoder,
        CodedEncoder,
        PiecewiseEncoder,
    )
}


def encoder_of(values: Mapping[str, Any]) -> Encoder:
    """Return the encoder that `to_dict` has described.

    >>> from backprop_rs.data import Column
    >>> encoder = CategoryEncoder("color", ("blue", "green", "red"), indicator=False)
    >>> encoder_of(encoder.to_dict()) == encoder
    True
    >>> encoder.encode(Column("color", "category", [0, 1, -1], ("red", "pink"))).tolist()
    [[0.0, 0.0, 1.0], [0.0, 0.0, 0.0], [0.0, 0.0, 0.0]]
    """
    label = values.get("label")
    if label not in ENCODERS:
        raise ValueError(f"an encoder must be one of {', '.join(ENCODERS)}; got {label!r:.60}")
    encoder: Encoder = ENCODERS[label].from_dict(values)
    return encoder
