"""The copy that is scanned."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.redaction.decode import hidden
from streams.redaction.shadow import Buffer, encodable, shadow


@given(st.text(st.characters()))
def test_an_offset_means_the_same_in_both(text: str) -> None:
    assert len(shadow(text)) == len(text)


@pytest.mark.parametrize(
    ("text", "copy"),
    [
        ("plain", b"plain"),
        ("\uff14\uff11 \uff20", b"41 @"),
        ("\u2018x\u201d \u2013", b'"x" -'),
        ("é界", b"\x80\x80"),
        ("a\u200bb", b"a\x82b"),
        ("\x00\x0b\x1b[31mred", b"       red"),
        (r"a\nb\tc", b"a  b  c"),
        ("\ud800", b"\x81"),
    ],
)
def test_what_looks_like_ascii_becomes_it(text: str, copy: bytes) -> None:
    assert shadow(text) == copy


@given(st.lists(st.text("a\n", max_size=5), min_size=1), st.data())
def test_a_byte_belongs_to_its_text(texts: list[str], data: st.DataObject) -> None:
    buffer = Buffer.of(texts)
    index = data.draw(st.integers(0, len(texts) - 1))
    assert buffer.text(index) == texts[index].encode()
    for offset in range(buffer.starts[index], buffer.starts[index + 1]):
        assert buffer.owner(offset) == index


def test_a_lone_surrogate_is_replaced_and_nothing_else() -> None:
    text = "é"
    assert encodable(text) is text
    assert encodable("a\ud800b") == "a\ufffdb"


@given(st.binary(max_size=300).map(lambda raw: raw.decode("latin-1")) | st.text("%\\u0041+/=AQab4 ", max_size=200))
def test_every_decoded_character_knows_where_it_came_from(text: str) -> None:
    data = shadow(text)
    for source in hidden(0, data):
        assert len(source.data) == len(source.origin)
        assert all(0 <= start < end <= len(text) for start, end in source.origin)


def test_base64_is_decoded_wherever_it_begins_in_a_run() -> None:
    (plain,) = hidden(0, b"x/bWFpbCBib2JAZXhhbXBsZS5jb20gbm93")
    assert b"bob@example.com" in plain.data
    assert set(plain.origin) == {(0, 34)}
