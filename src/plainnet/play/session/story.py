"""The story of a run in one sentence: a key of the page's texts, and the values that stand in it."""

from __future__ import annotations

from typing import Any

from plainnet.play.session.run import LiveRun


def of(run: LiveRun) -> dict[str, Any]:
    """Return the key and the values of the sentence that says how a run stands."""
    return {"key": run.state, "values": {"epoch": run.epochs, "message": run.problem}}
