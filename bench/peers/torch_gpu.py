"""PyTorch on the card that `bench/gpu` measures, in the same run: OUT=folder python bench/peers/torch_gpu.py [products] [mamba] [authors]

Needs torch and transformers. Writes torch.json into the folder that OUT names, in the format of gpu.json (bench/lib/measured.ts), and says what it measures.
- products: torch.matmul of 1024 to 8192 square matrices in float32 (TF32 off, PyTorch's default, and on), float16 and bfloat16;
- mamba: Hugging Face's Mamba in the sizes of mamba-130m with random weights: decoding one text token by token, reading 2,048 tokens, training steps of 2 x 512 and
  2 x 2,048 tokens in float32 and under autocast to bfloat16. Its CUDA extension (mamba-ssm, causal-conv1d) is used where it is installed, which the output tells;
- authors: the authors' DenseRetNet-350M, whose model file (modeling_dense_gau_retnet.py of WailordHe/DenseSSM, beside its config.json) the variable AUTHORS names:
  greedy generation for 1 and 6 texts in float16, and training steps of 2 x 2,048. The file is not part of this repository.

Each time is the fastest of several rounds that the device finished; weights are random. SHRINK divides widths, lengths and matrices, for a trial on a CPU.
"""
import datetime
import importlib.util
import json
import os
import platform
import statistics
import sys
import time

import torch
import transformers

transformers.logging.set_verbosity_error()
DEVICE = "cuda" if torch.cuda.is_available() else "cpu"
OUT = os.environ.get("OUT", ".")
SHRINK = int(os.environ.get("SHRINK", "1"))
LAYERS = int(os.environ.get("LAYERS", "0"))
TOKENS = int(os.environ.get("TOKENS", "100"))
STEPS = int(os.environ.get("STEPS", "6"))
ROUNDS = 5
DATE = datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="milliseconds").replace("+00:00", "Z")
MACHINE = torch.cuda.get_device_name() if DEVICE == "cuda" else f"{platform.machine()}, CPU"

figures = []


def keep(part, name, **more):
    figures.append({"part": part, "name": name, **{k: float(f"{v:.6g}") if isinstance(v, float) else v for k, v in more.items()}, "run": DATE})
    software = f"PyTorch {torch.__version__}, transformers {transformers.__version__}, Python {platform.python_version()}"
    run = {"date": DATE, "commit": os.environ.get("BUILT_FROM", "bench/peers/torch_gpu.py"), "machine": MACHINE, "software": software}
    if SHRINK != 1 or LAYERS:
        run["isTrial"] = True
    with open(os.path.join(OUT, "torch.json"), "w") as file:
        lines = ",\n".join(f"    {json.dumps(one, ensure_ascii=False)}" for one in figures)
        file.write(f'{{\n  "runs": [\n    {json.dumps(run, ensure_ascii=False)}\n  ],\n  "figures": [\n{lines}\n  ]\n}}\n')
    shown = ", ".join(f"{k} {v:.4g}" if isinstance(v, float) else f"{k} {v}" for k, v in more.items())
    print(f"{part}: {name}, {shown}", flush=True)


def finished():
    if DEVICE == "cuda":
        torch.cuda.synchronize()


def times_of(call, rounds=ROUNDS, calls=1):
    """Seconds of a call in each round, after one that does not count."""
    found = []
    for i in range(rounds + 1):
        finished()
        start = time.perf_counter()
        for _ in range(calls):
            call()
        finished()
        if i > 0:
            found.append((time.perf_counter() - start) / calls)
    return found


