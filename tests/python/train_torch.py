"""Trains a checkpoint of this project in PyTorch, on one process or, under torchrun, on many; docs/distributed.md tells when that pays.

    torchrun --nproc-per-node 8 tests/python/train_torch.py out/book-mamba/checkpoint text.txt trained --steps 1000

Needs torch and transformers; `folder` is a Mamba or Mamba-2 (which transformers has) with its tokenizer.json. What it saves opens with densessm.
"""
import argparse
import os
import shutil
from pathlib import Path

import torch
import torch.distributed as dist
from tokenizers import Tokenizer
from transformers import AutoModelForCausalLM


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", type=Path)
    parser.add_argument("text", type=Path)
    parser.add_argument("target", type=Path)
    for name, default in (("steps", 100), ("batch", 8), ("block", 128), ("rate", 3e-4)):
        parser.add_argument(f"--{name}", type=type(default), default=default)
    return parser.parse_args()


def main() -> None:
    options = arguments()
    ranks, rank, local = (int(os.environ.get(name, fallback)) for name, fallback in (("WORLD_SIZE", 1), ("RANK", 0), ("LOCAL_RANK", 0)))
    device = torch.device("cuda", local) if torch.cuda.is_available() else torch.device("cpu")
    if ranks > 1:
        dist.init_process_group("nccl" if device.type == "cuda" else "gloo")
    model = AutoModelForCausalLM.from_pretrained(options.folder, dtype=torch.float32).to(device)
    trained = torch.nn.parallel.DistributedDataParallel(model) if ranks > 1 else model
    optimizer = torch.optim.AdamW(trained.parameters(), lr=options.rate, betas=(0.9, 0.99), weight_decay=0.1)
    ids = torch.tensor(Tokenizer.from_file(str(options.folder / "tokenizer.json")).encode(options.text.read_text()).ids)
    places = torch.Generator().manual_seed(1337)
    for step in range(options.steps):
        starts = torch.randint(len(ids) - options.block, (ranks * options.batch,), generator=places)[rank :: ranks]
        tokens = torch.stack([ids[start : start + options.block] for start in starts.tolist()]).to(device)
        loss = trained(input_ids=tokens, labels=tokens, use_cache=False).loss
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(trained.parameters(), 1.0)
        optimizer.step()
        if rank == 0 and (step + 1) % 10 == 0:
            print(f"step {step + 1}  loss {loss.item():.4f}", flush=True)
    if rank == 0:
        model.save_pretrained(options.target)
        shutil.copy(options.folder / "tokenizer.json", options.target / "tokenizer.json")
    if ranks > 1:
        dist.destroy_process_group()


main()
