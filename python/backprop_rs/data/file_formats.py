"""Recognize the format of a file from its content; its suffix only decides between texts."""

from __future__ import annotations

import re
import zlib
from dataclasses import dataclass
from io import BytesIO
from os import fspath
from typing import BinaryIO

from .._internal.printable import printable
from .io import Path, open_binary

START = 65_536  # bytes from which a text is recognized


@dataclass(frozen=True)
class FileFormat:
    """A format of files.

    Attributes
    ----------
    key : str
        "csv", "excel", "ods", "parquet", "arrow", "arrow stream", "orc", "arff", "libsvm", "json",
        "npy", "npz" or "idx"; "" if it is not read.
    noun : str
        Its name in sentences, such as "an Excel workbook".
    advice : str
        How to get a table of a file that is not read.
    """

    key: str
    noun: str
    advice: str = "save its table as CSV"


CSV = FileFormat("csv", "a CSV file")
EXCEL = FileFormat("excel", "an Excel workbook")
EXCEL_OR_ZIP = FileFormat("zip", "an Excel workbook or a zip file")
ODS = FileFormat("ods", "an OpenDocument spreadsheet")
ARFF = FileFormat("arff", "an ARFF file")
LIBSVM = FileFormat("libsvm", "a LIBSVM file")
JSON = FileFormat("json", "a JSON file")
NPZ = FileFormat("npz", "an .npz file")
UNPACK = "unpack it"
PAGE = FileFormat(
    "", "a page of HTML or XML", "check the address that it was loaded from, or save it as CSV"
)

MAGIC = {
    b"PAR1": FileFormat("parquet", "a Parquet file"),
    b"ARROW1": FileFormat("arrow", "a Feather or Arrow file"),
    b"FEA1": FileFormat("feather 1", "a Feather file of version 1"),
    b"\xff\xff\xff\xff": FileFormat("arrow stream", "an Arrow stream"),
    b"ORC": FileFormat("orc", "an ORC file"),
    b"\x93NUMPY": FileFormat("npy", "an .npy file"),
    b"BZh91AY&SY": FileFormat("", "a file compressed with bzip2", UNPACK),
    b"\xfd7zXZ\0": FileFormat("", "a file compressed with xz", UNPACK),
    b"\x28\xb5\x2f\xfd": FileFormat("", "a file compressed with Zstandard", UNPACK),
    b"\x04\x22\x4d\x18": FileFormat("", "a file compressed with LZ4", UNPACK),
    b"7z\xbc\xaf\x27\x1c": FileFormat("", "a 7-Zip archive", UNPACK),
    b"Rar!\x1a\x07": FileFormat("", "a RAR archive", UNPACK),
    b"%PDF": FileFormat("", "a PDF document"),
    b"SQLite format 3\0": FileFormat("", "an SQLite database", "save the rows of a query as CSV"),
    b"\x89HDF\r\n\x1a\n": FileFormat("", "an HDF5 file", "save its arrays as .npz"),
    b"MATLAB 5.0": FileFormat("", "a MATLAB file", "save its arrays as .npz"),
    b"RDX2": FileFormat("", "a workspace of R"),
    b"RDX3": FileFormat("", "a workspace of R"),
    b"X\n\0\0\0": FileFormat("", "an object of R", "write its data frame with write.csv"),
    b"<stata_dta>": FileFormat("", "a Stata file"),
    b"$FL2": FileFormat("", "an SPSS file"),
    b"$FL3": FileFormat("", "an SPSS file"),
    b"Obj\x01": FileFormat("", "an Avro file"),
    b"\x89PNG": FileFormat("", "a PNG image", "save pixels as .npz"),
    b"\xff\xd8\xff": FileFormat("", "a JPEG image", "save pixels as .npz"),
    b"GIF8": FileFormat("", "a GIF image", "save pixels as .npz"),
    b"\x7fELF": FileFormat("", "a program"),
    b"{\\rtf": FileFormat("", "an RTF document"),
    b"version https://git-lfs": FileFormat(
        "", "a pointer of Git LFS to the file", "get the file itself with git lfs pull"
    ),
}
"""The first bytes of files; those that a text may begin with too need a byte below 9 after them."""

TEXTS = (b"%PDF", b"{\\rtf", b"<stata_dta>", b"X\n\0", b"BZh", b"version https://git-lfs")
CONTROL = re.compile(rb"[\0-\x08]")

OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
ZIP = (b"PK\x03\x04", b"PK\x05\x06")
IDX = re.compile(rb"\0\0[\x08\x09\x0b-\x0e][\x01-\x20]", re.S)
PICKLE = re.compile(rb"\x80[\x02-\x05]", re.S)
SAFETENSORS = re.compile(rb'.{5}\0\0\0\{\s*"', re.S)
TAR = b"ustar"
PAIR = r"\d+:[-+]?(?:\d|\.\d|inf|nan)\S*"
SPARSE_ROW = re.compile(rf"[-+\d.,eE]+(?:\s+qid:\d+)?(?:\s+{PAIR})*\s*(?:#.*)?")
PAIRS = re.compile(r"\s(\d+):(\S+)")
SUFFIXES = {".arff": ARFF, ".libsvm": LIBSVM, ".svmlight": LIBSVM, ".svm": LIBSVM}
SUFFIXES |= dict.fromkeys((".json", ".jsonl", ".ndjson"), JSON)


