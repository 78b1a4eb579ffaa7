"""Predictions of a network: 3 inputs → 6 → BatchNorm → leaky_relu → 5 tanh → LayerNorm → 3
softmax.

The network has 93 parameters (float32). plainnet 0.1.0 wrote this file after training
for 5 epochs. It needs NumPy alone, and predicts what plainnet predicts, to the last bit
where NumPy is the same.

    from exported_script import predict

    predict(X)  # (rows, 3) -> (rows, 3)

As a program, `python exported_script.py`, it compares two predictions with plainnet's.
"""

import numpy as np

ROWS_AT_A_TIME = 8192  # another number may round sums in another order

# fmt: off
hidden_1_weights = np.array([  # (3, 6)
    [-0.5229035,   -0.09663847,  -0.23843081,   0.91217035,  -0.16346063,  -0.29225206],
    [-0.3722812,   -0.3241402,    0.46156526,   0.38954744,   0.6114948,   -0.026710734],
    [ 0.32392943,  -0.91259533,  -0.031296287, -0.15676397,  -0.16009432,  -0.5216594],
], np.float32)
hidden_1_norm_scale = np.array([  # (6,)
    0.9881715, 0.9979222, 1.0011629, 1.0097891, 0.9930831, 1.0015085,
], np.float32)
hidden_1_norm_shift = np.array([  # (6,)
    -0.009840438,    0.00084837305,  0.0008301558,   0.0028288187,  -0.0026732977,   0.0049989573,
], np.float32)
hidden_1_norm_mean = np.array([  # (6,)
     0.11234754, -0.26250738,  0.0226713,  -0.0896907,  -0.0130306,  -0.12956816,
], np.float32)
hidden_1_norm_variance = np.array([  # (6,)
    0.66428864, 0.6655229,  0.19282322, 1.5290382,  0.27591956, 0.36667582,
], np.float32)
hidden_2_weights = np.array([  # (6, 5)
    [ 0.029735614, -0.20933552,  -0.20410965,   0.18282413,  -0.14558561],
    [-0.12780572,   0.10329705,   0.021985646,  0.21306646,  -0.09784389],
    [-0.07985578,   0.013070962,  0.025927361,  0.1798352,    0.12301504],
    [ 0.08522722,  -0.03131275,  -0.15985852,  -0.11304675,   0.14171888],
    [-0.21175759,  -0.011415744, -0.136174,     0.20302314,  -0.10086121],
    [-0.09434526,  -0.04959815,   0.22894816,  -0.19516705,  -0.11102988],
], np.float32)
hidden_2_bias = np.array([  # (5,)
    -0.0048625995,  0.0012886698,  0.007873308,  -0.0015165275, -0.008835981,
], np.float32)
hidden_2_norm_scale = np.array([  # (5,)
    1.0109731, 1.0076466, 1.0112354, 1.0114415, 1.0120771,
], np.float32)
hidden_2_norm_shift = np.array([  # (5,)
    -0.010628485,    0.0061517656,   0.007403397,    0.0064624744,  -0.00082760863,
], np.float32)
output_weights = np.array([  # (5, 3)
    [-0.012443778,    0.011238199,    0.008144303],
    [-0.008364828,   -0.00245908,     0.01223963],
    [ 0.012028936,   -0.00010618529, -0.012499717],
    [ 0.013581941,   -0.008502566,   -0.011421895],
    [-0.013797363,   -0.0058503444,   0.013393047],
], np.float32)
output_bias = np.array([0.011710593, -0.013568837, 0.005105234], np.float32)  # (3,)
# fmt: on


def batch_norm(x, scale, shift, mean, variance):
    """scale · x̂ + shift, where x̂ = (x - mean) / √(variance + 0.0001)."""
    x_hat = (x - mean) * (1 / np.sqrt(variance + 0.0001))
    return scale * x_hat + shift


def leaky_relu(z):
    """z where z > 0, else 0.1 z."""
    return np.where(z > 0, z, 0.1 * z)


def tanh(z):
    """tanh(z)."""
    return np.tanh(z)


def layer_norm(x, scale, shift):
    """scale · x̂ + shift, where x̂ is x with mean 0 and variance 1 in each row."""
    centred = x - x.mean(axis=1, keepdims=True)
    variance = (centred * centred).mean(axis=1, keepdims=True)
    x_hat = centred * (1 / np.sqrt(variance + 1e-06))
    return scale * x_hat + shift


def softmax(z):
    """e^z_i / Σ_j e^z_j in each row; less its maximum, so that nothing overflows."""
    a = np.exp(z - z.max(axis=1, keepdims=True))
    return a / a.sum(axis=1, keepdims=True)


def forward(inputs):
    """The outputs for rows of 3 inputs."""
    hidden_1 = inputs @ hidden_1_weights  # (rows, 6)
    hidden_1_norm = batch_norm(
        hidden_1,
        hidden_1_norm_scale,
        hidden_1_norm_shift,
        hidden_1_norm_mean,
        hidden_1_norm_variance,
    )  # (rows, 6)
    hidden_1_leaky_relu = leaky_relu(hidden_1_norm)  # (rows, 6)
    hidden_2 = tanh(hidden_1_leaky_relu @ hidden_2_weights + hidden_2_bias)  # (rows, 5)
    # (rows, 5)
    hidden_2_norm = layer_norm(hidden_2, hidden_2_norm_scale, hidden_2_norm_shift)
    outputs = softmax(hidden_2_norm @ output_weights + output_bias)  # (rows, 3)
    return outputs


def in_blocks(inputs):
    """`forward` for any number of rows, so many at a time."""
    starts = range(0, len(inputs), ROWS_AT_A_TIME)
    return np.concatenate([forward(inputs[i : i + ROWS_AT_A_TIME]) for i in starts])


def predict(X):
    """The outputs for each row of X, (rows, 3) -> (rows, 3)."""
    return in_blocks(np.asarray(X, np.float32))


# fmt: off
EXPECTED = np.array([  # (2, 3)
    [0.34568995, 0.32053703, 0.33377302],
    [0.33235383, 0.32360312, 0.34404308],
], np.float32)
# fmt: on


def main():
    """Predict two rows and compare with what plainnet predicted for them."""
    X = np.arange(6).reshape(2, 3) / 6
    predictions = predict(X)
    print(predictions)
    difference = np.abs(predictions - EXPECTED).max()
    print(f"The largest difference from plainnet's predictions is {difference:.2g}.")


if __name__ == "__main__":
    main()
