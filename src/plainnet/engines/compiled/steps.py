"""The steps of a program in their order, in which nests over the same places become one ("fusion")."""

from __future__ import annotations

from plainnet.engines.compiled.loops import Buffer, Expression, Nest, Product, Store, adds, loads
from plainnet.engines.compiled.memory import used_by


class Steps:
    """The steps so far; a new nest joins an earlier one where nothing in between reads or writes what it needs."""

    def __init__(self) -> None:
        self.steps: list[Nest | Product] = []
        self.written: dict[Buffer, int] = {}
        """The place in `steps` of the last step that writes each buffer."""
        self.read: dict[Buffer, int] = {}
        """The place of the last step that reads it."""

    def add(self, nest: Nest) -> None:
        """Add a nest, or its store to an earlier nest that runs over the same places."""
        (store,) = nest.stores
        if any(extent.count == 0 for extent in nest.domain):
            return
        found = loads(store.expression)
        earliest = 0
        for load in found:
            assert load.buffer is not None
            earliest = max(earliest, self._after(load, store, nest))
        earliest = max(earliest, self.read.get(store.buffer.memory, -1), self.written.get(store.buffer.memory, -1) + 1)
        for at in range(len(self.steps) - 1, earliest - 1, -1):
            other = self.steps[at]
            if isinstance(other, Nest) and self._can_join(other, nest):
                other.stores.append(store)
                self._mark(at, found, [store.buffer])
                return
        self.append(nest)

    def _after(self, load: Expression, store: Store, nest: Nest) -> int:
        """Return the first step at which the load may stand: after the one that writes it, or in that one."""
        assert load.buffer is not None
        at = self.written.get(load.buffer.memory)
        if at is None:
            return 0
        writer = self.steps[at]
        if isinstance(writer, Nest) and not writer.reduced and not nest.reduced and not load.arguments:
            own = [s for s in writer.stores if s.buffer is load.buffer]
            if writer.domain == nest.domain and len(own) == 1 and own[0].place == load.place:
                return at
        return at + 1

    def _can_join(self, other: Nest, nest: Nest) -> bool:
        """Return True if the nest runs over the same places, and nothing in it sees what the store writes elsewhere."""
        (store,) = nest.stores
        if adds(other) or other.over_ranks or (other.domain, other.reduced) != (nest.domain, nest.reduced):
            return False
        for earlier in other.stores:
            if earlier.buffer.memory is store.buffer.memory:
                return False
            for load in loads(earlier.expression):
                assert load.buffer is not None
                elsewhere = load.place != store.place or load.arguments or other.reduced
                if load.buffer.memory is store.buffer.memory and elsewhere:
                    return False
        return True

    def append(self, step: Nest | Product) -> None:
        """Add a step at the end."""
        self.steps.append(step)
        at = len(self.steps) - 1
        if isinstance(step, Product):
            self.read[step.left.buffer.memory] = self.read[step.right.buffer.memory] = at
            self.written[step.target.memory] = at
            return
        for store in step.stores:
            self._mark(at, loads(store.expression), [store.buffer])

    def _mark(self, at: int, found: list[Expression], written: list[Buffer]) -> None:
        for load in found:
            assert load.buffer is not None
            memory = load.buffer.memory
            self.read[memory] = max(self.read.get(memory, -1), at)
        for buffer in written:
            self.written[buffer.memory] = max(self.written.get(buffer.memory, -1), at)

    def keep_local(self) -> set[Buffer]:
        """Keep in registers what a single nest writes and reads; return those buffers, which need no memory."""
        users: dict[Buffer, set[int]] = {}
        for at, step in enumerate(self.steps):
            for buffer in used_by(step):
                users.setdefault(buffer, set()).add(at)
        for step in self.steps:
            if isinstance(step, Nest) and not step.reduced:
                step.local = {s.buffer for s in step.stores if s.buffer.base == "work" and len(users[s.buffer]) == 1}
        return set().union(*(step.local for step in self.steps if isinstance(step, Nest)))
