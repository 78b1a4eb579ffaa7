"""Write three small safetensors files and pytorch_sequential.json: networks of PyTorch, and what they predict.

To make them again, in an environment with torch (2.13.0, CPU), numpy and safetensors:

    python tests/goldens/make_safetensors.py
"""

import json
from pathlib import Path

import torch  # type: ignore[import-not-found, unused-ignore]
from safetensors.torch import save_file
from torch import nn  # type: ignore[import-not-found, unused-ignore]

HERE = Path(__file__).parent


def sequential() -> nn.Sequential:
    """Linear layers, one of them square, so that a forgotten transpose shows in the predictions alone."""
    return nn.Sequential(nn.Linear(3, 4), nn.ReLU(), nn.Linear(4, 4), nn.ReLU(), nn.Linear(4, 2))


def normalized() -> nn.Sequential:
    """Normalization after a hundred steps of training mode, and a Linear layer without bias."""
    net = nn.Sequential(
        nn.Linear(3, 4, bias=False),
        nn.BatchNorm1d(4),
        nn.Tanh(),
        nn.Dropout(0.25),
        nn.Linear(4, 4),
        nn.LayerNorm(4),
        nn.GELU(approximate="tanh"),
        nn.Linear(4, 3),
        nn.Softmax(dim=1),
    )
    for parameter in net.parameters():
        nn.init.normal_(parameter)
    for _ in range(100):
        net(torch.randn(16, 3))
    return net


def main() -> None:
    torch.manual_seed(0)
    inputs = torch.randn(5, 3)
    nets = {
        "pytorch_sequential": sequential(),
        "pytorch_normalized": normalized(),
        "pytorch_bfloat16": sequential().to(torch.bfloat16),
    }
    outputs = {}
    for name, net in nets.items():
        save_file(net.state_dict(), HERE / f"{name}.safetensors")
        with torch.no_grad():  # in float64, from the numbers as they are in the file
            outputs[name] = net.eval().double()(inputs.double()).tolist()
    goldens = {"made_with": torch.__version__, "inputs": inputs.tolist(), "outputs": outputs}
    (HERE / "pytorch_sequential.json").write_text(json.dumps(goldens, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
