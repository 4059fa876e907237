"""Checks that models which loadPretrained reads and savePretrained writes are the same in Python.

Needs Python >= 3.10 with torch, numpy, safetensors and transformers 5, Node, and this repository after `npm run setup`. Run it from anywhere:
    python tests/python/check_pretrained.py
It is not part of `npm test`, which must not need Python. Exits non-zero where the two disagree:
  - each of fixtures/ is loaded, and saved as F32, F16, BF16 and in shards: names, shapes and values are those of the reference's own
    state dict (transformers, state-spaces/mamba, torchscale, DenseSSM), rounded as PyTorch rounds;
  - transformers opens what was saved of its own models with no weight missing or left over, and gives the logits of the original;
  - what torch.save writes (one file, shards, every float32 that rounds in a difficult way) is loaded to the same values.
"""
import json
import shutil
import subprocess
import sys
import tempfile
import warnings
from pathlib import Path

import torch
from safetensors.torch import load_file
from transformers import AutoModelForCausalLM, logging

ROOT = Path(__file__).resolve().parents[2]
FIXTURES = ROOT / "fixtures"
DTYPES = {"F32": torch.float32, "F16": torch.float16, "BF16": torch.bfloat16}

# For each [source, target, options]: loads the folder and saves it.
PROGRAM = """
import { denseMamba, denseMamba2, mamba, mamba2 } from '@densessm/mamba';
import { denseRetNet, retnet } from '@densessm/retnet';
import { loadPretrained, savePretrained, startBackend } from '@densessm/runtime-node';
import { disposeTree, weight } from '@densessm/ssm-core';
await startBackend({ device: 'cpu' });
const bits = {
  modelType: 'bits', recognizes: () => false, parseConfig: (json) => json, configToJson: (config) => config,
  spec: ({ size }) => ({ values: weight('values', [size, 1]) }),
};
const models = [mamba, mamba2, denseMamba, denseMamba2, retnet, denseRetNet, bits];
for (const [source, target, options] of JSON.parse(process.argv[1])) {
  const loaded = await loadPretrained(source, { models });
  await savePretrained(target, loaded, options);
  disposeTree(loaded.params);
}
"""


def run_ours(jobs: list[tuple[Path, Path, dict]]) -> None:
    command = ["node", "--import", "tsx", "--conditions=@densessm/source", "--input-type=module", "-e", PROGRAM]
    argument = json.dumps([[str(source), str(target), options] for source, target, options in jobs])
    subprocess.run([*command, argument], cwd=ROOT, check=True)


def originals(folder: Path) -> dict[str, Path]:
    """Every fixture that holds a model, those in the original's layout as folders of their own."""
    found = {}
    for place in sorted(FIXTURES.iterdir()):
        for suffix in ("", ".original"):
            config, weights = place / f"config{suffix}.json", place / f"model{suffix}.safetensors"
            if config.exists() and weights.exists():
                found[place.name + suffix] = folder / "originals" / (place.name + suffix)
                found[place.name + suffix].mkdir(parents=True)
                shutil.copy(config, found[place.name + suffix] / "config.json")
                shutil.copy(weights, found[place.name + suffix] / "model.safetensors")
    return found


def stored(folder: Path) -> dict[str, torch.Tensor]:
    return {name: tensor for path in sorted(folder.glob("*.safetensors")) for name, tensor in load_file(path).items()}


def disagreements_on_tensors(name: str, want: dict[str, torch.Tensor], got: dict[str, torch.Tensor], dtype: torch.dtype) -> list[str]:
    # a tied head that the original stores twice is stored once, as transformers does
    tied = {"lm_head.weight"} if "lm_head.weight" not in got and any(key.endswith("embedding.weight") for key in got) else set()
    wrong = [f"{name}: other names: {sorted((want.keys() - tied) ^ got.keys())[:5]}"] if want.keys() - tied != got.keys() else []
    for key in want.keys() & got.keys():
        expected = want[key] if got[key].dtype == torch.float32 else want[key].float().to(dtype)
        close = torch.allclose(got[key].double(), expected.double(), rtol=1e-6, atol=0)  # constants are ours, computed in float64
        if got[key].shape != want[key].shape or not (close if got[key].dtype == torch.float32 else torch.equal(got[key], expected)):
            wrong.append(f"{name}: {key} differs")
    return wrong


