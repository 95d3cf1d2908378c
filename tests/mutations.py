"""Mutations of files: each takes a `Random` and bytes, and returns bytes.

Those that know a format keep the rest of the file valid, so that the mutant passes first checks.
"""

import gzip
import io
import json
import re
import zipfile
import zlib
from hashlib import sha256

NUMBERS = (0, 1, 2, 3, 7, 8, 127, 128, 255, 256, 65535, 2**31 - 1, 2**31, 2**32 - 1, 2**53, 2**63)
VALUES = (
    *(None, True, -1, 2**64, 10**30, -0.0, 1e308, float("nan"), "", "a", "relu", "float64", "F64"),
    *([], {}, [[]], [1, 2], {"a": 1}, "0" * 50, "\0", "\ud800", *NUMBERS),
)
CELLS = (
    *("", " ", '"', '""', '"a', "a\nb", '"a\nb"', "\0", "\r", "\ufeff", "ü", "#", "'", "."),
    *("1e999", "-inf", "nan", "NA", "1_000", "٣", "0x1", "1e38", "4e38", "-0", "+", "1" * 400),
)
ENDS = (",", ";", "\t", "|", " ", "\n", "\r\n", "\n\n")


def any_bytes(random, data):
    """Change, insert, repeat or remove some bytes, one to four times."""
    data = bytearray(data)
    for _ in range(random.randint(1, 4)):
        i = random.randrange(len(data) + 1)
        j = min(len(data), i + random.choice((1, 1, 2, 4, 8, 64)))
        action = random.randrange(5)
        if action == 0 and i < j:
            data[i] ^= 1 << random.randrange(8)
        elif action == 1:
            data[i:j] = random.choice(NUMBERS).to_bytes(8, random.choice(("little", "big")))[
                : j - i
            ]
        elif action == 2:
            data[i:i] = random.randbytes(random.choice((1, 2, 4, 8)))
        elif action == 3:
            data[i:i] = data[i:j] * random.choice((1, 2, 50))
        else:
            del data[i : random.choice((j, len(data)))]
    return bytes(data)


def tree(random, node):
    """Return a JSON value with one change."""
    if isinstance(node, (dict, list)) and node and random.random() < 0.85:
        key = random.choice(list(node) if isinstance(node, dict) else range(len(node)))
        twin = node.copy()
        action = random.randrange(10)
        if action == 0:
            del twin[key]
        elif action == 1 and isinstance(node, dict):
            twin[random.choice(list(node)) + random.choice(("", "x", "\0"))] = node[key]
        elif action == 1:
            twin.insert(key, node[key])
        else:
            twin[key] = tree(random, node[key])
        return twin
    if isinstance(node, int) and not isinstance(node, bool) and random.random() < 0.5:
        return node + random.choice((-1, 1, 8, -node, node))
    if isinstance(node, str) and node[:1] == "{" and random.random() < 0.9:
        return json.dumps(tree(random, json.loads(node)))
    return random.choice(VALUES)


def parts(data):
    """Return the header and the numbers of a safetensors file."""
    end = 8 + int.from_bytes(data[:8], "little")
    return json.loads(data[8:end]), data[end:]


def sign(header, numbers):
    """Return a header with the right checksum."""
    kept = header["__metadata__"]
    kept["sha256"] = sha256(kept["settings"].encode() + numbers).hexdigest()
    return header


def joined(header, numbers, off=0):
    """Return a file whose header length is right or wrong."""
    text = json.dumps(header).encode()
    return max(len(text) + off, 0).to_bytes(8, "little") + text + numbers


def safetensors(random, data):
    """Change the header, mostly with the right length and checksum."""
    try:
        header, numbers = parts(data)
        kept = header.get("__metadata__")
        if kept and random.random() < 0.4:
            kept["settings"] = json.dumps(tree(random, json.loads(kept["settings"])))
        else:
            header = tree(random, header)
        if random.random() < 0.2:
            numbers = any_bytes(random, numbers)
        if random.random() < 0.8 and "__metadata__" in header:
            header = sign(header, numbers)
        return joined(header, numbers, random.choice((1, -1, 8)) if random.random() < 0.05 else 0)
    except (ValueError, LookupError, AttributeError, TypeError):  # of a mutant before it
        return any_bytes(random, data)


def cells(random, data):
    """Change cells of a table, or the separators between them."""
    parts = re.split(rb"([,;\t|\n]+)", data)
    for _ in range(random.randint(1, 3)):
        i = random.randrange(len(parts))
        choice = random.choice(ENDS if i % 2 else CELLS)
        parts[i] = choice.encode() if random.random() < 0.9 else random.choice(parts)
    return b"".join(parts)


def idx(random, data):
    """Change the type, the number of axes, or a size."""
    if data[:2] == b"\x1f\x8b":
        try:
            return gzip.compress(idx(random, gzip.decompress(data)), mtime=0)
        except (OSError, EOFError, zlib.error):
            return any_bytes(random, data)
    data = bytearray(data.ljust(8, b"\0"))
    if random.random() < 0.4:
        data[2] = random.choice((8, 9, 11, 12, 13, 14, 0))
    if random.random() < 0.4:
        data[3] = random.choice((0, 1, 2, 3, 4, 60, 255))
    place = 4 * random.randint(1, max(1, data[3] % 5))
    data[place : place + 4] = random.choice(NUMBERS).to_bytes(8, "big")[-4:]
    return bytes(data)


def npz(random, data):
    """Change the header, the numbers or the name of an array; the archive stays valid."""
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as file:
            members = {name: file.read(name) for name in file.namelist()}
    except Exception:  # any warning of zipfile about a mutant
        return any_bytes(random, data)
    if not members:
        return any_bytes(random, data)
    name = random.choice(list(members))
    member, new = members.pop(name), name
    action = random.randrange(4)
    if action == 0:
        new = random.choice(
            ("x.npy", "y.npy", "X", "class_names.npy", "../x.npy", "feature_names.npy")
        )
    elif action == 1:
        member = any_bytes(random, member)
    else:
        member = npy(random, member)
    members[new] = member
    made = io.BytesIO()
    with zipfile.ZipFile(
        made, "w", random.choice((zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED))
    ) as file:
        for name, content in members.items():
            file.writestr(zipfile.ZipInfo(name), content)
    return made.getvalue()


def npy(random, data):
    """Change the type or the shape in a header."""
    text, end, numbers = data[10:].partition(b"\n")
    kind = random.choice(("<f8", "<f4", ">i2", "|b1", "<U3", "|O", "<c8", "<M8[s]", "|V4", "<f2"))
    sizes = random.choice(
        ("()", "(2,)", "(6, 2)", "(0, 3)", f"({random.choice(NUMBERS)},)", "(-1,)")
    )
    old, new = random.choice(((rb"'[<>|][^']*'", f"'{kind}'"), (rb"\([\d, ]*\)", sizes)))
    text = re.sub(old, new.encode(), text)
    return data[:8] + len(text + end).to_bytes(2, "little") + text + end + numbers
