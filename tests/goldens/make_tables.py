"""Write tables/*.npz: what pytabkit's RealMLP-TD computes, for the tests to hold our recipe for tables against.

To make them again, in an environment with pytabkit (1.7.3) and torch (2.13.0, CPU):

    python tests/goldens/make_tables.py

pytabkit's own layers, optimizer, schedules and training loop compute every number; this script gives them inputs and
writes down what they hold. Steps are computed in float64, preprocessing in pytabkit's float32.
"""

from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytorch_lightning as lightning
import torch
from pytabkit.models.alg_interfaces.base import InterfaceResources, SplitIdxs
from pytabkit.models.data.conversion import ToDictDatasetConverter
from pytabkit.models.data.data import DictDataset, ParallelDictDataLoader, TensorInfo
from pytabkit.models.sklearn.default_params import DefaultParams
from pytabkit.models.training.lightning_modules import TabNNModule
from pytabkit.models.training.scheduling import get_schedule

Arrays = dict[str, Any]
FOLDER = Path(__file__).parent / "tables"
SETTINGS = {"classification": DefaultParams.RealMLP_TD_CLASS, "regression": DefaultParams.RealMLP_TD_REG}


def write(name: str, arrays: Arrays) -> None:
    """Write an archive, with the versions that computed it."""
    versions = [f"{package} {version(package)}" for package in ("pytabkit", "torch", "numpy")]
    np.savez_compressed(FOLDER / f"{name}.npz", versions=versions, **arrays)


def module_for(data: Any, rows: Any, settings: dict[str, Any]) -> Any:
    """Return pytabkit's module with its network, initialized from these rows of the data."""
    module = TabNNModule(**settings)
    split = SplitIdxs(torch.as_tensor(rows)[None], None, None, split_seed=0, sub_split_seeds=[0], split_id=0)
    module.compile_model(data, [split], InterfaceResources(n_threads=1, gpu_devices=[]))
    return module


def first_tensors(module: Any, data: Any) -> Arrays:
    """Return what enters pytabkit's network, with its first axis for several networks."""
    return {name: tensor[None] for name, tensor in module.creator.static_model(data).tensors.items()}


def network_inputs(module: Any, data: Any) -> Arrays:
    """Return what enters the trainable layers: numbers, plain features (two-valued and one-hot), codes to embed."""
    numbers, categories = module.model.tfms[0].layers
    numeric = plain = first_tensors(module, data)
    for layer in numbers.tfms[:-1]:
        numeric = layer.forward_tensors(numeric)
    for layer in [categories.tfms[0], *categories.tfms[1].tfms[:-1]]:
        plain = layer.forward_tensors(plain)
    return {
        "numbers": numeric["x_cont"][0].numpy(),
        "plain": plain["x_cont"][0].numpy(),
        "codes": plain["x_cat"][0].numpy(),
    }


# Preprocessing: a table with every kind of column, and rows to predict with missing and unseen categories.


def mixed_table(rows: int, random: np.random.Generator, *, unseen: bool) -> Any:
    """Return columns of each kind; where `unseen`, some values that the training rows do not have."""
    cities = [f"city {letter}" for letter in "abcdefghijkl"]
    columns = {
        "normal": random.standard_normal(rows) * 3 + 10,
        "heavy": random.standard_cauchy(rows),
        "skewed": np.exp(2 * random.standard_normal(rows)),
        "mostly zero": np.where(random.random(rows) < 0.15, random.random(rows) * 40 - 10, 0.0),
        "whole": random.integers(0, 6, rows).astype(float),
        "constant": np.full(rows, 7.25),
        "two": random.choice(["no", "yes"], rows, p=[0.7, 0.3]),
        "two missing": random.choice(["left", "right", ""], rows),
        "color": random.choice(["red", "green", "blue", ""], rows, p=[0.4, 0.3, 0.25, 0.05]),
        "rare": random.choice(["usual", "common", "seldom"], rows, p=[0.6, 0.32, 0.08]),
        "eight": random.choice(list("stuvwxyz"), rows),
        "city": random.choice([*cities, ""], rows),
    }
    if unseen:
        columns["two"][:3] = ["maybe", "", "yes"]
        columns["color"][:3] = ["violet", "", "red"]
        columns["eight"][:2] = ["r", ""]
        columns["city"][:3] = ["city z", "", "city a"]
        columns["heavy"][:2] = [1e6, -1e6]
    else:
        columns["eight"][:8], columns["city"][:12] = list("stuvwxyz"), cities
    return pd.DataFrame(
        {name: column if column.dtype.kind == "f" else column.astype(object) for name, column in columns.items()}
    )


