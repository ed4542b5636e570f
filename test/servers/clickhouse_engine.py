"""
ClickHouse's engine for a server: statements, each with its data, run on chDB.

The execution of a statement, and its error, is that of ClickHouse. ClickHouse's server separates
the data of an INSERT from the statement; chDB would parse them as a part of it, so they are
separated here.
"""

import re
import tempfile
import time
from dataclasses import dataclass
from typing import Any

# Quoted text and comments are skipped; the other tokens are searched for.
TOKENS = re.compile(
    rb"""'[^'\\]*(?:(?:\\.|'')[^'\\]*)*' | "[^"\\]*(?:\\.[^"\\]*)*" | `[^`\\]*(?:\\.[^`\\]*)*`
    | --[^\n]* | /\*.*?\*/
    | \bFORMAT\s+(?!FROM\b)(?P<format>\w+)[ \t\f]*;?\r?\n?
    | \b(?P<input>input\s*\() | (?P<next>;\s*[^\s;])
    """,
    re.IGNORECASE | re.DOTALL | re.VERBOSE,
)
INSERT = re.compile(rb'\s*INSERT\b', re.IGNORECASE)
RESULT = re.compile(rb'[\s(]*(SELECT|WITH|SHOW|DESC|EXPLAIN|EXISTS|CHECK)', re.IGNORECASE)


class DatabaseError(Exception):
    """An error of ClickHouse with its code; the text is that of its exception."""

    def __init__(self, code: int, text: str):
        super().__init__(text)
        self.code = code

    @classmethod
    def of_chdb(cls, ex: Exception) -> 'DatabaseError':
        """Return the error whose code is in the text of an exception of chDB."""
        match = re.search(r'Code: (\d+)\..*', str(ex), re.DOTALL)
        return cls(int(match[1]), match[0]) if match else cls(1001, str(ex))

    def body(self, version: str) -> bytes:
        """Return the body of the server's answer."""
        text = str(self).strip()
        if not text.startswith('Code: '):
            text = f'Code: {self.code}. DB::Exception: {text}'
        if '(version ' not in text:
            text += f' (version {version} (official build))'
        return f'{text}\n'.encode(errors='replace')


@dataclass
class Result:
    """The outcome of a statement: its rows, if it returns any, their format, and counts."""

    data: bytes
    format: str | None
    summary: dict[str, str]


class Engine:
    """chDB has one directory per process, and its handles run in parallel."""

    def __init__(self, path: str):
        import chdb  # the process of the tests need not load it

        self._connect: Any = chdb.connect  # chdb has no type hints
        self._path = path
        self._first = self._connect(path)  # the engine runs while a handle is open
        version, self.timezone = self._query(self._first, b'SELECT version(), timezone()').split()
        self.version = version

    def execute(
        self, text: bytes, database: str, settings: dict[str, str], parameters: dict[str, str]
    ) -> Result:
        """Run a statement with its data on a new handle, so that no state is left for the next."""
        start = time.monotonic()
        handle = self._connect(self._path)  # costs 0.2 ms
        try:
            if database:
                self._query(handle, f'USE {quoted(database, "`")}'.encode())
            if settings:
                pairs = ', '.join(f'{quoted(k, "`")} = {quoted(settings[k])}' for k in settings)
                self._query(handle, f'SET {pairs}'.encode(errors='surrogateescape'))
            result = self._run(handle, text, parameters)
            result.summary['elapsed_ns'] = str(int((time.monotonic() - start) * 1e9))
            return result
        except RuntimeError as ex:  # the errors of chDB
            raise DatabaseError.of_chdb(ex) from ex
        finally:
            handle.close()

    def close(self) -> None:
        self._first.close()

    def _query(self, handle: Any, text: bytes) -> str:
        return str(handle.query(text, 'TSV'))

    def _run(self, handle: Any, text: bytes, parameters: dict[str, str]) -> Result:
        table, format, is_insert = None, 'TabSeparated', INSERT.match(text) is not None
        for token in TOKENS.finditer(text):
            if token['next']:  # chDB would execute it
                raise DatabaseError(62, 'Multi-statements are not allowed. (SYNTAX_ERROR)')
            if token['input']:
                table = token.span('input')
            if token['format']:
                format = token['format'].decode()
                if is_insert:
                    head, data = text[: token.start()], text[token.end() :]
                    if table is None:
                        return insert(handle, head, format, data)
                    return self._insert_input(handle, head, table, format, data, parameters)
        answer = handle.query(text, 'TabSeparated', params=parameters)  # the default format
        has_rows = RESULT.match(text) is not None
        return Result(answer.bytes() or b'', format if has_rows else None, summary(answer))

    def _insert_input(
        self,
        handle: Any,
        head: bytes,
        table: tuple[int, int],
        format: str,
        data: bytes,
        parameters: dict[str, str],
    ) -> Result:
        """Run INSERT … SELECT … FROM input(…) with the data in a file: chDB has no inline data."""
        with tempfile.NamedTemporaryFile(dir=self._path) as file:
            file.write(data)
            file.flush()
            source = f'file({quoted(file.name)}, {format}, '.encode()
            text = head[: table[0]] + source + head[table[1] :]
            return Result(b'', None, summary(handle.query(text, 'TSV', params=parameters)))


def insert(handle: Any, head: bytes, format: str, data: bytes) -> Result:
    """Run INSERT … FORMAT …; as a part of the text, the data would end at an empty line."""
    with handle.send_insert(head.decode(), format) as inserter:
        inserter.append(data)
        done = inserter.finish()
    counts = {'written_rows': done.rows_written, 'written_bytes': done.bytes_written}
    return Result(b'', None, {name: str(count) for name, count in counts.items()})


def summary(answer: Any) -> dict[str, str]:
    """Return the header X-ClickHouse-Summary, in which counts are strings."""
    counts = {
        'read_rows': answer.storage_rows_read(),
        'read_bytes': answer.storage_bytes_read(),
        'written_rows': answer.rows_written(),
        'written_bytes': answer.bytes_written(),
        'result_rows': answer.rows_read(),
        'result_bytes': answer.bytes_read(),
    }
    return {name: str(count) for name, count in counts.items()}


def quoted(text: str, quote: str = "'") -> str:
    return quote + text.replace('\\', '\\\\').replace(quote, f'\\{quote}') + quote
