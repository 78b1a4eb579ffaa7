"""Trains a network: 3 inputs → 6 → BatchNorm → leaky_relu → Dropout → 5 tanh → LayerNorm →
3 softmax.

93 parameters (float32) learn by adam to make the loss cross_entropy small. plainnet
0.1.0 wrote this file and trained the network with the same arithmetic; the weights at
the start and the order of the rows and the dropout masks come from the same random
streams. Given the same data, the losses are those of the network's first run.

    from exported_trainer import initial_parameters, predict, train

    p = initial_parameters()
    for epoch, loss in enumerate(train(X, y, p=p), start=1):
        print(epoch, loss)
    predict(p, X)

where X has shape (rows, 3) and y the class of each row, 0 to 2, or a row of
probabilities. Every row counts the same, and all epochs run: sample weights, class
weights, validation and early stopping are left out.

In the code d_x is ∂loss/∂x: how the loss changes with x. It has the shape of x. @ is
the matrix product and * multiplies element by element; `rows` is the number of
examples, a row each.

As a program, `python exported_trainer.py`, it checks the derivatives against difference
quotients.
"""

import math
from types import SimpleNamespace

import numpy as np

SEED = 2
EPOCHS = 5
BATCH_SIZE = 8
LEARNING_RATE = 0.001
BETA1 = 0.9
BETA2 = 0.999
EPSILON = 1e-08


def batch_norm_training(x, scale, shift, running_mean, running_variance):
    """Batch normalization by this batch's own mean and variance; also x̂ and 1/√(...).

    The running statistics, which predictions use, take a step towards the batch's.
    """
    rows, mean, variance = len(x), x.mean(axis=0), x.var(axis=0)
    running_mean += 0.2 * (mean - running_mean)
    unbiased = variance * (rows / max(rows - 1, 1))
    running_variance += 0.2 * (unbiased - running_variance)
    inverse = 1 / np.sqrt(variance + 0.0001)
    x_hat = (x - mean) * inverse
    return scale * x_hat + shift, x_hat, inverse


def batch_norm_backward(d_out, x_hat, inverse, scale):
    """∂loss/∂x, ∂loss/∂scale and ∂loss/∂shift from ∂loss/∂out, out = scale · x̂ + shift.

    Every row acts on the mean and the variance of its feature, and so on all of x̂:
    ∂loss/∂x = scale/√(...) (d_out - mean(d_out) - x̂ mean(d_out x̂)), means over rows.
    """
    product = d_out * x_hat
    d_x = d_out - d_out.mean(axis=0) - x_hat * product.mean(axis=0)
    return d_x * (scale * inverse), product.sum(axis=0), d_out.sum(axis=0)


def leaky_relu(z):
    """z where z > 0, else 0.1 z."""
    return np.where(z > 0, z, 0.1 * z)


def dropout_mask(x, rate, random):
    """0 with probability `rate`, else 1 / (1 - rate), so that the mean stays."""
    kept = random.random(x.shape, np.float32) >= rate
    return kept.astype(x.dtype) / (1 - rate)


def tanh(z):
    """tanh(z)."""
    return np.tanh(z)


def layer_norm_training(x, scale, shift):
    """Layer normalization as in a prediction; also x̂ and 1/√(variance + 1e-06)."""
    centred = x - x.mean(axis=1, keepdims=True)
    variance = (centred * centred).mean(axis=1, keepdims=True)
    inverse = 1 / np.sqrt(variance + 1e-06)
    x_hat = centred * inverse
    return scale * x_hat + shift, x_hat, inverse


def layer_norm_backward(d_out, x_hat, inverse, scale):
    """∂loss/∂x, ∂loss/∂scale and ∂loss/∂shift from ∂loss/∂out, out = scale · x̂ + shift.

    Every feature acts on the mean and the variance of its row, and so on all of x̂:
    ∂loss/∂x = (d - mean(d) - x̂ mean(d x̂)) / √(...), d = scale · d_out, means over features.
    """
    d = d_out * scale
    d_x = d - d.mean(axis=1, keepdims=True)
    d_x = d_x - x_hat * (d * x_hat).mean(axis=1, keepdims=True)
    return d_x * inverse, (d_out * x_hat).sum(axis=0), d_out.sum(axis=0)


