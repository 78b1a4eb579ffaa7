"""Many small networks at once: the compiled engine with a network in each lane of the vector instructions."""

from __future__ import annotations

import math
import time
from collections.abc import Iterable, Mapping, Sequence

import numpy as np

from plainnet._base.arrays import Array
from plainnet.engines.compiled import driver, lane_driver
from plainnet.engines.compiled.ahead import Orders, StepDraws
from plainnet.engines.compiled.compiled_engine import MOST_DRAWN, MOST_STEPS, SLICE, rates_of
from plainnet.engines.compiled.compiling import address
from plainnet.engines.compiled.lanes_code import LanesCode, arrays_with_rows
from plainnet.engines.compiled.step import LAYER_NORMS
from plainnet.engines.job import Job
from plainnet.engines.notes import MEASURES, Notes


class LanesEngine:
    """Train the networks of some of the jobs for which `lanes_code` made the machine code, at most one a lane."""

    def __init__(self, code: LanesCode, jobs: Sequence[Job]) -> None:
        self.code = code
        self.jobs = list(jobs)
        layout = code.layout
        # The lanes left over train the last network another time.
        self.each = [*jobs, *[jobs[-1]] * (layout.networks - len(jobs))]
        self.draws = [StepDraws(job, code.draws) for job in self.jobs]
        self.orders = [Orders(job) for job in self.jobs]
        self.seconds_per_step = 1e-9 * layout.parameters * layout.batch * layout.networks
        """A guess at first, then measured."""
        nets = [job.network for job in self.each]
        settings = [[getattr(net.layers[at.layer], at.name) for net in nets] for at in code.settings]
        self.arrays: dict[str, Array] = {
            **self._data(),
            "parameters": np.stack([net.parameters for net in nets], axis=-1),
            "statistics": np.stack([net.statistics for net in nets], axis=-1),
            "good_parameters": np.stack([job.good_parameters for job in self.each], axis=-1),
            "good_statistics": np.stack([job.good_statistics for job in self.each], axis=-1),
            "gradient": np.zeros((layout.parameters, layout.networks), layout.dtype),
            "settings": np.array(settings, np.float64),
            "work": np.zeros(code.work_bytes * layout.networks // 8 + 8),
            "results": np.zeros((LAYER_NORMS // 8 + layout.layers) * layout.networks),
            "alive": np.ones(layout.networks, np.bool_),
            "norms": np.zeros((driver.NORMS, layout.networks)),
            **{
                f"memory {name}": np.stack([job.optimizer_state[name] for job in self.each], axis=-1)
                for name in layout.memory
            },
        }  # fmt: skip

    def _data(self) -> dict[str, Array]:
        """Return the examples, of all networks or of each, and room for a batch of each network's rows."""
        layout, found = self.code.layout, {}
        for i, (name, width, kind) in enumerate(zip(lane_driver.ROWS, layout.widths, layout.kinds, strict=False)):
            each = [arrays_with_rows(job)[i] for job in self.each]
            found[name] = np.stack(each, axis=-1) if layout.own_rows else np.ascontiguousarray(each[0])
            if layout.shuffles:
                found[f"batch_{name}"] = np.empty((layout.batch * width, layout.networks), kind)
        return found

    def run(self, epochs: int, going: Mapping[int, Notes]) -> dict[int, float]:
        """Train the networks in the lanes `going` further, `epochs` epochs or fewer, and take the notes of each.

        Return for each the loss of the last epoch, or the first one that was not finite.
        """
        layout = self.code.layout
        first, notes = self.jobs[min(going)], going[min(going)]
        rates, epochs = self._rates(min(epochs, self._epochs_at_a_time()), going)
        steps = epochs * layout.batches
        columns = len(MEASURES) + layout.layers
        done = {
            "survived": np.zeros(layout.networks, np.int64),
            "steps": np.zeros(layout.networks, np.int64),
            "losses": np.zeros((epochs, layout.networks)),
            "notes": np.zeros((len(notes.rows), columns, layout.networks)),
        }  # fmt: skip
        began = first.epochs_done
        numbers = {
            "epochs": epochs, "epochs_done": began, "moves": len(rates) > 1, "note_every": notes.every,
            "note_last": notes.last,
        }  # fmt: skip
        given = {
            "rates": rates,
            "order": self._orders(epochs, going),
            "draws": self._draws(epochs, going),
            **self.arrays,
            **done,
        }
        context = np.zeros(len(layout.fields), np.int64)
        for i, name in enumerate(layout.fields):
            context[i] = numbers[name] if name in numbers else address(given[name]) if name in given else 0
        start = time.perf_counter()
        self.code.run(address(context))
        self.seconds_per_step = (time.perf_counter() - start) / steps
        survived = np.minimum(done["survived"], epochs - 1).tolist()
        losses = {lane: float(done["losses"][survived[lane], lane]) for lane in going}
        self._write_back(losses, done, rates[-1, 0].tolist(), epochs)
        self._note(going, done, began)
        return losses

    def _epochs_at_a_time(self) -> int:
        """Return how many epochs one call makes: so long an interrupt waits, and so much is drawn for it."""
        layout = self.code.layout
        steps = min(int(SLICE / max(self.seconds_per_step, 1e-9)), MOST_STEPS)
        drawn = layout.record_bytes + 8 * layout.batch * layout.shuffles
        if drawn:
            steps = min(steps, 8 * MOST_DRAWN // (drawn * layout.networks))
        return max(1, steps // layout.batches)

    def _rates(self, epochs: int, going: Iterable[int]) -> tuple[Array, int]:
        """Return the numbers that schedules give for each step, or once where none moves, and for how many epochs.

        The axes are the steps, the numbers (the learning rate is the first) and the lanes. The epochs are fewer where a
        user's own schedule raises an error: the last call makes the epochs before it.
        """
        layout = self.code.layout
        batches = layout.batches
        found = {lane: rates_of(self.jobs[lane], epochs * batches) for lane in going}
        steps = min(number for _, number in found.values())
        if steps < batches:
            lane = next(lane for lane, (_, number) in found.items() if number == steps)
            self.jobs[lane].scheduled_numbers(self.jobs[lane].epochs_done + steps / batches)
        epochs = steps // batches
        length = epochs * batches if any(len(rates) > 1 for rates, _ in found.values()) else 1
        each = np.ones((length, layout.numbers, layout.networks))
        for lane, (rates, _) in found.items():
            each[:, :, lane] = rates[:length]
        return each, epochs

    def _orders(self, epochs: int, going: Iterable[int]) -> Array:
        """Return the order of the rows in each epoch."""
        if not self.code.layout.shuffles:
            return np.zeros(0)
        return self._in_lanes({lane: self.orders[lane].ahead(epochs) for lane in going})

    def _draws(self, epochs: int, going: Iterable[int]) -> Array:
        """Return the random numbers of each step."""
        layout = self.code.layout
        if not self.code.draws:
            return np.zeros(0)
        smaller = layout.rows % layout.batch != 0
        sizes = [int(smaller and batch == layout.batches - 1) for batch in range(layout.batches)] * epochs
        dtype = self.code.draws[0].dtype
        return self._in_lanes({lane: self.draws[lane].ahead(sizes)[: len(sizes)].view(dtype) for lane in going})

    def _in_lanes(self, arrays: Mapping[int, Array]) -> Array:
        """Return the arrays of the networks that train; what the other lanes get does not matter."""
        spare = next(iter(arrays.values()))
        return np.stack([arrays.get(lane, spare) for lane in range(self.code.layout.networks)], axis=-1)

    def _write_back(
        self, losses: Mapping[int, float], done: Mapping[str, Array], rates: list[float], epochs: int
    ) -> None:
        """Bring the networks and jobs to where their lanes are now."""
        layout = self.code.layout
        vectors = {name: np.ascontiguousarray(self.arrays[name].T) for name in VECTORS}
        norms, counts = (
            self.arrays["norms"].T.tolist(),
            zip(done["survived"].tolist(), done["steps"].tolist(), strict=True),
        )
        for lane, (survived, steps) in enumerate(counts):
            if lane not in losses:
                continue
            job, loss = self.jobs[lane], losses[lane]
            failed = survived < epochs
            finished = survived + (failed and math.isfinite(loss))
            begun = min(survived + 1, epochs)
            if layout.shuffles:
                self.orders[lane].settle(begun)
            if failed:
                self.draws[lane].settle(steps + (finished == survived))
            latest = range(max(job.steps_done, job.steps_done + steps - driver.NORMS), job.steps_done + steps)
            job.gradient_norms.extend(norms[lane][step % driver.NORMS] for step in latest)
            job.epochs_done += finished
            job.steps_done += steps
            job.good_epoch = job.epochs_done - 1
            job.learning_rate = rates[lane]
            for name, into in zip(VECTORS, _vectors(job), strict=True):
                into[:] = vectors[name][lane]
            for name, vector in job.optimizer_state.items():
                vector[:] = self.arrays[f"memory {name}"][:, lane]

    def _note(self, going: Mapping[int, Notes], done: Mapping[str, Array], began: int) -> None:
        """Give each network the rows of the epochs that it survived."""
        rows = np.ascontiguousarray(done["notes"].transpose(2, 0, 1))
        for lane, notes in going.items():
            last = began + int(done["survived"][lane])
            count = last // notes.every - began // notes.every
            count += began < notes.last <= last and notes.last % notes.every != 0
            notes.rows[notes.count : notes.count + count] = rows[lane, :count]
            notes.count += count


VECTORS = ("parameters", "statistics", "good_parameters", "good_statistics")


def _vectors(job: Job) -> tuple[Array, ...]:
    return job.network.parameters, job.network.statistics, job.good_parameters, job.good_statistics
