"""The files of the page as they are sent: without the comments that are for readers of the source."""

import json
import re

COMMENT_LINE = re.compile(rb"^[ ]*//[^\n]*\n", re.MULTILINE)
"""A line of JavaScript that is a comment as a whole. No text of the page goes over several lines."""


def as_sent(name: str, content: bytes) -> bytes:
    """Return a file as it is sent: JavaScript without lines of comments, JSON without spaces, all else as it is."""
    if name.endswith(".js"):
        return COMMENT_LINE.sub(b"", content)
    if name.endswith(".json"):
        return json.dumps(json.loads(content), ensure_ascii=False, separators=(",", ":")).encode()
    return content
