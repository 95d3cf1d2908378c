"""Protocol buffers, as far as ONNX needs them (protobuf.dev, "Encoding").

A message is the bytes of its fields one after the other; a field is a key, which holds its number
and the kind of its value, and the value.
"""

from __future__ import annotations

VARINT, LENGTH = 0, 2  # the kinds of values


def varint(value: int) -> bytes:
    """Seven bits a byte, the lowest first; all bytes but the last have the eighth bit set.

    >>> varint(300)
    b'\\xac\\x02'
    """
    value &= 2**64 - 1  # a negative number is written as 64 bits
    parts = bytearray()
    while value > 127:
        parts.append(value & 127 | 128)
        value >>= 7
    parts.append(value)
    return bytes(parts)


def field(number: int, value: int | str | bytes) -> bytes:
    """One field: an integer, text, or the bytes of a message within.

    >>> field(1, 150), field(2, "testing")
    (b'\\x08\\x96\\x01', b'\\x12\\x07testing')
    """
    if isinstance(value, int):
        return varint(number << 3 | VARINT) + varint(value)
    encoded = value.encode() if isinstance(value, str) else value
    return varint(number << 3 | LENGTH) + varint(len(encoded)) + encoded


def message(*fields: tuple[int, int | str | bytes]) -> bytes:
    """Fields by their numbers.

    >>> message((1, 1), (1, 2))
    b'\\x08\\x01\\x08\\x02'
    """
    return b"".join(field(number, value) for number, value in fields)
