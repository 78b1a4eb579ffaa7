"""JAX with optax: data on the device, all epochs in one compiled call, its buffers donated."""

import os
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import optax

from benchmarks.workloads import LEARNING_RATE, Workload
from plainnet._base.arrays import Array


def threads() -> int:
    """XLA's pool has a thread a core."""
    return os.cpu_count() or 1


def outputs_of(weights: Any, X: Any, is_xor: bool) -> Any:
    """Logits of the rows of X (XOR: outputs)."""
    for matrix, bias in weights[:-1]:
        z = X @ matrix + bias
        X = jax.nn.sigmoid(z) if is_xor else jax.nn.relu(z)
    matrix, bias = weights[-1]
    z = X @ matrix + bias
    return jax.nn.sigmoid(z) if is_xor else z


class Single:
    """One network."""

    def __init__(self, work: Workload) -> None:
        jax.config.update("jax_enable_x64", work.dtype == "float64")
        self.work = work
        self.X, self.y = (
            jnp.asarray(array, array.dtype if array.dtype.kind == "f" else "int32") for array in work.examples
        )
        self.optimizer = optax.sgd(1.0) if work.is_xor else optax.adam(LEARNING_RATE)
        self.compiled = jax.jit(self.epochs, donate_argnums=(0, 1, 2))
        self.reset()

    def reset(self) -> None:
        """Back to the initial weights and a fresh optimizer."""
        self.weights = jax.tree.map(jnp.array, self.initial_weights())
        self.state = jax.block_until_ready(self.optimizer.init(self.weights))
        self.key = jax.random.key(self.work.seed)

    def initial_weights(self) -> Any:
        """The workload's own."""
        return self.work.initial_weights()

    def train(self, epochs: int) -> None:
        """One call of the compiled loop."""
        trained = self.compiled(self.weights, self.state, self.key, self.X, self.y, epochs)
        self.weights, self.state, self.key = jax.block_until_ready(trained)

    def epochs(self, weights: Any, state: Any, key: Any, X: Any, y: Any, epochs: int) -> Any:
        """All epochs, as one program."""
        epoch = self.full_batch if self.work.batch_size == self.work.rows else self.batches
        return jax.lax.fori_loop(0, epochs, lambda _, carry: epoch(carry, X, y), (weights, state, key))

    def full_batch(self, carry: Any, X: Any, y: Any) -> Any:
        """An epoch of one step."""
        weights, state, key = carry
        return *self.step(weights, state, X, y), key

    def batches(self, carry: Any, X: Any, y: Any) -> Any:
        """An epoch of shuffled batches."""
        weights, state, key = carry
        key, own = jax.random.split(key)
        order = jax.random.permutation(own, len(X))
        full = self.work.steps_in_epoch * self.work.batch_size

        def step(carry: Any, chosen: Any) -> Any:
            return self.step(*carry, X[chosen], y[chosen]), None

        batches = order[:full].reshape(self.work.steps_in_epoch, self.work.batch_size)
        (weights, state), _ = jax.lax.scan(step, (weights, state), batches)
        if full < len(X):
            (weights, state), _ = step((weights, state), order[full:])
        return weights, state, key

    def step(self, weights: Any, state: Any, X: Any, y: Any) -> Any:
        """Forward, backward, update."""
        gradient = jax.grad(self.loss)(weights, X, y)
        updates, state = self.optimizer.update(gradient, state, weights)
        return optax.apply_updates(weights, updates), state

    def loss(self, weights: Any, X: Any, y: Any) -> Any:
        """Mean squared error (XOR) or cross-entropy."""
        outputs = outputs_of(weights, X, self.work.is_xor)
        if self.work.is_xor:
            return jnp.mean((outputs - y) ** 2)
        return optax.softmax_cross_entropy_with_integer_labels(outputs, y).mean()

    def predict(self, X: Array) -> Array:
        """Probabilities of the rows of X."""
        outputs = outputs_of(self.weights, X, self.work.is_xor)
        return jax.device_get(outputs if self.work.is_xor else jax.nn.softmax(outputs))


class Many(Single):
    """Many XOR networks at once: the same loop with its step under `vmap`."""

    def initial_weights(self) -> Any:
        """A start of its own for every network."""
        key = jax.random.key(self.work.seed)
        draw = partial(jax.random.normal, dtype=self.work.dtype)
        stacked = []
        for inputs, units in self.work.layers:
            key, own = jax.random.split(key)
            weights = draw(own, (self.work.networks, inputs, units))
            stacked.append((weights, jnp.zeros((self.work.networks, units), self.work.dtype)))
        return stacked

    def full_batch(self, carry: Any, X: Any, y: Any) -> Any:
        """A step of every network."""
        weights, state, key = carry
        return *jax.vmap(self.step, in_axes=(0, None, None, None), out_axes=(0, None))(weights, state, X, y), key
