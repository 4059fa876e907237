"""Writes fixtures/optimizers.json: learning rates of transformers' get_scheduler, and steps of torch's SGD and Muon.

    python tests/python/make_optimizer_fixtures.py && npm run format

Needs torch >= 2.9 (Muon), transformers and numpy. Everything is computed in float64; Muon's own cast to bfloat16 is left out, as our matrices
are float32. Weights and gradients lie on a grid of 2^-10, so that float32 holds them exactly.
"""
import json
from pathlib import Path

import numpy as np
import torch
import transformers
from transformers.optimization import get_scheduler

torch.set_default_dtype(torch.float64)
TARGET = Path(__file__).resolve().parents[2] / "packages" / "train" / "fixtures" / "optimizers.json"

SCHEDULES = [
    ("constant", 1e-3, 0, 30, {}),
    ("constant_with_warmup", 1e-3, 4, 30, {}),
    ("linear", 6e-4, 5, 30, {}),
    ("cosine", 6e-4, 5, 30, {}),
    ("cosine_with_min_lr", 1e-3, 4, 30, {"min_lr": 1e-4}),
    ("polynomial", 6e-4, 3, 30, {}),
    ("polynomial", 6e-4, 3, 30, {"power": 2.0, "lr_end": 1e-5}),
    ("warmup_stable_decay", 1e-3, 4, 30, {"num_decay_steps": 8}),
    ("warmup_stable_decay", 1e-3, 4, 30, {"num_decay_steps": 8, "min_lr_ratio": 0.1, "decay_type": "1-sqrt", "warmup_type": "cosine"}),
    ("warmup_stable_decay", 1e-3, 4, 30, {"num_decay_steps": 8, "min_lr_ratio": 0.1, "decay_type": "linear", "warmup_type": "1-sqrt"}),
]
OPTIMIZERS = [
    ("sgd", {"lr": 0.1}),
    ("sgd", {"lr": 0.1, "momentum": 0.9, "weight_decay": 0.01}),
    ("sgd", {"lr": 0.1, "momentum": 0.9, "nesterov": True, "weight_decay": 0.01}),
    ("muon", {"lr": 0.02, "weight_decay": 0.1}),
    ("muon", {"lr": 0.02, "weight_decay": 0.0, "nesterov": False, "momentum": 0.9}),
    ("muon", {"lr": 0.002, "weight_decay": 0.1, "adjust_lr_fn": "match_rms_adamw"}),
]
SHAPES = {"tall": (7, 4), "wide": (3, 8)}
STEPS = 4


def rates(name, lr, warmup, steps, extra):
    optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=lr)
    scheduler = get_scheduler(name, optimizer, num_warmup_steps=warmup, num_training_steps=steps, scheduler_specific_kwargs=dict(extra))
    used = []
    for _ in range(steps + 5):
        used.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        scheduler.step()
    return {"name": name, "lr": lr, "warmup": warmup, "steps": steps, "extra": extra, "rates": used}


def run(kind, options, random):
    draw = lambda shape: np.round(random.standard_normal(shape) * 1024) / 1024
    start = {name: draw(shape) for name, shape in SHAPES.items()}
    params = {name: torch.tensor(value, requires_grad=True) for name, value in start.items()}
    make = torch.optim.Muon if kind == "muon" else torch.optim.SGD
    optimizer = make(list(params.values()), **options)
    grads, after = [], []
    for _ in range(STEPS):
        gradient = {name: draw(shape) for name, shape in SHAPES.items()}
        for name, param in params.items():
            param.grad = torch.tensor(gradient[name])
        optimizer.step()
        grads.append({name: value.ravel().tolist() for name, value in gradient.items()})
        after.append({name: param.detach().numpy().ravel().tolist() for name, param in params.items()})
    return {"kind": kind, "options": options, "start": {k: v.ravel().tolist() for k, v in start.items()}, "grads": grads, "after": after}


def main():
    torch.Tensor.bfloat16 = lambda tensor: tensor.clone()
    random = np.random.Generator(np.random.PCG64(20240301))
    record = {
        "made_by": "tests/python/make_optimizer_fixtures.py",
        "versions": {"torch": torch.__version__, "transformers": transformers.__version__, "numpy": np.__version__},
        "shapes": SHAPES,
        "schedules": [rates(*case) for case in SCHEDULES],
        "optimizers": [run(kind, options, random) for kind, options in OPTIMIZERS],
    }
    TARGET.parent.mkdir(exist_ok=True)
    TARGET.write_text(json.dumps(record) + "\n")


if __name__ == "__main__":
    main()
