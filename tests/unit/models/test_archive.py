import io
import tarfile
from dataclasses import replace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from deepsentry.errors import VersionRefused
from deepsentry.events import Shape
from models.archive import pack, unpack
from models.artifact import FEEDBACK, LIMITS, METADATA, TrainedVersion, to_files
from models.known import Judged
from models.registry import Registry


@pytest.fixture(scope="module")
def archive(trained: TrainedVersion) -> bytes:
    return pack(to_files(trained, "2026-01-01T00:00:00+00:00"))


def tar(*members: tuple[tarfile.TarInfo, bytes]) -> io.BytesIO:
    target = io.BytesIO()
    with tarfile.open(fileobj=target, mode="w") as made:
        for member, data in members:
            member.size = len(data) if member.isreg() else member.size
            made.addfile(member, io.BytesIO(data))
    target.seek(0)
    return target


def test_an_archive_gives_back_what_was_packed(trained: TrainedVersion, archive: bytes) -> None:
    files = to_files(trained, "2026-01-01T00:00:00+00:00")
    assert unpack(io.BytesIO(archive)) == files
    assert pack(files) == archive


def test_what_people_judged_travels_with_the_version(trained: TrainedVersion) -> None:
    shape = Shape(("opened <*>",), (0, 0))
    files = to_files(replace(trained, judged=(Judged("a1", "true", shape, "session", complete=True),)), "")
    assert FEEDBACK in files
    assert unpack(io.BytesIO(pack(files))) == files


def test_any_tar_program_can_read_it(archive: bytes) -> None:
    with tarfile.open(fileobj=io.BytesIO(archive)) as found:
        assert sorted(found.getnames()) == sorted(LIMITS)


@pytest.mark.parametrize(
    "name",
    ["../metadata.json", "/etc/passwd", "detector/metadata.json", "./metadata.json", "more.pkl", "metadata.json/"],
)
def test_another_name_is_refused(name: str) -> None:
    with pytest.raises(VersionRefused, match="belongs to no version"):
        unpack(tar((tarfile.TarInfo(name), b"{}")))


@pytest.mark.parametrize("kind", [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.DIRTYPE, tarfile.FIFOTYPE, tarfile.CHRTYPE])
def test_what_is_no_regular_file_is_refused(kind: bytes) -> None:
    member = tarfile.TarInfo(METADATA)
    member.type, member.linkname = kind, "/etc/passwd" if kind in (tarfile.SYMTYPE, tarfile.LNKTYPE) else ""
    with pytest.raises(VersionRefused, match=r"not a regular file|belongs to no version"):
        unpack(tar((member, b"")))


def test_a_sparse_file_that_would_grow_is_refused() -> None:
    member = tarfile.TarInfo(METADATA)
    member.type = tarfile.GNUTYPE_SPARSE
    with pytest.raises(VersionRefused, match="not a regular file"):
        unpack(io.BytesIO(member.tobuf(tarfile.GNU_FORMAT)))


def test_a_file_that_says_it_is_larger_than_it_may_be_is_refused_before_it_is_read() -> None:
    member = tarfile.TarInfo(METADATA)
    member.size = LIMITS[METADATA] + 1
    with pytest.raises(VersionRefused, match=f"larger than {LIMITS[METADATA]} bytes"):
        unpack(io.BytesIO(member.tobuf()))


def test_a_file_that_stands_twice_is_refused() -> None:
    with pytest.raises(VersionRefused, match="twice"):
        unpack(tar((tarfile.TarInfo(METADATA), b"{}"), (tarfile.TarInfo(METADATA), b"{}")))


def test_a_packed_archive_is_refused() -> None:
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as made:
        made.addfile(tarfile.TarInfo(METADATA), io.BytesIO())
    with pytest.raises(VersionRefused, match="no tar file"):
        unpack(io.BytesIO(packed.getvalue()))


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=100)
@given(share=st.floats(0, 1, exclude_max=True))
def test_an_archive_that_was_cut_is_refused(archive: bytes, share: float) -> None:
    held = len(archive.rstrip(b"\0"))
    with pytest.raises(VersionRefused):
        unpack(io.BytesIO(archive[: int(share * held)]))


@settings(max_examples=300)
@given(st.binary(max_size=2000))
def test_any_bytes_are_refused_with_a_reason(data: bytes) -> None:
    with pytest.raises(VersionRefused):
        unpack(io.BytesIO(data))


def test_what_was_exported_can_be_brought_into_another_registry_once(
    tmp_path_factory: pytest.TempPathFactory, trained: TrainedVersion
) -> None:
    here, there = (Registry(tmp_path_factory.mktemp(name)) for name in ("here", "there"))
    exported = here.save("detector", trained)
    brought = there.bring("shop", unpack(io.BytesIO(pack(here.files("detector", 1)))))
    assert (brought.name, brought.version, brought.digest) == ("shop", 1, exported.digest)
    assert there.champion("shop") is None
    assert there.bring("shop", here.files("detector", 1)) == brought
    assert [listed.version for listed in there.versions("shop")] == [1]
    assert there.load("shop", 1).metadata == here.load("detector", 1).metadata
