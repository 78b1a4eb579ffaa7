"""PyTorch in eager mode, as its own tutorials train, with batches gathered from tensors rather than by a DataLoader."""

import torch
from torch import nn

from benchmarks.workloads import DROPOUT_RATE, LEARNING_RATE, Workload
from plainnet._base.arrays import Array


def threads(fused: bool = False, limit: int | None = None) -> int:
    """PyTorch's own default, or the limit."""
    return limit or torch.get_num_threads()


def network(work: Workload) -> nn.Sequential:
    """The workload's network up to its logits (XOR: its sigmoid)."""
    dtype = getattr(torch, work.dtype)
    layers: list[nn.Module] = []
    for inputs, units in work.layers[:-1]:
        layers.append(nn.Linear(inputs, units, dtype=dtype))
        if work.between == "batch norm":
            layers.append(nn.BatchNorm1d(units))
        elif work.between == "layer norm":
            layers.append(nn.LayerNorm(units))
        layers.append(nn.Sigmoid() if work.is_xor else nn.ReLU())
        if work.between == "dropout":
            layers.append(nn.Dropout(DROPOUT_RATE))
    layers.append(nn.Linear(*work.layers[-1], dtype=dtype))
    return nn.Sequential(*layers, nn.Sigmoid()) if work.is_xor else nn.Sequential(*layers)


class Single:
    """One network; `limit` sets the number of threads."""

    def __init__(self, work: Workload, fused: bool = False, limit: int | None = None) -> None:
        if limit is not None:
            torch.set_num_threads(limit)
        torch.manual_seed(work.seed)
        self.work = work
        self.fused = True if fused else None  # None is PyTorch's default
        self.model = network(work)
        self.loss = nn.MSELoss() if work.is_xor else nn.CrossEntropyLoss()
        self.X, self.y = (torch.from_numpy(array) for array in work.examples)
        self.reset()

    def reset(self) -> None:
        """Back to the initial weights and a fresh optimizer."""
        dense = [layer for layer in self.model if isinstance(layer, nn.Linear)]
        with torch.no_grad():
            for layer, (weights, bias) in zip(dense, self.work.initial_weights(), strict=True):
                layer.weight.copy_(torch.from_numpy(weights.T))
                layer.bias.copy_(torch.from_numpy(bias))
        algorithm, learning_rate = (torch.optim.SGD, 1.0) if self.work.is_xor else (torch.optim.Adam, LEARNING_RATE)
        self.optimizer = algorithm(self.model.parameters(), lr=learning_rate, fused=self.fused)
        self.model.train()

    def train(self, epochs: int) -> None:
        """Epochs of shuffled batches, or of the whole set."""
        full = self.work.batch_size == self.work.rows
        for _ in range(epochs):
            if full:
                self.step(self.X, self.y)
            else:
                for chosen in torch.randperm(len(self.X)).split(self.work.batch_size):
                    self.step(self.X[chosen], self.y[chosen])

    def step(self, X: torch.Tensor, y: torch.Tensor) -> None:
        """Forward, backward, update."""
        self.optimizer.zero_grad(set_to_none=True)
        self.loss(self.model(X), y).backward()
        self.optimizer.step()

    def predict(self, X: Array) -> Array:
        """Probabilities of the rows of X."""
        self.model.eval()
        with torch.inference_mode():
            outputs = self.model(torch.from_numpy(X))
            return (outputs if self.work.is_xor else outputs.softmax(dim=1)).numpy()