def products():
    for n in [1024, 2048, 4096, 8192]:
        n //= SHRINK
        a32, b32 = torch.rand(n, n, device=DEVICE) - 0.5, torch.rand(n, n, device=DEVICE) - 0.5
        for dtype, type_, tf32 in [("f32", torch.float32, False), ("tf32", torch.float32, True), ("f16", torch.float16, False), ("bf16", torch.bfloat16, False)]:
            torch.backends.cuda.matmul.allow_tf32 = tf32
            a, b = a32.to(type_), b32.to(type_)
            best = min(times_of(lambda: a @ b, calls=20 if DEVICE == "cuda" else 2))
            torch.backends.cuda.matmul.allow_tf32 = False
            keep("kernel", f"matMul A B {n} × {n} × {n}", dtype=dtype, ms=1000 * best, rate=2 * n**3 / best / 1e12, unit="TFLOP/s")


def train(name, make, vocabulary, shapes):
    """Whole steps with AdamW and clipping, as bench/gpu/training.ts does them."""
    for batch, length in shapes:
        for dtype in ["f32", "bf16"]:
            try:
                train_one(name, make, vocabulary, batch, length // SHRINK, dtype)
            except torch.cuda.OutOfMemoryError as error:
                print(f"FAILED {name}, {dtype}, {batch} x {length}: {error}", flush=True)
            torch.cuda.empty_cache()


def train_one(name, make, vocabulary, batch, length, dtype):
    model = make().to(DEVICE).train()
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-4)
    tokens = torch.randint(vocabulary, (batch, length + 1), device=DEVICE)
    if DEVICE == "cuda":
        torch.cuda.reset_peak_memory_stats()
    loss = None

    def step():
        nonlocal loss
        optimizer.zero_grad()
        with torch.autocast(DEVICE, dtype=torch.bfloat16, enabled=dtype == "bf16"):
            logits = model(input_ids=tokens[:, :-1], **CALL).logits
            loss = torch.nn.functional.cross_entropy(logits.flatten(0, 1).float(), tokens[:, 1:].flatten())
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        loss.item()  # as ours: the loss of a step is known when the step is

    times = times_of(step, rounds=STEPS)
    gigabytes = torch.cuda.max_memory_allocated() / 1e9 if DEVICE == "cuda" else 0.0
    best, median = min(times), statistics.median(times)
    tokens_per_step = batch * length
    keep("train", name, dtype=dtype, batch=batch, length=length, ms=1000 * best, rate=tokens_per_step / best, median=tokens_per_step / median, loss=loss.item(), gigabytes=gigabytes)


CALL = {}