def preprocessing() -> Arrays:
    random = np.random.default_rng(1)
    frames = {"train": mixed_table(90, random, unseen=False), "test": mixed_table(20, random, unseen=True)}
    missing = {part: frame.replace("", None) for part, frame in frames.items()}
    converter = ToDictDatasetConverter()
    data = {"train": converter.fit_transform(missing["train"]), "test": converter.transform(missing["test"])}
    for part in data.values():
        part.tensors["y"] = torch.zeros(part.n_samples, 1, dtype=torch.long)
        part.tensor_infos["y"] = TensorInfo(cat_sizes=[2])
    module = module_for(data["train"], np.arange(90), SETTINGS["classification"])
    arrays: Arrays = {"names": list(frames["train"].columns)}
    for part in ("train", "test"):
        arrays |= {f"{part} column {name}": _plain(frames[part][name]) for name in arrays["names"]}
        arrays |= {f"{part} {name}": array for name, array in network_inputs(module, data[part]).items()}
    return arrays


def _plain(column: Any) -> Any:
    """Return numbers as float64, text as NumPy's text; "" is a missing value."""
    return column.to_numpy(float) if column.dtype.kind == "f" else column.to_numpy(str)


# Schedules, as functions of the share of all batches that is done.


def schedules() -> Arrays:
    shares = np.unique(np.concatenate([np.linspace(0, 1, 257), [1 / 15, 3 / 15, 7 / 15]]))
    values = {name: [get_schedule(name).call_time_(t) for t in shares] for name in ("coslog4", "flat_cos")}
    return {"shares": shares, **values}


# Six steps of training: three hidden layers, three numbers, two plain columns, two embedded ones; no dropout. The
# first step's rate is 0, as coslog4 begins there: it changes nothing but the moments.

BATCH, BATCHES, WATCHED = 8, 6, (2, 6)
HIDDEN = [7, 6, 5]


class Recording(lightning.Callback):
    """Keep the loss of each batch, the first gradients, and the parameters after the watched steps."""

    def __init__(self) -> None:
        self.losses: list[float] = []
        self.arrays: Arrays = {}

    def on_after_backward(self, trainer: Any, module: Any) -> None:
        if not self.losses:
            self.arrays |= {f"gradient {name}": array for name, array in parameters(module, gradients=True).items()}

    def on_train_batch_end(self, trainer: Any, module: Any, outputs: Any, batch: Any, index: int) -> None:
        self.losses.append(float(outputs["loss"]))
        if len(self.losses) in WATCHED:
            after = parameters(module)
            self.arrays |= {f"after {len(self.losses)} {name}": array for name, array in after.items()}


ROLES = {"scale": "scale", "weight": "weights", "bias": "bias", "act": "alpha"}
EMBEDDING = {"weight_1": "frequencies", "bias_1": "phases", "weight_2": "weights", "bias_2": "bias"}


def parameters(module: Any, gradients: bool = False) -> Arrays:
    """Return the parameters under our names; weights are NTK's, y = x W / sqrt(inputs) + b."""
    arrays: Arrays = {}
    categories = 0
    for parameter in module.model.parameters():
        array = (parameter.grad if gradients else parameter).detach().numpy()[0].copy()
        place = str(parameter.context.scope).strip("/").split("/")
        if place[0] == "plr":
            arrays[f"numbers {EMBEDDING[place[1]]}"] = array[:, 0] if array.shape[1] == 1 else array
        elif place[0] == "tfms":
            arrays[f"category {categories} weights"] = array
            categories += 1
        else:
            name = f"{place[2].replace('-', ' ')} {ROLES[place[-1]]}".replace("layer 0 scale", "scale")
            arrays[name] = array if ROLES[place[-1]] == "weights" else array[0]
    return arrays


