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
    return Markup(_renderer().render(markdown))  # noqa: S704 - raw HTML is off, the renderer escapes all text
