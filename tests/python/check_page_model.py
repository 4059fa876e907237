"""Checks that a model which was trained in a browser tab gives the same logits in Python.

Needs Python >= 3.10 with torch, safetensors and transformers 5, Node, Chromium, this repository after `npm run setup`, and the built demo (`npm run demo`
builds it, `npx vite build` in apps/demo too). Run it from anywhere:
    python tests/python/check_page_model.py
It is not part of `npm test`, which must not need Python. The demo trains a plain Mamba for some steps in a tab; what its button Download gives is opened
here with transformers. Exits non-zero where a weight is missing or left over, or a log-probability of any token differs by more than 1e-4 nats from ours
on wasm: both compute in float32, in another order.
"""
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import torch
from transformers import AutoModelForCausalLM, logging

ROOT = Path(__file__).resolve().parents[2]
BOUND = 1e-4


def main() -> None:
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary) / "model"
        check = ["node", "scripts/run.mjs", "apps/demo/test/check.mjs", "download"]
        subprocess.run(check, cwd=ROOT, env=os.environ | {"FOLDER": str(folder)}, check=True)
        ours = json.loads((folder / "logprobs.json").read_text())
        model, report = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32, output_loading_info=True)
    wrong = [f"{kind}: {list(names)[:5]}" for kind, names in report.items() if names and kind != "error_msgs"]
    with torch.no_grad():
        theirs = model(torch.tensor([ours["tokens"]])).logits[0].log_softmax(-1)
    worst = (theirs - torch.tensor(ours["logprobs"])).abs().max().item()
    if worst > BOUND:
        wrong.append(f"log-probabilities differ by up to {worst:.1e} nats")
    if wrong:
        sys.exit("\n".join(wrong))
    print(f"{sum(p.numel() for p in model.parameters())} values, {theirs.numel()} log-probabilities, worst difference {worst:.1e} nats")


if __name__ == "__main__":
    main()
