"""Expected logits for packages/mamba/src/fla.test.ts.

Mamba and Mamba-2 as flash-linear-attention computes them (fla/models/mamba*, fla/layers/mamba*, commit bc3b101), written down as
equations, token by token in float64. Weights follow from a formula that the test knows too, so that nothing but logits is stored.

    python tests/python/make_fla_fixtures.py > packages/mamba/fixtures/fla.json
"""
import json
import math

import numpy as np

VOCAB, HIDDEN, STATE, HEAD, CONV = 11, 8, 3, 4, 4
IDS = [3, 7, 1, 10, 5, 5, 2]


def weight(name, *shape):
    """Value i is (cos(1.7 i + c) + sin(0.3 i i + c)) / 2, with c the sum of the name's character codes."""
    i = np.arange(math.prod(shape), dtype=np.float64)
    c = sum(map(ord, name))
    return ((np.cos(1.7 * i + c) + np.sin(0.3 * i * i + c)) / 2).astype(np.float32).astype(np.float64).reshape(shape)


def softplus(x):
    return np.log1p(np.exp(x))


def silu(x):
    return x / (1 + np.exp(-x))


def rms(x, gain, eps, size=None):
    parts = x.reshape(-1, size or x.shape[-1])
    return (parts / np.sqrt((parts**2).mean(-1, keepdims=True) + eps)).reshape(x.shape) * gain


def mamba2(c, prefix):
    expand, groups = c.get("expand", 2), c.get("n_groups", 1)
    inner = expand * HIDDEN
    heads, mixed = inner // HEAD, inner + 2 * groups * STATE
    w = lambda part, *shape: weight(f"{prefix}.{part}", *shape)
    into, out = w("in_proj.weight", inner + mixed + heads, HIDDEN), w("out_proj.weight", HIDDEN, inner)
    kernel, bias = w("conv1d.weight", mixed, 1, CONV)[:, 0], w("conv1d.bias", mixed)
    dt_bias, a, d, gain = w("dt_bias", heads), -np.exp(w("A_log", heads)), w("D", heads), w("norm.weight", inner)
    window, h = np.zeros((mixed, CONV)), np.zeros((heads, HEAD, STATE))
    eps, (low, high) = c.get("norm_eps", 1e-5), c.get("dt_limit", (0, math.inf))

    def step(x):
        nonlocal window, h
        z, u, dt = np.split(into @ x, [inner, inner + mixed])
        window = np.concatenate([window[:, 1:], u[:, None]], 1)
        u, b, cc = np.split(silu((window * kernel).sum(1) + bias), [inner, inner + groups * STATE])
        b, cc = (np.repeat(part.reshape(groups, STATE), heads // groups, 0) for part in (b, cc))
        delta, u = np.clip(softplus(dt + dt_bias), low, high), u.reshape(heads, HEAD)
        h = np.exp(delta * a)[:, None, None] * h + (delta[:, None] * u)[:, :, None] * b[:, None, :]
        y = ((h * cc[:, None, :]).sum(-1) + d[:, None] * u).reshape(inner)
        size = inner // groups
        y = rms(y, gain, eps, size) * silu(z) if c.get("norm_before_gate") else rms(y * silu(z), gain, eps, size)
        return out @ y

    return step


def mamba(c, prefix):
    inner, rank = 2 * HIDDEN, c.get("dt_rank", math.ceil(HIDDEN / 16))
    w = lambda part, *shape: weight(f"{prefix}.{part}", *shape)
    into, out = w("in_proj.weight", 2 * inner, HIDDEN), w("out_proj.weight", HIDDEN, inner)
    kernel, bias = w("conv1d.weight", inner, 1, CONV)[:, 0], w("conv1d.bias", inner)
    x_proj, dt_proj, dt_bias = w("x_proj.weight", rank + 2 * STATE, inner), w("dt_proj.weight", inner, rank), w("dt_proj.bias", inner)
    a, d = -np.exp(w("A_log", inner, STATE)), w("D", inner)
    window, h = np.zeros((inner, CONV)), np.zeros((inner, STATE))

    def step(x):
        nonlocal window, h
        u, z = np.split(into @ x, 2)
        window = np.concatenate([window[:, 1:], u[:, None]], 1)
        u = silu((window * kernel).sum(1) + bias)
        low, b, cc = np.split(x_proj @ u, [rank, rank + STATE])
        delta = softplus(dt_proj @ low + dt_bias)
        h = np.exp(delta[:, None] * a) * h + (delta * u)[:, None] * b
        return out @ ((h @ cc + d * u) * silu(z))

    return step


def logits(config):
    eps = config.get("norm_eps", 1e-5)
    make = mamba2 if config["model_type"] == "mamba2" else mamba
    steps = [make(config, f"backbone.layers.{layer}.mixer") for layer in range(2)]
    table = weight("backbone.embeddings.weight", VOCAB, HIDDEN)
    head = table if config.get("tie_word_embeddings", False) else weight("lm_head.weight", VOCAB, HIDDEN)
    for token in IDS:
        x = table[token]
        for layer, step in enumerate(steps):
            x = x + step(rms(x, weight(f"backbone.layers.{layer}.norm.weight", HIDDEN), eps))
        last = head @ rms(x, weight("backbone.norm_f.weight", HIDDEN), eps)
    return last.tolist()


TWO = {"model_type": "mamba2", "fuse_norm": True, "head_dim": HEAD}
ONE = {"model_type": "mamba", "fuse_norm": True}
CASES = {
    "mamba2": TWO,
    "mamba2, a large norm_eps": {**TWO, "norm_eps": 0.1},
    "mamba2, norm_before_gate": {**TWO, "norm_before_gate": True},
    "mamba2, dt_limit": {**TWO, "dt_limit": [0.4, 0.9]},
    "mamba2, two groups": {**TWO, "n_groups": 2},
    "mamba2, four groups normed before the gate": {**TWO, "n_groups": 4, "norm_before_gate": True, "tie_word_embeddings": True},
    "mamba": {**ONE, "norm_eps": 0.1},
    "mamba, dt_rank": {**ONE, "dt_rank": 3},
}
SIZES = {"vocab_size": VOCAB, "hidden_size": HIDDEN, "num_hidden_layers": 2, "state_size": STATE}
print(json.dumps({"ids": IDS, "cases": {name: {"config": {**SIZES, **c}, "logits": logits(c)} for name, c in CASES.items()}}, indent=1))
