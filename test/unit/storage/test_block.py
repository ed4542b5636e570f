"""Blocks and signatures of the search index."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from chronologer.query.tree import Path
from chronologer.search import searchable
from chronologer.storage.sql.index.block import Block
from chronologer.storage.sql.index.builder import make_block, token
from chronologer.storage.sql.index.signature import (
    GROUP,
    WORD,
    locate,
    make_signature,
    text_hashes,
    token_hashes,
)

TEXTS = st.text('abAB ß日\U0001f600\0'.replace('\0', ''), max_size=30)
DATA = st.dictionaries(
    TEXTS, st.none() | st.booleans() | st.integers(-(2**63), 2**64 - 1) | st.floats() | TEXTS,
    max_size=4,
)  # fmt: skip
ROWS = st.lists(
    st.tuples(
        st.integers(-(2**58), 2**58),
        st.integers(-(2**31), 2**31 - 1),
        st.integers(1, 2**32 - 1),
        TEXTS,
        st.just(''),
        st.fixed_dictionaries({}, optional={'data': DATA, 'error': DATA}),
    ),
    max_size=20,
).map(lambda rows: [(id * 3 + 1, *row) for id, row in enumerate(rows)])


def same(one: Block, other: Block) -> bool:
    columns = all(map(np.array_equal, one.columns, other.columns))
    return columns and one.text == other.text and np.array_equal(one.tokens, other.tokens)


@given(ROWS)
def test_packing(rows):
    """Packing and unpacking keep a block; text and tokens may be omitted."""
    block = make_block(rows)
    columns, text, tokens = block.pack()
    assert same(block, Block(columns, text, tokens))
    bare = Block(columns, None, None)
    assert (b'', 0) == (bare.text, len(bare.tokens))
    assert len(rows) == len(bare)


@given(ROWS, st.data())
def test_removing_records_from_a_block(rows, data):
    """A block with removed records equals a block of the remaining ones."""
    removed = data.draw(st.lists(st.integers(0, 70), unique=True))
    expected = make_block([row for row in rows if row[0] not in removed])
    assert same(expected, make_block(rows).without(np.array(removed, np.int64)))


@given(ROWS, TEXTS.filter(bool), st.data())
def test_searching_for_text(rows, term, data):
    """The search in a block finds the same records as a search of each record."""
    block = make_block(rows)
    mask = np.array(
        data.draw(st.lists(st.booleans(), min_size=len(rows), max_size=len(rows))), bool
    )
    term = term.casefold()
    expected = [
        id for (id, *_, message, _, logrec), is_selected in zip(rows, mask, strict=True)
        if is_selected and term in searchable(message, logrec)
    ]  # fmt: skip
    assert expected == block.ids[block.having_text(mask, term.encode())].tolist()


@given(ROWS)
def test_searching_for_tokens(rows):
    """A record has a token for each value of its data."""
    block = make_block(rows)
    everything = np.ones(len(rows), bool)
    for id, *_, logrec in rows:
        for key, value in logrec.get('data', {}).items():
            if value is not None:
                found = block.having_token(everything, token(Path(('data', key)), value))
                assert id in block.ids[found]


def test_equal_numbers_have_the_same_token():
    """Equal integers and floats have the same token, as they are equal in a query."""
    path = Path(('data', 'n'))
    assert token(path, 387) == token(path, 387.0)
    assert token(path, 0) == token(path, -0.0)
    assert token(path, 1e300) == token(path, int(1e300))


@given(st.lists(ROWS, max_size=5), st.data())
def test_a_signature_has_no_false_negatives(lists, data):
    """A signature matches all pieces of its texts and all its tokens; None matches everything."""
    blocks = [make_block(rows) for rows in lists]
    words = make_signature([*blocks, None])

    def has(slot: int, hash: int) -> bool:
        page, offset = locate(hash)
        return bool(words[page * 2048 + offset :][:WORD][slot // 8] >> slot % 8 & 1)

    for slot, rows in enumerate(lists):
        for *_, message, _, logrec in rows:
            text = searchable(message, logrec).encode()
            start = data.draw(st.integers(0, len(text)))
            end = data.draw(st.integers(start, len(text)))
            assert all(has(slot, hash) for hash in text_hashes(text[start:end]))
        for one in blocks[slot].tokens.tolist():
            assert all(has(slot, hash) for hash in token_hashes(one))
    assert all(has(len(lists), hash) for hash in text_hashes(b'anything'))
    assert not any(has(GROUP - 1, hash) for hash in text_hashes(b'anything'))


def test_a_signature_distinguishes_blocks():
    """A signature excludes blocks without the term."""
    texts = ['connection reset by peer', 'order 387 was paid', 'UnicodeEncodeError: ascii']
    blocks = [make_block([(1, 0, 20, 1, text, '', {})]) for text in texts]
    words = make_signature(blocks)

    def slots(term: str) -> int:
        masks = [
            int.from_bytes(words[page * 2048 + offset :][:WORD], 'little')
            for page, offset in map(locate, text_hashes(term.encode()))
        ]
        return np.bitwise_and.reduce(masks)

    assert [1, 2, 4] == [slots('peer'), slots('r 387'), slots('codeenc')]
    assert 0 == slots('zebra')
    assert [] == text_hashes(b'abc')  # too short to have hashes
