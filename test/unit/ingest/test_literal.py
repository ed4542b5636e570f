"""Restoring of Python literals from text; other text is kept."""

import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chronologer.ingest.literal import Restorer


def restore(text):
    return Restorer().restore(text)


def restore_args(text):
    return Restorer().restore_args(text)


SCALARS = (
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False)
)
VALUES = st.recursive(
    SCALARS | st.text(),
    lambda inner: st.lists(inner) | st.tuples(inner, inner) | st.dictionaries(st.text(), inner),
    max_leaves=20,
)


@given(VALUES.filter(lambda value: not isinstance(value, str)))
def test_text_made_by_str_is_restored(value):
    """Numbers, None, booleans and nested structures get their types back."""
    restored = restore(str(value))
    assert value == restored
    assert repr(value) == repr(restored)


@pytest.mark.parametrize(
    'text',
    ['', 'hello', '1e5', '3.50', '0x10', '1_000', '+5', ' 5', '5 ', '007', '1,2', '(1)', '[1,2]',
     "'quoted'", '"quoted"', "b'bytes'", '1j', '{1, 2}', 'nan', 'inf', 'true', 'null', '...',
     '[1, 2', '(1, 2))', "[datetime.date(2020, 1, 1)]", '[x]', '1 + 1', '__import__("os")',
     '(lambda: 0)', '[1 for x in y]', '1is', '2 failures', '9' * 5000,
     '0x' + 'f' * 5000, '1()', '[1][0]', '(1)(2)', '--1', '- 1', '1 2', '[' * 1000],
)  # fmt: skip
def test_other_text_stays(text):
    """Text stays text if Python would print its value in another way."""
    assert text == restore(text)


REPEATED = [
    '(',
    '[',
    '{',
    '([',
    '{1:',
    '-',
    '~',
    '+',
    '1+',
    '1+1+',
    '1,',
    '[1,',
    '(1,',
    '{1:1,',
    'a.',
    'a(',
    '()',
    '1()',
    '[0]',
    '1[0]',
    'not',
    "\\'",
    '\\',
    "'",
    "''",
    "'a',",
    "'a'+",
    '"',
    '<1',
    '<(',
    '(<',
    ',',
    ':',
    ',:',
    '->',
    '0x',
    '1e',
    'é',
]
HOSTILE = [
    repeated * (size // len(repeated)) + end
    for repeated in REPEATED
    for size in (199, 20_000, 2**17)
    for end in ('', '1', '\\', ')')
]


def test_hostile_text_is_only_text():
    """Hostile text stays text, without a crash in a thread with a small stack, and fast."""
    code = (
        'import sys, threading\n'
        'from chronologer.ingest.literal import Restorer\n'
        'from test.unit.ingest.test_literal import HOSTILE\n'
        'def run():\n'
        '    for text in HOSTILE:\n'
        '        for opening in ("(", "(\'"):\n'
        '            Restorer().restore(opening + text)\n'
        '            Restorer().restore_args(opening + text + ")")\n'
        '    print("alive")\n'
        'threading.stack_size(2 * 2**20)\n'
        'thread = threading.Thread(target=run)\n'
        'thread.start()\n'
        'thread.join()\n'
    )
    command = [sys.executable, '-c', code]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=120)
    assert ('alive\n', '') == (done.stdout, done.stderr)


def test_the_fields_of_a_record_share_a_budget():
    """The budget bounds the cost of a record; text beyond it stays text."""
    restorer = Restorer()
    text = str([1] * 10_000)
    restored = [restorer.restore(text) for _ in range(100)]
    assert isinstance(restored[0], list)
    assert [text] * 90 == restored[10:]
    assert isinstance(Restorer().restore(str(['x' * 10**7])), list)


def test_many_parts_are_not_split():
    """Too many parts are not split; the message is then the template."""
    assert restore_args('(' + '<a>,' * 100_000 + ')') is None


@pytest.mark.parametrize(
    ('text', 'shown'),
    [
        ('()', []),
        ('(1,)', ['1']),
        ("('a', 2)", ["'a'", '2']),
        ("(ValueError('bad, worse'),)", ["ValueError('bad, worse')"]),
        ("('a', <User 5, admin>, [1, 2])", ["'a'", '<User 5, admin>', '[1, 2]']),
        ('(datetime.date(2020, 1, 2), 7)', ['datetime.date(2020, 1, 2)', '7']),
        ("('(', a -> b, 3)", ["'('", 'a -> b', '3']),
        ("(<User O'Brien>,)", ["<User O'Brien>"]),
    ],
)
def test_arguments_are_split_where_they_cannot_be_restored(text, shown):
    """An object of which only the repr arrived is represented by it."""
    args = restore_args(text)
    assert isinstance(args, tuple)
    assert shown == [repr(arg) for arg in args]


def test_mapping_of_arguments_is_restored():
    """``log.info('%(a)s', {'a': obj})`` has a dict as its arguments."""
    args = restore_args("{'a': <User 5>, 'b': [1, 2], 'c': 'x: y, z'}")
    assert isinstance(args, dict)
    expected = {'a': '<User 5>', 'b': '[1, 2]', 'c': "'x: y, z'"}
    assert expected == {key: repr(value) for key, value in args.items()}


@pytest.mark.parametrize('text', ['', 'None', '5', "'a'", '<args>', '[1]'])
def test_other_values_are_no_arguments(text):
    """LogRecord.args is a tuple or a dict."""
    assert restore_args(text) is None