def disagreements_in_transformers(name: str, original: Path, saved: Path) -> list[str]:
    tokens = torch.tensor([[3, 1, 4, 1, 5, 9, 2, 6]])
    reference = AutoModelForCausalLM.from_pretrained(original, dtype=torch.float32)
    model, report = AutoModelForCausalLM.from_pretrained(saved, dtype=torch.float32, output_loading_info=True)
    wrong = [f"{name}: {kind} {list(report[kind])[:5]}" for kind in ("missing_keys", "unexpected_keys", "mismatched_keys") if report[kind]]
    with torch.no_grad():
        if not torch.equal(reference(tokens).logits, model(tokens).logits):
            wrong.append(f"{name}: other logits in transformers")
    return wrong


def difficult_floats() -> torch.Tensor:
    """Halfway cases, subnormals and random bits, all within F16."""
    generator = torch.Generator().manual_seed(1)
    random = torch.randint(-(2**31), 2**31, (200_000,), generator=generator).to(torch.int32).view(torch.float32)
    halves = torch.arange(0, 0x7BFF, dtype=torch.int32).to(torch.int16).view(torch.float16).float()
    between = (halves[:-1] + halves[1:]) / 2
    scaled = torch.randn(200_000, generator=generator) * 2.0 ** torch.randint(-30, 14, (200_000,), generator=generator)
    values = torch.cat([random, between, -between, scaled])
    return values[values.isfinite() & (values.abs() < 65504)].reshape(-1, 1)


def torch_folders(folder: Path) -> dict[str, dict[str, torch.Tensor]]:
    """What torch.save writes, in one file and in shards, with what it holds."""
    values = difficult_floats()
    one, shards = folder / "torch-one", folder / "torch-shards"
    mamba = load_file(FIXTURES / "mamba_tied" / "model.safetensors")
    for place in (one, shards):
        place.mkdir()
    (one / "config.json").write_text(json.dumps({"model_type": "bits", "size": len(values)}))
    torch.save({"values": values}, one / "pytorch_model.bin")
    shutil.copy(FIXTURES / "mamba_tied" / "config.json", shards / "config.json")
    files = {name: f"pytorch_model-0000{1 + i % 2}-of-00002.bin" for i, name in enumerate(mamba)}
    for file in set(files.values()):
        torch.save({name: tensor for name, tensor in mamba.items() if files[name] == file}, shards / file)
    (shards / "pytorch_model.bin.index.json").write_text(json.dumps({"metadata": {}, "weight_map": files}))
    return {"torch-one": {"values": values}, "torch-shards": mamba}


def main() -> None:
    warnings.filterwarnings("ignore")
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        sources = originals(folder)
        contents = {name: stored(place) for name, place in sources.items()} | torch_folders(folder)
        sources |= {name: folder / name for name in contents if name not in sources}
        variants = {dtype: {"dtype": dtype} for dtype in DTYPES} | {"shards": {"maxShardBytes": 20_000}}
        jobs = [(place, folder / kind / name, options) for name, place in sources.items() for kind, options in variants.items()]
        run_ours(jobs)
        wrong = []
        for name, want in contents.items():
            for kind in variants:
                wrong += disagreements_on_tensors(f"{kind}/{name}", want, stored(folder / kind / name), DTYPES.get(kind, torch.float32))
        opened = 0
        for name, place in sources.items():
            if json.loads((place / "config.json").read_text()).get("model_type") in ("mamba", "mamba2") and not name.startswith("torch"):
                for kind in ("F32", "shards"):
                    wrong += disagreements_in_transformers(f"{kind}/{name}", place, folder / kind / name)
                    opened += 1
        print(f"{len(contents)} models saved in {len(variants)} ways, {opened} folders opened by transformers")
    print("\n".join(wrong) if wrong else "no disagreement")
    sys.exit(1 if wrong else 0)


if __name__ == "__main__":
    main()
