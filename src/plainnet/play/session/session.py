"""Session: what one page works with. Commands come in, replies go out, and training advances in between."""

from __future__ import annotations

import logging
import time
from collections.abc import Mapping, Sequence
from typing import Any

from plainnet._base.arrays import Array
from plainnet.errors import PlainnetError
from plainnet.play.session import frames, messages, scene
from plainnet.play.session.arguments import CommandArguments
from plainnet.play.session.commands import COMMANDS
from plainnet.play.session.examples import Examples, Held, examples_of
from plainnet.play.session.messages import Reply
from plainnet.play.session.pace import Pace, train
from plainnet.play.session.run import LiveRun
from plainnet.play.session.settings import InvalidSetting
from plainnet.play.session.setup import Setup, usual_of

AT_ONCE = 0.1
"""The most seconds, about, that a step or an epoch of the page's trains before the answer; the rest follows later."""

LONGEST_SLICE = 0.02
"""The most seconds of training in one call of `advance`, about."""

QUIET = 0.15
"""The seconds without a change after which training goes on, where it takes longer than QUICK to make the engine."""

QUICK = 0.03

MOST_LOG = 10_000
"""The most names of commands in the log."""


class Session:
    """A Session holds one or two runs on the same examples, what the page has set, and the commands that it may give.

    One thread uses a session at a time. `receive` answers one message and changes nothing where it answers an error;
    `advance` trains for a slice of time while the page has it play.
    """

    def __init__(self, setup: Mapping[str, Any] | None = None, held: Held | None = None) -> None:
        self.held = held or Held()
        self.first = setup or self.held.setup
        """A page that brings no setup of its own starts with this one."""
        self.runs: list[LiveRun] = []
        self.setups: list[Setup] = []
        """The setup of each run, as the page shows it. One with problems waits, and the run before it stays."""
        self.problems: list[dict[str, Any]] = []
        self.pace = Pace()
        self.is_playing = False
        self.quiet_since = self.quiet_until = 0.0
        """When training began to wait after a change, as another may follow at once, and when it goes on."""
        self.fault: Exception | None = None
        """This ended the training, and no frame has told it yet."""
        self.lesson: Any = None
        """The lesson that the page follows, an object with a method `progress(session) -> dict`; None for none."""
        self.log: list[str] = []
        """The names of the commands done, the latest last."""
        self.views = frames.Views()
        self._made: list[tuple[dict[str, Any], Examples]] = []
        self.start(self.first)

    # ---- messages ----

    def receive(self, message: bytes) -> bytes:
        """Answer a message: with the reply of its command, or with an error in one sentence."""
        number = None
        try:
            header, arrays = messages.unpack(message)
            number = header.get("id") if isinstance(header.get("id"), int | str) else None
            reply, own = self.handle(header, arrays)
            return messages.pack({"id": number, **reply}, own)
        except PlainnetError as error:
            at = getattr(error, "at", None) or None
            return messages.pack({"id": number, "error": str(error), "at": at})
        except Exception as error:  # a fault of ours; the session goes on
            logging.getLogger(__name__).exception("a command failed")
            told = f"this failed inside plainnet ({type(error).__name__}: {error}); the session goes on"
            return messages.pack({"id": number, "error": told, "at": None})

    def handle(self, header: Mapping[str, Any], arrays: Mapping[str, Array] | None = None) -> Reply:
        """Do a command and return its reply; raise InvalidValue or InvalidType for what it does not take."""
        fields = {name: value for name, value in header.items() if name not in ("id", "do")}
        name = CommandArguments("the message", header).one_of("do", COMMANDS)
        given = CommandArguments(name, fields, arrays)
        reply = COMMANDS[name](self, given)
        given.finish()
        if name != "frame":
            self.log.append(name)
            del self.log[:-MOST_LOG]
        return reply

    # ---- setting up ----

    @property
    def setup(self) -> Setup:
        """The setup of the first run, as the page shows it."""
        return self.setups[0]

    @property
    def examples(self) -> Examples:
        """The examples of the runs."""
        return self.runs[0].examples

    def start(self, setup: Mapping[str, Any] | None = None) -> None:
        """Begin with a setup given as plain data, or with the usual one; one that cannot run waits beside that."""
        wanted = Setup.of(setup)
        examples = self.examples_for(wanted)
        wanted = wanted.completed(examples)
        problems, run = wanted.problems(examples), None
        if not problems:
            try:
                run = LiveRun(wanted, examples)
            except PlainnetError as error:
                problems = [{"at": [], "message": str(error)}]
        run = run or LiveRun(usual_of(wanted.plain()).completed(examples), examples)
        self.runs, self.setups, self.problems = [run], [wanted], problems
        self.pause()

    def examples_for(self, setup: Setup) -> Examples:
        """Return the examples of a setup; those of the latest ones are kept."""
        for data, examples in self._made:
            if data == setup.data:
                return examples
        examples = examples_of(setup, self.held)
        self._made = [*self._made[-1:], (setup.data, examples)]
        return examples

    def forget_examples(self) -> None:
        """Make examples anew from now on, as there is another table of the same name."""
        self._made.clear()

    def apply(self, setup: Setup, place: int = 0) -> bool:
        """Give a run another setup; return True if the runs began again.

        A setup with problems waits: the run before it stays. The data are those of both runs.
        """
        examples = self.examples_for(setup)
        setups = [other if i != place else setup for i, other in enumerate(self.setups)]
        setups = [other.changed(["data"], setup.data).completed(examples) for other in setups]
        problems = [{**problem, "run": i} for i, other in enumerate(setups) for problem in other.problems(examples)]
        began = False
        if not problems:
            try:
                began = self._change(setups, examples)
            except PlainnetError as error:
                problems = [{"at": [], "message": str(error), "run": place}]
        self.setups, self.problems = setups, problems
        self._wait_for_more_changes()
        return began

    def _wait_for_more_changes(self) -> None:
        """Let training wait a moment for the next change, but not for ever, if it takes long to make the engine."""
        now = time.monotonic()
        if now >= self.quiet_until:
            self.quiet_since = now
        slow = any(run.seconds_to_engage > QUICK for run in self.runs)
        self.quiet_until = min(now + QUIET, self.quiet_since + 2 * QUIET) if slow else 0.0

    def _change(self, setups: Sequence[Setup], examples: Examples) -> bool:
        began = False
        for run, setup in zip(self.runs, setups, strict=True):
            if (run.setup, run.examples) != (setup, examples):
                began = run.change(setup, examples) or began
        if began:
            self.restart()
        self._set_playing(self.is_playing)  # a run that was over may go on
        return began

    def restart(self, seed: int | None = None) -> None:
        """Have all runs begin again, from the same initial weights or from those of another seed."""
        if seed is not None:
            self.setups = [setup.changed(["seed"], seed) for setup in self.setups]
        for run in self.runs:
            run.restart(seed)
        self._align()

    def twin(self, setup: Setup | None) -> None:
        """Put a second run beside the first one, both from the beginning; None takes it away."""
        if setup is None:
            del self.runs[1:], self.setups[1:]
            self.problems = [problem for problem in self.problems if not problem.get("run")]
            return
        setup = setup.changed(["data"], self.runs[0].setup.data).completed(self.examples)
        problems = setup.problems(self.examples)
        if problems:
            raise InvalidSetting(f"the second run cannot be set so: {problems[0]['message']}", problems[0]["at"])
        second = LiveRun(setup, self.examples)
        self.runs, self.setups = [self.runs[0], second], [self.setups[0], setup]
        self.restart()

    def _align(self) -> None:
        if len(self.runs) > 1:
            self.runs[1].start_like(self.runs[0])
        self.play(self.pace.speed, self.pace.by) if self.is_playing else self.pause()

    def scene(self, restarted: bool = False) -> dict[str, Any]:
        """Return what is set and what stands there: the reply of all commands that change it."""
        return scene.scene(self, restarted)

    # ---- training ----

    def play(self, speed: float | None = None, by: str = "epochs") -> None:
        """Have `advance` train: at full speed, or so many epochs or steps a second."""
        self.pace = Pace(speed, by)
        self._set_playing(not all(run.is_over for run in self.runs))

    def pause(self) -> None:
        """Have `advance` do nothing."""
        self._set_playing(False)

    def _set_playing(self, playing: bool) -> None:
        self.is_playing = playing
        for run in self.runs:
            run.is_playing = playing and not run.is_over

    @property
    def wait(self) -> float | None:
        """The seconds until `advance` has something to do: 0 at full speed, None while nothing plays."""
        return max(self.pace.wait, self.quiet_until - time.monotonic(), 0.0) if self.is_playing else None

    def advance(self, seconds: float = LONGEST_SLICE) -> None:
        """Train for about so long, at most LONGEST_SLICE; nothing happens while the page does not play."""
        if not self.is_playing or time.monotonic() < self.quiet_until:
            return
        try:
            self._train(min(max(seconds, 0.0), LONGEST_SLICE))
        except Exception as error:  # the session goes on without training, and the next frame tells why
            self.pause()
            self.fault = error

    def _train(self, seconds: float) -> None:
        train(self.runs, self.pace, time.monotonic() + seconds)
        if self.pace.is_over or all(run.is_over for run in self.runs):
            self.pause()

    def make(self, owed: int, by: str) -> None:
        """Make so many epochs or steps; what takes longer than a slice is left to `advance`, which then pauses."""
        self.play(0, by)
        self.pace.owed = owed
        self.quiet_until = 0.0
        for run in self.runs:
            run.engage()
        self._train(AT_ONCE)
