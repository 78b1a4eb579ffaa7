"""A ParameterPath keeps the path of a run through the space of its parameters, in bounded memory."""

from plainnet._base.arrays import Array
from plainnet.network import Network

MOST_IN_PATH = 200
"""The most sets of parameters that the path of a run keeps."""

PATH_NUMBERS = 4_000_000
"""The most numbers that it keeps; large networks have fewer sets."""


class ParameterPath:
    """ParameterPath holds the parameters at every `every`th epoch of a run, of at most MOST_IN_PATH."""

    def __init__(self, network: Network) -> None:
        size = max(1, network.parameters.size)
        self.most = max(2, min(MOST_IN_PATH, PATH_NUMBERS // size))
        self.every = 1
        self.epochs = [0]
        self.parameters = [network.parameters.copy()]

    @property
    def next_epoch(self) -> int:
        """Return the next epoch that it takes."""
        return (self.epochs[-1] // self.every + 1) * self.every

    def add(self, epoch: int, parameters: Array) -> None:
        """Take the parameters at the end of an epoch if it is the next one."""
        if epoch < self.next_epoch:
            return
        if len(self.epochs) >= self.most:
            del self.epochs[1::2], self.parameters[1::2]
            self.every *= 2
        if epoch >= self.next_epoch:
            self.epochs.append(epoch)
            self.parameters.append(parameters.copy())
