"""Checks the road to PyTorch and back: `densessm train` makes a checkpoint, train_torch.py trains it on in two processes, densessm goes on.

Needs Python >= 3.10 with torch, tokenizers, safetensors and transformers 5, Node, and this repository after `npm run setup`:
    python tests/python/check_torch_training.py
It is not part of `npm test`, which must not need Python. Exits non-zero where names or shapes change on the way, where PyTorch did not learn,
or where densessm does not give the logits of PyTorch on what PyTorch saved.
"""
import json
import subprocess
import sys
import tempfile
from pathlib import Path

import torch
from safetensors.torch import load_file
from transformers import AutoModelForCausalLM

ROOT = Path(__file__).resolve().parents[2]
NODE = ["node", "--import", str(ROOT / "node_modules/tsx/dist/loader.mjs"), "--conditions=@densessm/source"]
TOKENS = [[1, 5, 2, 7, 3, 3, 8, 4]]
LOGITS = """
import { mamba, mamba2 } from '@densessm/mamba';
import { loadPretrained, startBackend } from '@densessm/runtime-node';
await startBackend({ device: 'cpu' });
const { model, config, params } = await loadPretrained(process.argv[1], { models: [mamba, mamba2] });
console.log(JSON.stringify([...(await model.forward(params, config, JSON.parse(process.argv[2])).data())]));
"""


def densessm(folder: Path, *words: str) -> str:
    return subprocess.run([*NODE, str(ROOT / "apps/trainer/src/cli.ts"), *words], cwd=folder, check=True, capture_output=True, text=True).stderr


def check(model: str, folder: Path) -> None:
    (folder / "text.txt").write_text("".join("the cat sat on a mat\n"[(i * 7 + i // 21) % 21] if i % 13 == 0 else "the cat sat on a mat\n"[i % 21] for i in range(9000)))
    sizes = f"--model {model} --hidden-size 32 --num-hidden-layers 2 --state-size 8 --block-size 32 --batch-size 4 --device cpu".split()
    if model == "mamba2":
        sizes += ["--num-attention-heads", "4"]
    common = ["--data", "text.txt", "--cache-dir", "cache", "--eval-iters", "2", "--sample-interval", "0"]
    densessm(folder, "train", *common, *sizes, "--max-steps", "5", "--name", "ours")
    ours, theirs = folder / "out/ours/checkpoint", folder / "theirs"
    script = [str(ROOT / "tests/python/train_torch.py"), str(ours), "text.txt", str(theirs), "--steps", "40", "--block", "32", "--rate", "3e-3"]
    launched = [sys.executable, "-m", "torch.distributed.run", "--nproc-per-node", "2", *script]
    text = subprocess.run(launched, cwd=folder, check=True, capture_output=True, text=True).stdout
    losses = [float(line.split()[-1]) for line in text.splitlines() if line.startswith("step")]
    assert losses[-1] < losses[0], losses
    before, after = load_file(ours / "model.safetensors"), load_file(theirs / "model.safetensors")
    assert {name: one.shape for name, one in before.items()} == {name: one.shape for name, one in after.items()}
    assert any(not torch.equal(before[name], after[name]) for name in before)
    with torch.no_grad():
        wanted = AutoModelForCausalLM.from_pretrained(theirs, dtype=torch.float32)(torch.tensor(TOKENS)).logits.flatten()
    program = [*NODE, "--input-type=module", "-e", LOGITS, str(theirs), json.dumps(TOKENS)]
    got = torch.tensor(json.loads(subprocess.run(program, cwd=ROOT, check=True, capture_output=True, text=True).stdout.splitlines()[-1]))
    error = ((got - wanted).abs().max() / wanted.square().mean().sqrt()).item()
    assert error < 1e-4, error
    densessm(folder, "train", *common, "--init-from", str(theirs), "--block-size", "32", "--batch-size", "4", "--device", "cpu", "--max-steps", "2", "--name", "again")
    print(f"{model}: {len(before)} tensors there and back, PyTorch's loss from {losses[0]} to {losses[-1]}, logits within {error:.1e} of the RMS")


for model in ("mamba", "mamba2"):
    with tempfile.TemporaryDirectory() as folder:
        check(model, Path(folder))