def softmax(z):
    """e^z_i / Σ_j e^z_j in each row; less its maximum, so that nothing overflows."""
    a = np.exp(z - z.max(axis=1, keepdims=True))
    return a / a.sum(axis=1, keepdims=True)


def tanh_slope(a):
    """tanh'(z) = 1 - a², where a = tanh(z)."""
    return 1 - a * a


def leaky_relu_slope(z):
    """1 where z > 0, else 0.1."""
    return np.where(z > 0, np.ones_like(z), 0.1)


def batch_norm(x, scale, shift, mean, variance):
    """scale · x̂ + shift, where x̂ = (x - mean) / √(variance + 0.0001)."""
    x_hat = (x - mean) * (1 / np.sqrt(variance + 0.0001))
    return scale * x_hat + shift


def layer_norm(x, scale, shift):
    """scale · x̂ + shift, where x̂ is x with mean 0 and variance 1 in each row."""
    centred = x - x.mean(axis=1, keepdims=True)
    variance = (centred * centred).mean(axis=1, keepdims=True)
    x_hat = centred * (1 / np.sqrt(variance + 1e-06))
    return scale * x_hat + shift


def normal(inputs, units, random):
    """Normal with mean 0 and standard deviation 0.5."""
    return 0.5 * random.standard_normal((inputs, units))


def uniform(inputs, units, random):
    """Uniform from -0.25 to 0.25."""
    return random.uniform(-0.25, 0.25, (inputs, units))


def zeros(inputs, units, random):
    """All zero."""
    return np.zeros((inputs, units))


def random_streams():
    """Random numbers for the weights, the order of the rows and the dropout masks."""
    seeds = np.random.SeedSequence(SEED).spawn(3)
    return [np.random.default_rng(seed) for seed in seeds]


def initial_parameters():
    """The parameters before training, by name."""
    random = random_streams()[0]
    p = SimpleNamespace()
    p.hidden_1_weights = normal(3, 6, random).astype(np.float32)  # (3, 6)
    p.hidden_1_norm_scale = np.ones(6, np.float32)
    p.hidden_1_norm_shift = np.zeros(6, np.float32)
    p.hidden_1_norm_mean = np.zeros(6, np.float32)
    p.hidden_1_norm_variance = np.ones(6, np.float32)
    p.hidden_2_weights = uniform(6, 5, random).astype(np.float32)  # (6, 5)
    p.hidden_2_bias = np.zeros(5, np.float32)
    p.hidden_2_norm_scale = np.ones(5, np.float32)
    p.hidden_2_norm_shift = np.zeros(5, np.float32)
    p.output_weights = zeros(5, 3, random).astype(np.float32)  # (5, 3)
    p.output_bias = np.zeros(3, np.float32)
    return p