def mamba():
    vocabulary = 50280 // SHRINK
    sizes = dict(vocab_size=vocabulary, hidden_size=768 // SHRINK, num_hidden_layers=LAYERS or 24)
    make = lambda: transformers.MambaForCausalLM(transformers.MambaConfig(**sizes))  # noqa: E731
    extension = all(importlib.util.find_spec(one) for one in ["mamba_ssm", "causal_conv1d"])
    name = "Mamba-130M"
    print(f"Hugging Face's Mamba {'with' if extension else 'without'} its CUDA extension", flush=True)
    for dtype, type_ in [("f32", torch.float32), ("bf16", torch.bfloat16)]:
        model = make().to(DEVICE, type_).eval()
        decode(name, dtype, 1, lambda count: generate_mamba(model, count))
        length = 2048 // SHRINK
        tokens = torch.randint(vocabulary, (1, length), device=DEVICE)
        with torch.inference_mode():
            times = times_of(lambda: model(input_ids=tokens, use_cache=True, logits_to_keep=1))
        keep("prefill", name, dtype=dtype, length=length, ms=1000 * min(times), rate=length / min(times), median=length / statistics.median(times))
        del model
    train(name, make, vocabulary, [(2, 512), (2, 2048)])


@torch.inference_mode()
def generate_mamba(model, count):
    prompt = torch.ones(1, 2, dtype=torch.long, device=DEVICE)
    config = transformers.GenerationConfig(max_new_tokens=count, min_new_tokens=count, do_sample=False, pad_token_id=0)
    return model.generate(prompt, attention_mask=torch.ones_like(prompt), generation_config=config)


def decode(name, dtype, batch, generate):
    times = times_of(lambda: generate(TOKENS), rounds=3)
    keep("decode", name, dtype=dtype, batch=batch, rate=TOKENS / min(times), median=TOKENS / statistics.median(times))


def same(*_, **__):
    return lambda function: function


def load_authors(path):
    """The module of their file, and their config. It was written for transformers 4.29: names that later versions lack are given to it, none of them computes."""
    decorators = ["add_start_docstrings", "add_start_docstrings_to_model_forward", "replace_return_docstrings"]
    for where, names in {"transformers": ["top_k_top_p_filtering"], "transformers.utils": decorators}.items():
        holder = sys.modules[where]
        for name in names:
            if not hasattr(holder, name):
                setattr(holder, name, same)
    spec = importlib.util.spec_from_file_location("authors", path)
    module = importlib.util.module_from_spec(spec)
    sys.modules["authors"] = module  # transformers looks at a model's module
    spec.loader.exec_module(module)
    module.LlamaForCausalLM._tied_weights_keys = {}
    with open(os.path.join(os.path.dirname(path), "config.json")) as file:
        json_ = json.load(file)
    json_.update(hidden_size=json_["hidden_size"] // SHRINK, query_key_dim=json_["query_key_dim"] // SHRINK, vocab_size=json_["vocab_size"] // SHRINK)
    config = transformers.LlamaConfig(hidden_size=json_["hidden_size"], vocab_size=json_["vocab_size"], num_attention_heads=json_["num_attention_heads"])
    for key, value in json_.items():
        if key not in ("auto_map", "torch_dtype", "transformers_version", "model_type"):
            setattr(config, key, value)
    config.num_hidden_layers = LAYERS or config.num_hidden_layers
    return module, config


def authors():
    path = os.environ.get("AUTHORS", "")
    if not os.path.exists(path):
        print("the authors' DenseRetNet is left out: AUTHORS names no file modeling_dense_gau_retnet.py", flush=True)
        return
    module, config = load_authors(path)
    vocabulary, name = config.vocab_size, "DenseRetNet-350M"
    torch.set_default_dtype(torch.float32)
    CALL.update(return_dict=True, use_cache=False, output_attentions=False, output_hidden_states=False)
    type_, dtype = (torch.float16, "f16") if DEVICE == "cuda" else (torch.float32, "f32")
    model = module.LlamaForCausalLM(config).to(DEVICE, type_).eval()
    for batch in [1, 6]:
        decode(name, dtype, batch, lambda count, batch=batch: generate_authors(model, batch, count))
    del model
    train(name, lambda: module.LlamaForCausalLM(config), vocabulary, [(2, 2048)])


@torch.inference_mode()
def generate_authors(model, batch, count):
    """Their own loop of `generate`, greedy, from one token."""
    generated = torch.ones(batch, 1, dtype=torch.long, device=DEVICE)
    state = {}
    for _ in range(count):
        call = dict(CALL, use_cache=True)
        outputs = model(generated[:, -1:], forward_impl="recurrent", past_key_values=state, sequence_offset=generated.shape[-1] - 1, **call)
        state = outputs.past_key_values
        generated = torch.cat([generated, torch.argmax(outputs.logits[:, -1, :], dim=-1, keepdim=True)], dim=-1)
    return generated


def main():
    torch.manual_seed(1)
    parts = {"products": products, "mamba": mamba, "authors": authors}
    asked = sys.argv[1:]
    unknown = [part for part in asked if part not in parts]
    if unknown:
        raise SystemExit(f"there is no part {', '.join(unknown)}; there are {', '.join(parts)}")
    print(f"{MACHINE}, PyTorch {torch.__version__}, transformers {transformers.__version__}", flush=True)
    failed = False
    for part, measure in parts.items():
        if asked and part not in asked:
            continue
        try:
            measure()
        except Exception as error:  # a peer that cannot run says so, and the others go on
            failed = True
            print(f"FAILED {part}: {type(error).__name__}: {error}", flush=True)
    raise SystemExit(1 if failed else 0)


if __name__ == "__main__":
    main()
