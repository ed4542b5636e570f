"""The tokens of an expression."""

import re
from dataclasses import dataclass

KEYWORDS = {'and', 'or', 'not', 'like', 'escape', 'in', 'between', 'is', 'null', 'true', 'false'}

TOKEN = re.compile(
    r"""
    \s*(?:
      (?P<number>[0-9]+(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?)
    | (?P<string>'(?:[^']|'')*')
    | (?P<quoted>"(?:[^"]|"")*")
    | (?P<word>[^\W\d]\w*)
    | (?P<operator>->>|->|<=|>=|<>|!=|==|[=<>(),.\[\]+*/-])
    | (?P<end>$)
    | (?P<unknown>.)
    )""",
    re.VERBOSE | re.DOTALL,
)


@dataclass(frozen=True, slots=True)
class Token:
    """A token and its offset, in characters; the kinds are the groups of `TOKEN`."""

    kind: str
    text: str
    start: int

    @property
    def keyword(self) -> str:
        """The keyword in lower case, or an empty string."""
        text = self.text.lower()
        return text if self.kind == 'word' and text in KEYWORDS else ''


def tokenize(text: str) -> list[Token]:
    """Split an expression; the last token is the end, and other characters are tokens too."""
    return [
        Token(kind, match[kind], match.start(kind))
        for match in TOKEN.finditer(text)
        if (kind := match.lastgroup) is not None
    ]
