"""Markdown to HTML for the plan; whatever HTML is in it is shown as text."""

from __future__ import annotations

from functools import cache

from markdown_it import MarkdownIt
from markupsafe import Markup


@cache
def _renderer() -> MarkdownIt:
    return MarkdownIt("commonmark", {"html": False}).enable("table")


def to_html(markdown: str) -> Markup:
    """Return the Markdown as HTML that is safe to put into a page."""
    renderer = _renderer()
    tokens = renderer.parse(markdown)
    for token in tokens:
        # Columns are aligned by an inline style, which the pages' security policy forbids; a class does as well.
        if alignment := token.attrs.pop("style", None):
            token.attrSet("class", str(alignment).removeprefix("text-align:"))
    html = renderer.renderer.render(tokens, renderer.options, {})
    return Markup(html)  # noqa: S704 - raw HTML is off, the renderer escapes all text
