"""Tokens per second of a training step in PyTorch, beside which `node scripts/run.mjs bench/trainer.ts` is read.

    python bench/peers/train_torch.py [--model mamba|gpt2|all] [--steps 20] [--threads N] [--figures docs/measured/torch-cpu.json] [--processor 'AMD Zen 5', or the variable PROCESSOR]

Needs torch and transformers. Hugging Face's Mamba without its CUDA kernels, and a GPT-2 of nanoGPT's smallest sizes; both with AdamW, clipping and
the sizes of bench/trainer.ts: 4 layers, hidden 128, 12 x 64 tokens, vocabulary 65, float32. A step is forward, backward, clipping and update.
"""
import argparse
import datetime
import json
import os
import platform
import statistics
import time

import torch
import transformers
from transformers import GPT2Config, GPT2LMHeadModel, MambaConfig, MambaForCausalLM

VOCABULARY, HIDDEN, LAYERS, BATCH, LENGTH = 65, 128, 4, 12, 64


def mamba():
    return MambaForCausalLM(MambaConfig(vocab_size=VOCABULARY, hidden_size=HIDDEN, num_hidden_layers=LAYERS))


def gpt2():
    sizes = dict(n_embd=HIDDEN, n_layer=LAYERS, n_head=4, n_positions=LENGTH)
    return GPT2LMHeadModel(GPT2Config(vocab_size=VOCABULARY, resid_pdrop=0.0, embd_pdrop=0.0, attn_pdrop=0.0, **sizes))


def seconds_per_step(model, steps):
    model.train()
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3, betas=(0.9, 0.99), weight_decay=0.1)
    tokens = torch.randint(VOCABULARY, (BATCH, LENGTH))
    times = []
    for step in range(steps + 2):
        start = time.perf_counter()
        optimizer.zero_grad()
        model(tokens, labels=tokens).loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        if step >= 2:  # the first steps allocate
            times.append(time.perf_counter() - start)
    return times


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", choices=["mamba", "gpt2", "all"], default="all")
    parser.add_argument("--steps", type=int, default=20)
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    parser.add_argument("--figures", help="a file for docs/scripts/write-tables.ts, written anew")
    parser.add_argument("--processor", default=os.environ.get("PROCESSOR") or platform.processor() or platform.machine())
    options = parser.parse_args()
    torch.manual_seed(1)
    torch.set_num_threads(options.threads)
    print(f"torch {torch.__version__}, {options.threads} threads, {platform.machine()}, {BATCH} x {LENGTH} tokens, float32")
    figures = []
    for name, make in {"mamba": mamba, "gpt2": gpt2}.items():
        if options.model not in (name, "all"):
            continue
        model = make()
        times = seconds_per_step(model, options.steps)
        count = sum(p.numel() for p in model.parameters())
        speeds = [BATCH * LENGTH / seconds for seconds in (statistics.median(times), min(times))]
        figures.append(figure_of(name, options, speeds))
        print(f"{name:6} {count / 1e6:.2f} M parameters  {speeds[0]:8.0f} tokens/s at the median, {speeds[1]:8.0f} at best")
    if options.figures:
        keep(options, figures)


DATE = datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="milliseconds").replace("+00:00", "Z")
NAMES = {"mamba": "PyTorch, Mamba of transformers", "gpt2": "PyTorch, GPT-2 of transformers"}


def figure_of(name, options, speeds):
    median, best = (float(f"{speed:.6g}") for speed in speeds)
    identity = dict(part="trainer", name=NAMES[name], dtype="f32", threads=options.threads, batch=BATCH, length=LENGTH)
    return dict(identity, rate=best, median=median, unit="tokens/s", processor=options.processor, run=DATE)


def keep(options, figures):
    software = f"PyTorch {torch.__version__}, transformers {transformers.__version__}, Python {platform.python_version()}"
    run = dict(date=DATE, commit="bench/peers/train_torch.py", machine=options.processor, software=software)
    lines = ",\n".join(f"    {json.dumps(one)}" for one in figures)
    with open(options.figures, "w") as file:
        file.write(f'{{\n  "runs": [\n    {json.dumps(run)}\n  ],\n  "figures": [\n{lines}\n  ]\n}}\n')


if __name__ == "__main__":
    main()