def loss_and_gradients(p, inputs, targets, random):
    """The loss of some rows, and its slope for each parameter.

    By the chain rule, a = f(z) gives d_z = d_a * f'(z), and z = x @ W + b gives

        d_W = xᵀ @ d_z  each weight acts on z by its input, in every row
        d_b = Σ d_z     the bias acts on z by 1, in every row
        d_x = d_z @ Wᵀ  each input acts on z by its weights
    """
    # Forward, from the inputs to the loss.
    hidden_1 = inputs @ p.hidden_1_weights  # (rows, 6)
    hidden_1_norm, hidden_1_norm_hat, hidden_1_norm_inverse = batch_norm_training(
        hidden_1,
        p.hidden_1_norm_scale,
        p.hidden_1_norm_shift,
        p.hidden_1_norm_mean,
        p.hidden_1_norm_variance,
    )  # (rows, 6)
    hidden_1_leaky_relu = leaky_relu(hidden_1_norm)  # (rows, 6)
    hidden_1_kept_mask = dropout_mask(hidden_1_leaky_relu, 0.25, random)
    hidden_1_kept = hidden_1_leaky_relu * hidden_1_kept_mask  # (rows, 6)
    hidden_2 = tanh(hidden_1_kept @ p.hidden_2_weights + p.hidden_2_bias)  # (rows, 5)
    hidden_2_norm, hidden_2_norm_hat, hidden_2_norm_inverse = layer_norm_training(
        hidden_2, p.hidden_2_norm_scale, p.hidden_2_norm_shift
    )  # (rows, 5)
    output_sums = hidden_2_norm @ p.output_weights + p.output_bias  # (rows, 3)
    outputs = softmax(output_sums)  # (rows, 3)
    # a shift leaves softmax as it is, and e^z cannot overflow
    shifted = output_sums - output_sums.max(axis=1, keepdims=True)
    logarithms = shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True))  # ln ŷ
    loss = float(-(targets * logarithms).sum(axis=1).mean())  # mean of -Σ y ln ŷ
    loss += 0.001 * float(np.abs(p.hidden_1_weights).sum())  # l1 Σ|w|
    # l2/2 Σw²
    loss += 0.01 / 2 * float((p.hidden_1_weights * p.hidden_1_weights).sum())

    # Backward, from the loss to every parameter.
    # -Σ_k y_k ((k = j) - ŷ_j) = ŷ_j - y_j, as ∂ln ŷ_k/∂z_j = (k = j) - ŷ_j and Σ y = 1
    d_output_sums = (outputs - targets) / len(targets)
    d_output_weights = hidden_2_norm.T @ d_output_sums  # (5, rows) @ (rows, 3)
    d_output_bias = d_output_sums.sum(axis=0)  # (3,)
    d_hidden_2_norm = d_output_sums @ p.output_weights.T  # (rows, 3) @ (3, 5)

    d_hidden_2, d_hidden_2_norm_scale, d_hidden_2_norm_shift = layer_norm_backward(
        d_hidden_2_norm, hidden_2_norm_hat, hidden_2_norm_inverse, p.hidden_2_norm_scale
    )
    d_hidden_2_sums = d_hidden_2 * tanh_slope(hidden_2)  # (rows, 5)
    d_hidden_2_weights = hidden_1_kept.T @ d_hidden_2_sums  # (6, rows) @ (rows, 5)
    d_hidden_2_bias = d_hidden_2_sums.sum(axis=0)  # (5,)
    d_hidden_1_kept = d_hidden_2_sums @ p.hidden_2_weights.T  # (rows, 5) @ (5, 6)

    d_hidden_1_leaky_relu = d_hidden_1_kept * hidden_1_kept_mask  # (rows, 6)
    # (rows, 6)
    d_hidden_1_norm = d_hidden_1_leaky_relu * leaky_relu_slope(hidden_1_norm)
    d_hidden_1, d_hidden_1_norm_scale, d_hidden_1_norm_shift = batch_norm_backward(
        d_hidden_1_norm, hidden_1_norm_hat, hidden_1_norm_inverse, p.hidden_1_norm_scale
    )
    d_hidden_1_weights = inputs.T @ d_hidden_1  # (3, rows) @ (rows, 6)
    d_hidden_1_weights += 0.001 * np.sign(p.hidden_1_weights)  # of l1 Σ|w|
    d_hidden_1_weights += 0.01 * p.hidden_1_weights  # of l2/2 Σw²

    gradients = {
        "hidden_1_weights": d_hidden_1_weights,
        "hidden_1_norm_scale": d_hidden_1_norm_scale,
        "hidden_1_norm_shift": d_hidden_1_norm_shift,
        "hidden_2_weights": d_hidden_2_weights,
        "hidden_2_bias": d_hidden_2_bias,
        "hidden_2_norm_scale": d_hidden_2_norm_scale,
        "hidden_2_norm_shift": d_hidden_2_norm_shift,
        "output_weights": d_output_weights,
        "output_bias": d_output_bias,
    }
    return loss, gradients