def format_of(path: Path) -> FileFormat:
    """Return the format of a file.

    Raises
    ------
    OSError
        If there is no such file, or it is a folder.
    ValueError
        If a gzip file is damaged.
    """
    with open_binary(path) as file:
        start = read_start(file)
        if start.startswith(ZIP):
            return format_of_zip(file)
        if start.startswith(OLE):
            return format_of_ole(file)
    return format_of_start(start) or SUFFIXES.get(suffix_of(path), CSV)


def read_start(file: BinaryIO) -> bytes:
    """Return the first bytes; a reader may give fewer at a time."""
    parts, missing = [], START
    while missing and (part := file.read(missing)):
        parts.append(part)
        missing -= len(part)
    return b"".join(parts)


def suffix_of(path: Path) -> str:
    """Return the suffix in lower case, without that of gzip."""
    from pathlib import PurePath

    return PurePath(fspath(path).lower().removesuffix(".gz")).suffix


def format_of_start(start: bytes) -> FileFormat | None:
    """Return the format that the first bytes of a file show; None for other text.

    >>> format_of_start(b"%PDF-1.7").noun, format_of_start(b"a,b")
    ('a PDF document', None)
    """
    if start.startswith((*ZIP, OLE[:4])):
        return EXCEL_OR_ZIP
    is_binary = CONTROL.search(start) is not None
    for magic, found in MAGIC.items():
        if start.startswith(magic) and (is_binary or magic.startswith(TEXTS)):
            return found
    if IDX.match(start):
        return FileFormat("idx", "an IDX file")
    if PICKLE.match(start):
        return FileFormat(
            "", "a pickle, which may hold a program", "load it yourself and give the frame"
        )
    if SAFETENSORS.match(start):
        return FileFormat("", "a model or other tensors", "load a model with bp.load")
    if start[257:262] == TAR:
        return FileFormat("", "a tar archive", UNPACK)
    return None if b"\0" in start else format_of_text(start.decode("utf-8-sig", "replace"))


def format_of_text(text: str) -> FileFormat | None:
    """Return the format of a text that is not CSV."""
    start = text.lstrip()
    if re.match(r"<(!doctype|html|\?xml|!--|table|body|head)\b", start, re.I):
        return PAGE
    lines = re.findall(r"^[ \t]*@(\w+)\b", text[:START].lower(), re.M)
    if "attribute" in lines or {"relation", "data"} <= set(lines):
        return ARFF
    if re.match(r'\{\s*["}]|\[\s*[\[{]', start):
        return JSON
    return LIBSVM if is_sparse(text) else None


def is_sparse(text: str) -> bool:
    r"""Return True if all rows are a label and pairs of a position and a value, in order.

    >>> is_sparse("1 1:0.5 4:2\n-1 2:1\n"), is_sparse("5 10:30\n7 11:45\n")  # times of day
    (True, False)
    """
    lines = [line for line in text.splitlines()[:50] if line.strip() and line[0] != "#"]
    lines = lines[:-1] if len(lines) > 1 else lines  # the last one may be cut
    if not lines or not all(map(SPARSE_ROW.fullmatch, lines)):
        return False
    rows = [re.findall(PAIRS, line.partition("#")[0]) for line in lines]
    pairs = [pair for row in rows for pair in row]
    orders = [[int(position) for position, _ in row] for row in rows]
    in_order = all(order == sorted(set(order)) for order in orders)
    are_times = all(re.fullmatch(r"[0-5]\d(:[0-5]\d)?", value) for _, value in pairs)
    return bool(pairs) and in_order and not are_times


def format_of_zip(file: BinaryIO) -> FileFormat:
    """Return the format of a zip file by the names of its members."""
    import zipfile  # slow to import

    try:
        with zipfile.ZipFile(seekable(file)) as archive:
            names = archive.namelist()
            kind = b""
            if "mimetype" in names:
                with archive.open("mimetype") as member:
                    kind = member.read(100)
    except (zipfile.BadZipFile, zlib.error, OSError, RuntimeError, NotImplementedError):
        return FileFormat("", "a damaged zip file", "load it again")
    if any(name.startswith("xl/workbook.") for name in names):
        return EXCEL
    if b"opendocument.spreadsheet" in kind:
        return ODS
    if b"opendocument" in kind:
        return FileFormat("", "an OpenDocument text or picture")
    if "word/document.xml" in names:
        return FileFormat("", "a Word document")
    if "ppt/presentation.xml" in names:
        return FileFormat("", "a PowerPoint presentation")
    if "Index/Document.iwa" in names:
        return FileFormat("", "an Apple Numbers or Pages document")
    if names and all(name.endswith(".npy") for name in names):
        return NPZ
    if any(name.endswith(("/data.pkl", "/byteorder")) for name in names):
        return FileFormat("", "a PyTorch file", "give bp.Network.from_state_dict its state_dict")
    members = [printable(name) for name in names if not name.endswith("/")]
    inside = ", ".join(members[:3]) + ", ..." * (len(members) > 3)
    return FileFormat("", f"a zip archive with {inside or 'nothing'}", UNPACK)


def format_of_ole(file: BinaryIO) -> FileFormat:
    """Return the format of a compound file of Microsoft, by the names of its streams."""
    file.seek(0)
    data = file.read()
    if any(name.encode("utf-16-le") in data for name in ("Workbook", "Book")):
        return EXCEL
    if "EncryptedPackage".encode("utf-16-le") in data:
        return FileFormat("", "an Excel or Word file with a password", "save it without one")
    return FileFormat("", "a Word, PowerPoint or other Office document")


def seekable(file: BinaryIO) -> BinaryIO:
    """Return a file that `zipfile` can read: a gzip file as the bytes that it holds."""
    file.seek(0)
    return file if not hasattr(file, "mtime") else BytesIO(file.read())
