"""Python literals that come back from text, and texts that stay."""

import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chronologer.ingest.literal import restore, restore_args

SCALARS = (
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False)
)
VALUES = st.recursive(
    SCALARS | st.text(),
    lambda inner: st.lists(inner) | st.tuples(inner, inner) | st.dictionaries(st.text(), inner),
    max_leaves=20,
)


@given(VALUES.filter(lambda value: not isinstance(value, str)))
def test_what_str_made_text_is_restored(value):
    """Numbers, None, booleans and nested structures, with their types."""
    restored = restore(str(value))
    assert value == restored
    assert repr(value) == repr(restored)


@pytest.mark.parametrize(
    'text',
    ['', 'hello', '1e5', '3.50', '0x10', '1_000', '+5', ' 5', '5 ', '007', '1,2', '(1)', '[1,2]',
     "'quoted'", '"quoted"', "b'bytes'", '1j', '{1, 2}', 'nan', 'inf', 'true', 'null', '...',
     '[1, 2', '(1, 2))', "[datetime.date(2020, 1, 1)]", '[x]', '1 + 1', '__import__("os")',
     '(lambda: 0)', '[1 for x in y]', '1is', '2 failures', '9' * 5000, '[' * 1000],
)  # fmt: skip
def test_other_text_stays(text):
    """Also what would evaluate to a value, but is not what Python prints for it."""
    assert text == restore(text)


@pytest.mark.parametrize(
    'text',
    [
        '(' * 2**16, '([' * 90, '-' * 2**17 + '1', '1' + '+1' * 2**16,
        '(a' + '.a' * 2**16 + ')', '[' + '1,' * 2**17 + ']', '(' + "'' " * 2**16 + ')',
        '{' * 2**17, "('" + "\\'" * 2**20, '(-' * 2**16, '(' + 'not ' * 2**15 + '1)',
        '[' + 'a()' * 2**16, '(1' + '<1' * 2**16 + ')', "(f'" + '{' * 500 + "')",
    ],
    ids=range(14),
)  # fmt: skip
def test_hostile_text_is_only_text(text):
    """Neither the parser's stack nor memory is at its mercy."""
    assert text == restore(text)
    restore_args(text)


def test_hostile_text_does_not_end_the_process():
    """The documentation of ast.literal_eval warns of that."""
    code = (
        'from chronologer.ingest.literal import restore\n'
        'for part in "( [ { - ~ 1+ 1, (- [1, {1: a. a(".split():\n'
        '    for size in (50, 100, 199, 1000, 10_000, 60_000):\n'
        '        restore("(" + part * (size // len(part)) + "1")\n'
        'print("alive")\n'
    )
    done = subprocess.run([sys.executable, '-c', code], capture_output=True, text=True, check=True)
    assert ('alive\n', '') == (done.stdout, done.stderr)


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
    ],
)
def test_arguments_are_split_where_they_cannot_be_restored(text, shown):
    """Each object of which only the repr has arrived is represented by it."""
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
def test_what_is_no_tuple_or_dict_is_no_arguments(text):
    """LogRecord.args is nothing else."""
    assert restore_args(text) is None
