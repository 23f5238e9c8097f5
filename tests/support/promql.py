"""Find the series that a PromQL expression asks for.

Prometheus 2.42 has no address that parses a query, and promtool prints no syntax tree. Expressions are cut into tokens
here; what is neither function, operator, keyword nor part of a label list is a metric.
"""

import re
from collections.abc import Iterator

_TOKEN = re.compile(
    r"""
      (?P<string>"(?:\\.|[^"\\])*"|'(?:\\.|[^'\\])*'|`[^`]*`)
    | (?P<range>\[[^\]]*\])
    | (?P<number>0[xX][0-9a-fA-F]+|(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?(?:ms|[smhdwy]\d*)*)
    | (?P<word>[a-zA-Z_:][a-zA-Z0-9_:]*)
    | (?P<comment>\#[^\n]*)
    | (?P<space>\s+)
    | (?P<other>.)
    """,
    re.VERBOSE,
)
_LABEL_LISTS = frozenset({"by", "without", "on", "ignoring", "group_left", "group_right"})
_KEYWORDS = frozenset({"and", "or", "unless", "atan2", "bool", "offset", "inf", "nan", "start", "end"})
_AGGREGATIONS = frozenset(
    {"sum", "min", "max", "avg", "group", "stddev", "stdvar", "count", "count_values", "bottomk", "topk", "quantile"}
)


def selectors(expression: str) -> list[str]:
    """Return the instant vector selectors of an expression, metric name and matchers, in the order of appearance.

    Raises ValueError for a selector without a metric name: what it asks for cannot be told.
    """
    tokens = [(match.lastgroup, match[0]) for match in _TOKEN.finditer(expression)]
    tokens = [token for token in tokens if token[0] not in {"space", "comment"}]
    return list(_selectors(tokens))


def metric_names(expression: str) -> set[str]:
    """Return the metrics that an expression reads."""
    return {selector.partition("{")[0] for selector in selectors(expression)}


def _selectors(tokens: list[tuple[str | None, str]]) -> Iterator[str]:
    at = 0
    while at < len(tokens):
        kind, text = tokens[at]
        following = tokens[at + 1][1] if at + 1 < len(tokens) else ""
        if text == "{":
            raise ValueError(f"a selector without a metric name: {_until(tokens, at, '}')}")
        if kind == "word" and text.lower() in _LABEL_LISTS and following == "(":
            at += _length(tokens, at + 1, ")") + 1
        elif kind == "word" and not _is_word_of_the_language(text, following):
            matchers = _until(tokens, at + 1, "}") if following == "{" else ""
            yield text + matchers
            at += 1 + (_length(tokens, at + 1, "}") if matchers else 0)
        else:
            at += 1


def _is_word_of_the_language(text: str, following: str) -> bool:
    word = text.lower()
    return following == "(" or word in _KEYWORDS or word in _LABEL_LISTS or word in _AGGREGATIONS


def _length(tokens: list[tuple[str | None, str]], start: int, closing: str) -> int:
    """Return the number of tokens from `start` up to and with the closing one."""
    return next(index for index, (_, text) in enumerate(tokens[start:], start=1) if text == closing)


def _until(tokens: list[tuple[str | None, str]], start: int, closing: str) -> str:
    return "".join(text for _, text in tokens[start : start + _length(tokens, start, closing)])
