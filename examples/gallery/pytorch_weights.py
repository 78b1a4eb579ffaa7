"""
Weights to PyTorch and back
===========================

A network is trained in plainnet for a while, goes to PyTorch, is trained there to the
end, and comes back. It travels as *safetensors*, a file of named arrays that holds no
code, so that reading it is safe. On both sides the predictions are the same. PyTorch
(``pip install torch``) is not a part of any extra of plainnet; where it is not
installed, the example leaves out what needs it.
"""

import tempfile
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np

import plainnet as pn
from plainnet.export.safetensors import sequential

try:
    import torch
    from safetensors.torch import load_file, save_file
except ImportError:
    torch = None
    print("PyTorch is not installed here: its part is shown, and not run.")

# %%
# **In plainnet.** After twenty epochs the network begins to see the two arms of the
# spiral, and is far from sure.

X, y = pn.datasets.spirals(300, noise=0.05, seed=1)
layers = pn.Dense(32, "tanh"), pn.LayerNorm(), pn.Dense(16, "gelu")
net = pn.Network(*layers, pn.Dense(2, "softmax"), input_size=2, seed=1)
net.fit(X, y, loss="cross_entropy", epochs=20)

# %%
# **To PyTorch.** With ``layout="pytorch"`` the arrays have the names and the shapes
# that PyTorch expects: its weights are (units, inputs), those of plainnet (inputs,
# units). The file has no layers in it. ``sequential`` writes the module that it fits.

folder = tempfile.TemporaryDirectory()
path = Path(folder.name) / "weights.safetensors"
net.export(path, layout="pytorch")
print(sequential(net))

# %%
# The text is Python, so ``eval`` makes the module of it.

if torch:
    module = eval(sequential(net), {"nn": torch.nn})
    module.load_state_dict(load_file(path))
    rows = torch.tensor(X, dtype=torch.float32)
    difference = np.abs(module(rows).detach().numpy() - net.predict(X)).max()
    print(f"to PyTorch: same predictions to five digits: {difference < 1e-5}")

# %%
# **In PyTorch.** The module is trained like any other one: here by 300 steps of Adam,
# on its outputs before the softmax. Then its arrays go into a file.

if torch:
    torch.set_num_threads(1)
    optimizer = torch.optim.Adam(module.parameters(), lr=0.01)
    for _ in range(300):
        optimizer.zero_grad()
        loss = torch.nn.functional.cross_entropy(module[:-1](rows), torch.tensor(y))
        loss.backward()
        optimizer.step()
    save_file(module.state_dict(), path)

# %%
# **Back to plainnet.** The network says which layers there are, and the file has their
# numbers. Names decide how an array is read: ``0.weight`` is PyTorch's and is
# transposed.

networks = {"after 20 epochs in plainnet": net}
if torch:
    back = pn.load_safetensors(path, net.copy())
    difference = np.abs(module(rows).detach().numpy() - back.predict(X)).max()
    print(f"from PyTorch: same predictions to five digits: {difference < 1e-5}")
    networks["after 300 steps more in PyTorch"] = back
folder.cleanup()

size = {"figsize": (5.5, 4.6 * len(networks)), "layout": "constrained"}
fig, all_axes = plt.subplots(len(networks), squeeze=False, **size)
for axes, (title, network) in zip(all_axes[:, 0], networks.items(), strict=True):
    pn.plots.decision_boundary(network, X, y, axes=axes)
    axes.set_title(title, pad=22)
plt.show()
