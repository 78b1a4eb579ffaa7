"""A network goes from PyTorch to plainnet and back in safetensors files, and predicts the same on both sides.

pip install ".[exchange]" torch
python examples/pytorch_exchange.py
"""

import tempfile
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import load_file, save_file
from torch import nn

import plainnet as pn
from plainnet.export.safetensors import sequential

folder = Path(tempfile.mkdtemp())
X, y = pn.datasets.spirals(300, noise=0.1, seed=1)
rows = torch.tensor(X, dtype=torch.float32)


def report(title: str, ours: np.ndarray, theirs: torch.Tensor) -> None:
    difference = np.abs(ours - theirs.detach().numpy()).max()
    print(f"{title}: {ours.shape} predictions, largest difference {difference:.1e}")
    assert difference < 1e-5


# From PyTorch: a Sequential of Linear layers, trained there.

torch.manual_seed(1)
theirs = nn.Sequential(nn.Linear(2, 32), nn.Tanh(), nn.Linear(32, 32), nn.Tanh(), nn.Linear(32, 2), nn.Softmax(dim=1))
optimizer = torch.optim.Adam(theirs.parameters(), lr=0.01)
for _ in range(200):
    optimizer.zero_grad()
    nn.functional.cross_entropy(theirs[:-1](rows), torch.tensor(y)).backward()
    optimizer.step()

save_file(theirs.state_dict(), folder / "from_pytorch.safetensors")
net = pn.load_safetensors(folder / "from_pytorch.safetensors", activation="tanh", output_activation="softmax")
report("PyTorch to plainnet", net.predict(X), theirs(rows))

# Back to PyTorch: trained further here, and with layers of every kind.

net = pn.Network(
    pn.Dense(32, bias=False), pn.BatchNorm(), pn.Activation("relu"), pn.Dropout(0.1),
    pn.Dense(16, "gelu"), pn.LayerNorm(), pn.Dense(2, "softmax"),
    seed=1,
)  # fmt: skip
net.fit(X, y, loss="cross_entropy", epochs=50)
net.export(folder / "from_plainnet.safetensors", layout="pytorch")

print(sequential(net))
theirs = nn.Sequential(
    nn.Linear(2, 32, bias=False),
    nn.BatchNorm1d(32, eps=1e-05, momentum=0.1),
    nn.ReLU(),
    nn.Dropout(0.1),
    nn.Linear(32, 16, bias=True),
    nn.GELU(approximate="tanh"),
    nn.LayerNorm(16, eps=1e-05),
    nn.Linear(16, 2, bias=True),
    nn.Softmax(dim=1),
)
theirs.load_state_dict(load_file(folder / "from_plainnet.safetensors"))
report("plainnet to PyTorch", net.predict(X), theirs.eval()(rows))
