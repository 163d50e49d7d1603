"""One gzip member of pieces: every reader must get what the identity body says."""

import gzip
import zlib

from hypothesis import given
from hypothesis import strategies as st

from kube_cost_aggregator.outputs.chunks import Chunk
from kube_cost_aggregator.outputs.deflating import Deflated

_KEYS = st.sampled_from("abcdef")
_TEXTS = st.binary(max_size=400) | st.integers(0, 5000).map(lambda size: b"kube_cost 1\n" * size)
_CHANGES = st.lists(st.dictionaries(_KEYS, _TEXTS), min_size=1, max_size=6)


@given(_CHANGES)
def test_gzip_and_identity_agree_after_any_changes(changes: list[dict[str, bytes]]) -> None:
    """Pieces that come, change, move and go: the gzip body is one member whose content is the identity body."""
    deflated = Deflated()
    for texts in changes:
        served = deflated.assemble([((key, ""), Chunk(text, 1)) for key, text in texts.items()])
        assert served.identity() == b"".join(texts.values())
        assert gzip.decompress(served.gzip) == served.identity()
        member = zlib.decompressobj(16 + zlib.MAX_WBITS)
        assert member.decompress(served.gzip) + member.flush() == served.identity()
        assert member.eof
        assert member.unused_data == b""
        assert (served.size_bytes, served.series) == (len(served.identity()), len(texts))


def test_only_new_chunks_are_compressed() -> None:
    """A chunk that is the same object keeps its compressed form."""
    deflated, chunks = Deflated(), [((str(number), ""), Chunk(b"text %d\n" % number, 1)) for number in range(10)]
    deflated.assemble(chunks)
    chunks[3] = (("3", ""), Chunk(b"changed\n", 1))
    assert deflated.stale_bytes(chunks) == len(b"changed\n")
    deflated.assemble(chunks)
    assert deflated.compressed == 11