def update(p, gradients, mean, square, learning_rate, t):
    """Adam, with m̂ = m / (1 - β1^t) and v̂ = v / (1 - β2^t).

    m ← β1 m + (1 - β1) g,  v ← β2 v + (1 - β2) g²,  θ ← θ - η m̂ / (√v̂ + ε)
    """
    parameters = vars(p)  # by name
    for name, g in gradients.items():
        m = mean[name] = BETA1 * mean[name] + (1 - BETA1) * g
        v = square[name] = BETA2 * square[name] + (1 - BETA2) * (g * g)
        root = np.sqrt(v) / math.sqrt(1 - BETA2**t) + EPSILON
        parameters[name] -= learning_rate / (1 - BETA1**t) * (m / root)


def as_targets(y):
    """Classes as rows of 0 and a 1; rows of probabilities as they are."""
    y = np.asarray(y)
    return y.astype(np.float32) if y.ndim == 2 else np.eye(3, dtype=np.float32)[y]


def train(X, y, epochs=EPOCHS, p=None):
    """Train the parameters p, in place, and yield the loss of each epoch.

    An epoch's loss is the mean over its steps, each taken before its update. Without p
    the initial parameters are trained.
    """
    X, y = np.asarray(X, np.float32), as_targets(y)
    p = initial_parameters() if p is None else p
    _, shuffling, dropout = random_streams()
    mean = {name: np.zeros_like(value) for name, value in vars(p).items()}
    square = {name: np.zeros_like(value) for name, value in vars(p).items()}
    steps = math.ceil(len(X) / BATCH_SIZE)  # the last batch may be smaller
    t = 0
    for _ in range(epochs):
        order = shuffling.permutation(len(X))
        total = 0.0
        for step in range(steps):
            batch = order[step * BATCH_SIZE : step * BATCH_SIZE + BATCH_SIZE]
            inputs, targets = X[batch], y[batch]
            loss, gradients = loss_and_gradients(p, inputs, targets, dropout)
            t += 1
            update(p, gradients, mean, square, LEARNING_RATE, t)
            total += len(inputs) * loss
        yield total / len(X)


def predict(p, inputs):
    """The outputs for rows of 3 inputs."""
    hidden_1 = inputs @ p.hidden_1_weights  # (rows, 6)
    hidden_1_norm = batch_norm(
        hidden_1,
        p.hidden_1_norm_scale,
        p.hidden_1_norm_shift,
        p.hidden_1_norm_mean,
        p.hidden_1_norm_variance,
    )  # (rows, 6)
    hidden_1_leaky_relu = leaky_relu(hidden_1_norm)  # (rows, 6)
    # (rows, 5)
    hidden_2 = tanh(hidden_1_leaky_relu @ p.hidden_2_weights + p.hidden_2_bias)
    # (rows, 5)
    hidden_2_norm = layer_norm(hidden_2, p.hidden_2_norm_scale, p.hidden_2_norm_shift)
    outputs = softmax(hidden_2_norm @ p.output_weights + p.output_bias)  # (rows, 3)
    return outputs


def check_gradients():
    """Hold slopes against rise over run, at up to 20 places of each parameter."""
    random = np.random.default_rng(0)
    X = random.normal(size=(5, 3))
    y = as_targets(random.integers(0, 3, 5))
    p = initial_parameters()
    for name, parameter in vars(p).items():
        setattr(p, name, parameter.astype(np.float64))
    _, gradients = loss_and_gradients(p, X, y, np.random.default_rng(1))
    for name, gradient in gradients.items():
        parameter, largest, h = vars(p)[name], 0.0, 1e-5
        for i in random.permutation(parameter.size)[:20]:
            kept = parameter.flat[i]
            parameter.flat[i] = kept + h
            above, _ = loss_and_gradients(p, X, y, np.random.default_rng(1))
            parameter.flat[i] = kept - h
            below, _ = loss_and_gradients(p, X, y, np.random.default_rng(1))
            parameter.flat[i] = kept
            difference = (above - below) / (2 * h) - gradient.flat[i]
            largest = max(largest, abs(difference))
        print(f"{name:19}  slopes agree to {largest:.0e}")


if __name__ == "__main__":
    check_gradients()
