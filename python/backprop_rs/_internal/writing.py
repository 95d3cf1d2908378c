"""Write files atomically; every writer of the package uses this module."""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, BinaryIO

if TYPE_CHECKING:
    from .types import Path


@contextmanager
def writing(path: Path, devices: bool = False) -> Iterator[BinaryIO]:
    """Open a temporary file next to `path` that replaces it when all is written.

    No reader sees a partial file. The new file keeps the mode of the old one and, if the system
    allows it, the owner; a symbolic link stays a link.

    Parameters
    ----------
    path : str or path
    devices : bool, default False
        Accept a device or a pipe too, which is written directly.

    Raises
    ------
    OSError
        With the path; the old file is unchanged, and no temporary file is left. PermissionError
        also if the old file is read-only.
    """
    try:
        old = status(path)
        if old is not None and not stat.S_ISREG(old.st_mode):
            if not devices:
                raise OSError(errno.EINVAL, "Not a regular file")
            with open(path, "wb") as file:
                yield file
            return
        with beside(os.path.realpath(path), old) as file:
            yield file
    except OSError as error:
        if error.errno is None:
            raise
        raise OSError(error.errno, error.strerror, os.fspath(path)) from error


def status(path: Path) -> os.stat_result | None:
    """Return the status of the old file, if there is one; it must be writable."""
    try:
        old = os.stat(path)
    except FileNotFoundError:
        return None
    if stat.S_ISDIR(old.st_mode):
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR))
    if stat.S_ISREG(old.st_mode):
        os.close(os.open(path, os.O_WRONLY))
    return old


@contextmanager
def beside(target: str, old: os.stat_result | None) -> Iterator[BinaryIO]:
    """Open a new file in the folder of `target`, and rename it at the end."""
    temporary = f"{target}.{os.urandom(4).hex()}.tmp"
    try:
        with open(temporary, "xb", opener=opener(0o666 if old is None else 0o600)) as file:
            if old is not None:
                take_over(file.fileno(), old)
            yield file
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, target)
        sync_folder(os.path.dirname(target))
    except BaseException:
        with suppress(OSError):
            os.unlink(temporary)
        raise


def opener(mode: int) -> Callable[[str, int], int]:
    """Return an opener for `open` that creates files of this mode, minus the umask."""
    return lambda name, flags: os.open(name, flags, mode)


def take_over(file: int, old: os.stat_result) -> None:
    """Give a new file the owner and the mode of an old one; only POSIX has them."""
    if os.name != "posix":
        return
    new = os.fstat(file)
    if (new.st_uid, new.st_gid) != (old.st_uid, old.st_gid):
        with suppress(OSError):  # needs a privilege
            os.fchown(file, old.st_uid, old.st_gid)
    os.fchmod(file, stat.S_IMODE(old.st_mode))


def sync_folder(folder: str) -> None:
    """Make a rename durable; only POSIX can, and not on every file system."""
    if os.name != "posix":
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    except OSError as error:
        if error.errno not in (errno.EINVAL, errno.ENOTSUP):
            raise
    finally:
        os.close(handle)


def replace(path: Path, content: Iterable[bytes | memoryview]) -> None:
    """Write a file of these bytes atomically."""
    with writing(path) as file:
        for piece in content:
            file.write(piece)


def replace_text(path: Path, text: str) -> None:
    """Write a file of this text in UTF-8 atomically."""
    with writing(path, devices=True) as file:
        file.write(text.encode())
