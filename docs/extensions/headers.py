"""Header cells that a screen reader can read: an empty one is no header, and a formula is read as its source."""

from __future__ import annotations

import re
from typing import Any

from sphinx.application import Sphinx

EMPTY = re.compile(r"<th class=\"head[^\"]*\"><p></p></th>")
FORMULA = re.compile(r"(<th class=\"head[^\"]*\"><p>)<math alttext=\"([^\"]*)\"(?=.*?</math></p></th>)")
NAMED = r'\1<span class="visually-hidden">\2</span><math aria-hidden="true"'


def setup(app: Sphinx) -> dict[str, Any]:
    """Change the tables of each page before it is written."""
    app.connect("html-page-context", change)
    return {"parallel_read_safe": True, "parallel_write_safe": True}


def change(app: Sphinx, page: str, template: str, context: dict[str, Any], doctree: Any) -> None:
    """Replace the header cells of the page."""
    if body := context.get("body"):
        context["body"] = FORMULA.sub(NAMED, EMPTY.sub("<td></td>", body))