def step_data(task: str, random: np.random.Generator) -> Any:
    rows = BATCH * BATCHES
    counts = [2, 4, 12, 10]  # two-valued, one-hot, two embedded: known categories
    codes = np.stack([random.integers(0, count + 1, rows) for count in counts], axis=1)
    codes[:13] = np.arange(13)[:, None] % (np.array(counts) + 1)
    numbers = random.standard_normal((rows, 3)) * [1, 5, 0.1] + [0, 20, 1]
    tensors = {"x_cont": torch.as_tensor(numbers), "x_cat": torch.as_tensor(codes)}
    infos = {"x_cont": TensorInfo(feat_shape=[3]), "x_cat": TensorInfo(cat_sizes=[count + 1 for count in counts])}
    if task == "classification":
        tensors["y"] = torch.as_tensor(np.arange(rows)[:, None] % 3)
        infos["y"] = TensorInfo(cat_sizes=[3])
    else:
        tensors["y"] = torch.as_tensor(numbers[:, :1] * 30 + random.standard_normal((rows, 1)) + 100)
        infos["y"] = TensorInfo(feat_shape=[1])
    return DictDataset(tensors, infos)


def steps(task: str) -> Arrays:
    data = step_data(task, np.random.default_rng(2))
    settings = SETTINGS[task] | {"hidden_sizes": HIDDEN, "p_drop": 0.0, "n_epochs": 1, "batch_size": BATCH}
    rows = np.arange(BATCH * BATCHES)
    module = module_for(data, rows, settings)
    inputs = network_inputs(module, data)
    vary(module)
    arrays = inputs | {"targets": data.tensors["y"].numpy()[:, 0]}
    arrays |= {"batch size": BATCH, "learning rate": settings["lr"], "weight decay": settings["wd"]}
    arrays |= {f"before {name}": array for name, array in parameters(module).items()}
    factors = {str(parameter.context.scope): parameter.hyper_factors for parameter in module.model.parameters()}
    arrays["factors"] = [
        f"{scope} {factor.get('lr', 1.0)} {factor.get('wd', 1.0)}" for scope, factor in factors.items()
    ]
    recording = Recording()
    in_order = ParallelDictDataLoader(module.creator.static_model(data), torch.as_tensor(rows)[None], batch_size=BATCH)
    module.train_dl = in_order
    trainer(module, [*module.create_callbacks(), recording]).fit(model=module, train_dataloaders=in_order)
    arrays |= recording.arrays | {"losses": recording.losses}
    module.model.eval()
    with torch.no_grad():
        arrays["predictions"] = module.model(first_tensors(module, data.without_labels()))["x_cont"][0].numpy()
    return arrays


def vary(module: Any) -> None:
    """Move scales and slopes of activations away from 1, where some mistakes would not show."""
    generator = torch.Generator().manual_seed(5)
    with torch.no_grad():
        for parameter in module.model.parameters():
            if str(parameter.context.scope).endswith(("scale", "act")):
                parameter += 0.3 * torch.rand(parameter.shape, generator=generator) - 0.1


def trainer(module: Any, callbacks: list[Any]) -> Any:
    """Return the trainer as pytabkit sets it up."""
    return lightning.Trainer(
        accelerator="cpu",
        callbacks=callbacks,
        max_epochs=1,
        enable_checkpointing=False,
        enable_progress_bar=False,
        num_sanity_val_steps=0,
        logger=False,
        enable_model_summary=False,
    )


# Initialization from data: for each linear layer the deviation of every unit's weighted sum over the training rows
# (without the bias), and how far the bias lies from minus the sum's mean.


def initialization() -> Arrays:
    data = step_data("classification", np.random.default_rng(2))
    rows = np.arange(BATCH * BATCHES)
    module = module_for(data, rows, SETTINGS["classification"])  # of the full width, 256
    arrays = network_inputs(module, data)
    tensors = first_tensors(module, data)
    with torch.no_grad():
        for layer in module.model.tfms[:-1]:
            tensors = layer.forward_tensors(tensors)
        for number, block in enumerate(module.model.tfms[-1].tfms):
            for layer in block.tfms:
                kind = type(layer).__name__
                if kind == "BiasLayer":
                    sums, bias = tensors["x_cont"][0], layer.bias[0, 0]
                    arrays[f"layer {number} deviations"] = sums.std(dim=0, correction=0).numpy()
                    arrays[f"layer {number} bias from mean"] = (bias + sums.mean(dim=0)).detach().numpy()
                tensors = layer.forward_tensors(tensors)
    return arrays


def main() -> None:
    FOLDER.mkdir(exist_ok=True)
    torch.set_num_threads(1)
    write("preprocessing", preprocessing())
    write("schedules", schedules())
    torch.set_default_dtype(torch.float64)
    torch.Tensor.float = torch.Tensor.double  # label smoothing makes its targets with it
    for task in SETTINGS:
        write(f"steps_{task}", steps(task))
    write("initialization", initialization())


if __name__ == "__main__":
    main()
