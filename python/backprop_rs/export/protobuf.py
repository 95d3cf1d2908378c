"""The part of protocol buffers that ONNX needs (protobuf.dev, "Encoding").

A message is the concatenated bytes of its fields. A field is a key, which holds the number of the
field and the type of the value, and the value.
"""

from __future__ import annotations

VARINT, LENGTH = 0, 2  # wire types


def varint(value: int) -> bytes:
    r"""Encode an integer with 7 bits per byte, lowest first; the last byte has no eighth bit.

    >>> varint(300)
    b'\xac\x02'
    """
    value &= 2**64 - 1  # a negative number is written as 64 bits
    parts = bytearray()
    while value > 127:
        parts.append(value & 127 | 128)
        value >>= 7
    parts.append(value)
    return bytes(parts)


def field(number: int, value: int | str | bytes) -> bytes:
    r"""Encode one field: an integer, text, or the bytes of a nested message.

    >>> field(1, 150), field(2, "testing")
    (b'\x08\x96\x01', b'\x12\x07testing')
    """
    if isinstance(value, int):
        return varint(number << 3 | VARINT) + varint(value)
    encoded = value.encode() if isinstance(value, str) else value
    return varint(number << 3 | LENGTH) + varint(len(encoded)) + encoded


def message(*fields: tuple[int, int | str | bytes]) -> bytes:
    r"""Encode a message from pairs of a field number and a value.

    >>> message((1, 1), (1, 2))
    b'\x08\x01\x08\x02'
    """
    return b"".join(field(number, value) for number, value in fields)
