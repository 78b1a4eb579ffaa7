"""What a run has measured, and how and where: for the terminal, Markdown and JSON."""

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from benchmarks import machine
from benchmarks.effort import Effort
from benchmarks.formatting import Table
from benchmarks.interleaved import Contestants, Timings
from benchmarks.peers import Peer

BUSY = 0.5
"""A load average above this before the start means that the machine is not idle."""


@dataclass
class Report:
    """What has been measured so far."""

    head: dict[str, str]
    tables: list[Table] = field(default_factory=list)
    data: dict[str, Any] = field(default_factory=dict)
    speeds: list[Timings] = field(default_factory=list)
    medians: dict[str, dict[str, float]] = field(default_factory=dict)
    """Seconds per unit by work and contestant, for the goals."""

    def markdown(self) -> str:
        """The whole report."""
        head = "\n".join(f"- {name}: {value}" for name, value in self.head.items())
        return "\n".join([head, "", *(table.markdown() for table in self.tables)]).rstrip() + "\n"

    def write(self, markdown: Path | None, figures: Path | None) -> None:
        """Write the files that were asked for."""
        if markdown:
            markdown.write_text(self.markdown(), encoding="utf-8")
        if figures:
            figures.write_text(json.dumps(self.head | self.data, indent=1) + "\n", encoding="utf-8")


def head(peers: list[Peer], contestants: Contestants, effort: Effort, coretype: str | None) -> dict[str, str]:
    """What the figures depend on, and how they were taken."""
    busy = machine.load() > BUSY  # before the contestants start
    told = machine.describe(peers)
    threads = ", ".join(f"{peer.name} {contestants.ask(peer, peer.threads)}" for peer in peers)
    told["threads"] = f"{threads}; each library's own default"
    told["timing"] = (
        f"medians of {effort.rounds} rounds of about {effort.seconds:g} s, contestants in turns, a process each; "
        "compilation and warm-up come before and are not timed; rows of fresh processes time all of that, in "
        f"new processes, {effort.fresh_rounds} for each contestant, in turns"
    )
    if busy:
        told["busy"] = (
            "other work was running; libraries whose threads wait for each other then look many times slower than they "
            "are, so these figures show only that the benchmark runs"
        )
    if coretype is not None:
        told["OPENBLAS_CORETYPE"] = f"was {coretype}; unset for this run"
    if effort.is_quick:
        told["quick"] = "fewer rounds, seeds and sizes than the full benchmark; the figures are rough"
    return told
