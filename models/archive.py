"""A version as one file: a plain tar of its files. Nothing is unpacked to disk, and nothing is inflated."""

import io
import tarfile
from typing import IO, Final, NoReturn

from deepsentry.errors import VersionRefused
from models.artifact import LIMITS, OPTIONAL

ALLOWED: Final = LIMITS | OPTIONAL
MOST: Final = sum(ALLOWED.values()) + (1 << 20)
"""Bytes of an archive; what is not a file of the version is headers and padding."""
_MODE: Final = 0o644


def pack(files: dict[str, bytes]) -> bytes:
    """Return the archive of a version; the same files always give the same bytes."""
    target = io.BytesIO()
    with tarfile.open(fileobj=target, mode="w", format=tarfile.USTAR_FORMAT) as archive:
        for name in sorted(files):
            member = tarfile.TarInfo(name)
            member.size = len(files[name])
            member.mode = _MODE
            archive.addfile(member, io.BytesIO(files[name]))
    return target.getvalue()


def unpack(source: IO[bytes]) -> dict[str, bytes]:
    """Return the files in an archive. Raises VersionRefused for anything but the regular files of a version.

    Header by header, as `pack` wrote them: extended, sparse and compressed forms of tar are refused with links and
    folders, so nothing can grow, and names are compared, never followed.
    """
    files: dict[str, bytes] = {}
    while (block := source.read(tarfile.BLOCKSIZE)).strip(b"\0"):
        try:
            member = tarfile.TarInfo.frombuf(block, "utf-8", "strict")
        except (tarfile.HeaderError, UnicodeDecodeError, ValueError):
            _refuse("it is no tar file; `deepsentry models export` writes one")
        _check(member, files)
        data = source.read(member.size)
        source.read(-member.size % tarfile.BLOCKSIZE)
        if len(data) != member.size:
            _refuse("it ends within a file")
        files[member.name] = data
    if not set(LIMITS) <= set(files):
        missing = ", ".join(sorted(set(LIMITS) - set(files)))
        _refuse(f"it lacks {missing}")
    return files


def _check(member: tarfile.TarInfo, files: dict[str, bytes]) -> None:
    if member.name not in ALLOWED:
        _refuse("it holds a file that belongs to no version")
    if member.name in files:
        _refuse(f"it holds {member.name} twice")
    if member.type not in (tarfile.REGTYPE, tarfile.AREGTYPE) or member.linkname:
        _refuse(f"{member.name} in it is not a regular file")
    if not 0 <= member.size <= ALLOWED[member.name]:
        _refuse(f"{member.name} in it is larger than {ALLOWED[member.name]} bytes")


def _refuse(reason: str) -> NoReturn:
    message = f"the archive is refused: {reason}"
    raise VersionRefused(message)
