"""Exported files do nothing where they are opened."""

import csv
import io

import pytest

EXPORT = '/api/v1/export'
RECORD = {'name': 'a', 'levelno': 20, 'created': 99}


@pytest.mark.parametrize('text', ['=1+1', '+1', '-1', '@SUM(1)', '\t=1', '\r=1'])
def test_no_text_is_a_formula_of_a_spreadsheet(app, text):
    """Neither messages, loggers nor fields, which whoever logs can choose."""
    app.post_json('/api/v1/record', {**RECORD, 'name': text, 'msg': text, 'user': text, 'n': -1})
    body = app.get(f'{EXPORT}?format=csv&fields=data.user,data.n').body.decode()
    row = next(csv.DictReader(io.StringIO(body, newline='')))
    assert {f"'{text}"} == {row['name'], row['message'], row['data.user']}
    assert '-1' == row['data.n']


def test_a_terminal_obeys_no_text(app):
    """Control characters are shown; lines and tabs stay."""
    error = {'exc_text': 'Traceback\n\tOSError: \x9b31m'}
    app.post_json('/api/v1/record', {**RECORD, 'msg': 'a\x1b]0;x\x07b\tc\nd', **error})
    text = app.get(f'{EXPORT}?format=text').body.decode()
    assert text.endswith(' INFO a: a\\x1b]0;x\\x07b\tc\nd\nTraceback\n\tOSError: \\x9b31m\n')
