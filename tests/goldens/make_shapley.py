"""Write shapley.json: Shapley values of small networks by the `shap` library, for the tests to hold plainnet against.

To make it again, in an environment with shap (0.51.0), numpy (2.4.6) and scikit-learn (1.9.1):

    python tests/goldens/make_shapley.py

Everything is the same each time. The networks are 6-8-2 and 14-8-1 with tanh in the middle, in float64; the values are
those of shap's exact explainer, which looks at every coalition, against the background rows themselves.
"""

import json
from pathlib import Path
from typing import Any

import numpy as np
import shap  # type: ignore[import-not-found, unused-ignore]

GROUPS = [[0, 3], [1], [2, 4, 5]]


def network(random: np.random.Generator, inputs: int, outputs: int) -> dict[str, Any]:
    weights = [random.normal(size=(inputs, 8)), random.normal(size=8), random.normal(size=(8, outputs))]
    return {
        "hidden_weights": weights[0],
        "hidden_bias": weights[1],
        "output_weights": weights[2],
        "row": random.normal(size=inputs),
        "background": random.normal(size=(9, inputs)),
    }


def predictions(case: dict[str, Any]) -> Any:
    return lambda X: np.tanh(X @ case["hidden_weights"] + case["hidden_bias"]) @ case["output_weights"]


def exact(case: dict[str, Any], groups: list[list[int]]) -> dict[str, Any]:
    """Explain with each group of features as one player; shap's masker then hides whole groups."""
    owner = np.empty(len(case["row"]), int)
    for number, group in enumerate(groups):
        owner[group] = number

    def masker(mask: Any, players: Any) -> Any:
        return (np.where(np.asarray(mask, bool)[owner], case["row"], case["background"]),)

    masker.shape = lambda players: (None, len(groups))  # type: ignore[attr-defined]
    players = np.arange(len(groups), dtype=float)[None]
    explainer = shap.explainers.Exact(predictions(case), masker)
    found = explainer(players, max_evals=2 ** len(groups) + 1)
    return {
        "values": np.asarray(found.values[0]).reshape(len(groups), -1),
        "average": np.asarray(found.base_values[0]).reshape(-1),
    }


def main() -> None:
    random = np.random.default_rng(1)
    few, many = network(random, 6, 2), network(random, 14, 1)
    few |= {"each": exact(few, [[i] for i in range(6)]), "groups": GROUPS, "grouped": exact(few, GROUPS)}
    independent = shap.explainers.Exact(predictions(few), shap.maskers.Independent(few["background"]))
    assert np.allclose(independent(few["row"][None]).values[0], few["each"]["values"], rtol=0, atol=1e-12)
    many |= {"each": exact(many, [[i] for i in range(14)])}
    made = {"shap": shap.__version__, "numpy": np.__version__, "few": few, "many": many}
    path = Path(__file__).with_name("shapley.json")
    path.write_text(json.dumps(made, default=lambda array: array.tolist(), indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
