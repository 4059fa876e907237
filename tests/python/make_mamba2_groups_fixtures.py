"""Makes fixtures/mamba2_g2, mamba2_g2_limit and mamba2_g2_original: Mamba-2 with two groups, as transformers and as state-spaces/mamba
compute it. The two differ in the gated norm: over all channels there, per group here.

    python make_mamba2_groups_fixtures.py CHECKOUT_OF_STATE_SPACES_MAMBA FIXTURES

Needs torch (CPU), einops, numpy, safetensors, transformers. The original's own classes run with its own torch reference
functions in the place of its Triton kernels; both run in float64. The files have the layout that the other fixtures'
README.txt describes.
"""

import importlib.abc
import importlib.machinery
import json
import sys
from pathlib import Path
from types import SimpleNamespace
from unittest.mock import MagicMock

import numpy as np
import torch
from safetensors.torch import save_file
from transformers import __version__ as transformers_version

ORIGINAL = {
    "d_model": 12,
    "d_intermediate": 0,
    "n_layer": 2,
    "vocab_size": 45,
    "ssm_cfg": {"layer": "Mamba2", "d_state": 5, "d_conv": 3, "expand": 2, "headdim": 6, "ngroups": 2, "bias": True},
    "attn_layer_idx": [],
    "attn_cfg": {},
    "rms_norm": True,
    "residual_in_fp32": True,
    "fused_add_norm": False,
    "pad_vocab_size_multiple": 8,
    "tie_embeddings": True,
}
TRANSFORMERS = {
    "hidden_size": 12,
    "num_hidden_layers": 3,
    "vocab_size": 45,
    "num_heads": 6,
    "head_dim": 4,
    "n_groups": 2,
    "state_size": 5,
    "conv_kernel": 4,
    "chunk_size": 8,
    "use_bias": False,
    "use_conv_bias": False,
    "tie_word_embeddings": False,
    "bos_token_id": 0,
    "eos_token_id": 2,
    "pad_token_id": 1,
}
TITLES = {
    "mamba2_g2": "Mamba-2 of transformers, hidden 12, 3 layers, 6 heads of 4, state 5, 2 groups, no biases, untied",
    "mamba2_g2_limit": "Mamba-2 of transformers, as mamba2_g2 with time_step_limit 0.02 to 0.08, which its step mode applies to the first token only",
    "mamba2_g2_original": "Mamba-2 of state-spaces/mamba, hidden 12, 2 layers, 4 heads of 6, state 5, 2 groups, vocabulary 45 padded to 48, tied",
}
VOCABULARY = 45
LENGTHS = {1: 2, 7: 3, 33: 2}
TRAINING = {"lr": 5e-4, "betas": [0.9, 0.98], "eps": 1e-8, "weight_decay": 0.05, "clip_grad_norm": 1.0, "steps": 5, "batch": "L33.input_ids"}


convert = torch.Tensor.to  # as it is before keep_float64


class MissingModules(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Stands in for the GPU libraries that the original imports but whose kernels are not called here."""

    NAMES = ("triton", "tilelang", "cutlass", "cuda", "quack", "tvm", "selective_scan_cuda", "causal_conv1d_cuda")

    def find_spec(self, name, path=None, target=None):
        return importlib.machinery.ModuleSpec(name, self) if name.split(".")[0] in self.NAMES else None

    def create_module(self, spec):
        module = MagicMock(name=spec.name)
        module.__path__ = []
        module.__version__ = "3.0.0"
        module.Config = lambda kwargs, **options: SimpleNamespace(kwargs=kwargs, num_warps=options.get("num_warps", 1))
        module.autotune = lambda configs, **_: lambda function: MagicMock(configs=configs)
        return module

    def exec_module(self, module):
        pass


def keep_float64():
    """Both implementations cast to float32 in places; here nothing does."""
    torch.Tensor.float = lambda tensor: tensor
    torch.Tensor.to = lambda tensor, *args, **named: tensor if torch.float32 in (*args, named.get("dtype")) else convert(tensor, *args, **named)


class Original:
    """state-spaces/mamba's classes on its reference functions."""

    def __init__(self, checkout):
        sys.meta_path.append(MissingModules())
        sys.path.insert(0, checkout)
        from mamba_ssm.models.config_mamba import MambaConfig
        from mamba_ssm.models.mixer_seq_simple import MambaLMHeadModel
        from mamba_ssm.modules import mamba2
        from mamba_ssm.ops.triton import layer_norm, layernorm_gated, ssd_combined
        from mamba_ssm.ops.triton import selective_state_update as update

        layer_norm.RMSNorm.forward = lambda self, x: layer_norm.rms_norm_ref(x, self.weight, None, eps=self.eps)
        layernorm_gated.RMSNorm.forward = lambda self, x, z=None: layernorm_gated.rms_norm_ref(
            x, self.weight, None, z=z, eps=self.eps, group_size=self.group_size, norm_before_gate=self.norm_before_gate
        )

        def chunk_scan(x, dt, A, B, C, chunk_size, D=None, z=None, dt_bias=None, dt_softplus=False, **_):
            return ssd_combined.ssd_chunk_scan_combined_ref(x, dt, A, B, C, x.shape[1], D, z, dt_bias, dt_softplus)

        mamba2.mamba_chunk_scan_combined = chunk_scan
        mamba2.selective_state_update = update.selective_state_update_ref
        config = json.loads(json.dumps(ORIGINAL))
        config["ssm_cfg"]["use_mem_eff_path"] = False
        self.json = ORIGINAL
        self.model = MambaLMHeadModel(MambaConfig(**config)).double()

    def hidden_states(self, ids):
        states, hidden, residual = [], self.model.backbone.embedding(ids), None
        for layer in self.model.backbone.layers:
            hidden, residual = layer(hidden, residual)
            states.append(hidden + residual)
        return [*states, self.model.backbone.norm_f(hidden + residual)]

    def steps(self, ids):
        states = self.model.allocate_inference_cache(ids.shape[0], 1)
        cache = SimpleNamespace(key_value_memory_dict=states, seqlen_offset=1)
        logits = [self.model(ids[:, t : t + 1], inference_params=cache).logits for t in range(ids.shape[1])]
        return torch.cat(logits, 1), states


class Transformers:
    """transformers' slow path."""

    def __init__(self, **changes):
        from transformers import Mamba2Config, Mamba2ForCausalLM

        config = Mamba2Config(**{**TRANSFORMERS, **changes})
        self.json = json.loads(config.to_json_string())
        self.model = Mamba2ForCausalLM(config).double().eval()

    def hidden_states(self, ids):
        return self.model(ids, output_hidden_states=True, use_cache=False).hidden_states

    def steps(self, ids):
        cache, logits = None, []
        for t in range(ids.shape[1]):
            result = self.model(ids[:, t : t + 1], cache_params=cache, use_cache=True)
            cache = result.cache_params
            logits.append(result.logits)
        return torch.cat(logits, 1), {l: (one.conv_states[0], one.recurrent_states[0]) for l, one in enumerate(cache.layers)}


def fill(model, random):
    """Random weights on a grid, so that float32 holds them exactly. random is numpy's generator."""
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            value = random.standard_normal(parameter.shape)
            if name.endswith("A_log"):
                value, step = np.log(1 + 3 * random.random(parameter.shape)), 2.0**-12
            elif name.endswith("dt_bias"):
                value, step = -3 + value, 2.0**-12
            elif parameter.dim() == 1:
                value, step = ("bias" not in name) + 0.2 * value, 2.0**-12
            else:
                value, step = value * (0.8 if "embedding" in name else 1 / np.sqrt(parameter.shape[1] * parameter[0, 0].numel())), 2.0**-7
            parameter.copy_(torch.from_numpy(np.round(value / step) * step))


def nll(model, ids):
    logits = model(ids).logits[:, :-1]
    return -torch.log_softmax(logits, -1).gather(-1, ids[:, 1:, None]).squeeze(-1)


def generate(model, prompt, count):
    tokens = prompt
    for _ in range(count):
        tokens = torch.cat([tokens, model(tokens).logits[:, -1:].argmax(-1)], 1)
    return tokens[:, prompt.shape[1] :]


def summary(tensor):
    flat = tensor.detach().double().flatten()
    places = np.unique(np.linspace(0, flat.numel() - 1, 8).astype(int))
    return {
        "shape": list(tensor.shape),
        "l2": flat.norm().item(),
        "sum": flat.sum().item(),
        "absmax": flat.abs().max().item(),
        "idx": places.tolist(),
        "val": flat[torch.from_numpy(places)].tolist(),
    }


def gradients(model, ids):
    model.zero_grad()
    loss = nll(model, ids).mean()
    loss.backward()
    return loss.item(), {name: parameter.grad.clone() for name, parameter in model.named_parameters()}


def train(model, ids):
    start = {name: parameter.detach().clone() for name, parameter in model.named_parameters()}
    optimizer = torch.optim.AdamW(
        model.parameters(), lr=TRAINING["lr"], betas=tuple(TRAINING["betas"]), eps=TRAINING["eps"], weight_decay=TRAINING["weight_decay"]
    )
    losses, norms = [], []
    for _ in range(TRAINING["steps"]):
        optimizer.zero_grad()
        loss = nll(model, ids).mean()
        loss.backward()
        losses.append(loss.item())
        norms.append(torch.nn.utils.clip_grad_norm_(model.parameters(), TRAINING["clip_grad_norm"]).item())
        optimizer.step()
    record = {
        "optimizer": "torch.optim.AdamW",
        **TRAINING,
        "loss_before_each_step": losses,
        "grad_norm_before_clip": norms,
        "loss_after_last_step": nll(model, ids).mean().item(),
        "final_params": {name: summary(parameter) for name, parameter in model.named_parameters()},
    }
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            parameter.copy_(start[name])
    return record


def make(folder, implementation, seed):
    random = np.random.default_rng(seed)
    model = implementation.model
    fill(model, random)
    draw = lambda *shape: torch.from_numpy(random.integers(0, VOCABULARY, shape))
    tensors, lengths, grads = {}, {}, {}
    for length, batch in LENGTHS.items():
        ids = draw(batch, length)
        with torch.no_grad():
            logits, (step_logits, states) = model(ids).logits, implementation.steps(ids)
            tensors |= {f"L{length}.input_ids": ids.int(), f"L{length}.logits": logits}
            for i, hidden in enumerate(implementation.hidden_states(ids)):
                tensors[f"L{length}.hidden.{i}"] = hidden
            for layer, (conv, ssm) in states.items():
                tensors |= {f"L{length}.state.{layer}.conv": conv, f"L{length}.state.{layer}.ssm": ssm}
        lengths[str(length)] = {
            "batch": batch,
            "max_abs_logit": logits.abs().max().item(),
            "max_abs_diff_parallel_vs_step": (logits - step_logits).abs().max().item(),
        }
        if length == 1:
            continue
        tensors[f"L{length}.nll_per_token"] = nll(model, ids).detach()
        loss, found = gradients(model, ids)
        lengths[str(length)]["loss"] = loss
        grads[str(length)] = {"loss": loss, "no_grad_params": [], "summary": {name: summary(one) for name, one in found.items()}}
        if length == max(LENGTHS):
            tensors |= {f"L{length}.grad.{name}": one for name, one in found.items()}
    prompt = draw(2, 5)
    tensors |= {"gen.prompt": prompt.int(), "gen.tokens": generate(model, prompt, 16).int()}
    training = train(model, tensors["L33.input_ids"].long())
    write(folder, implementation, tensors, {"lengths": lengths, "grads": grads, "training": training})


def write(folder, implementation, tensors, expected):
    folder.mkdir(parents=True, exist_ok=True)
    parameters = dict(implementation.model.named_parameters())
    about = {
        "fixture": folder.name,
        "title": TITLES[folder.name],
        "versions": {"torch": torch.__version__, "numpy": np.__version__, "transformers": transformers_version},
        "parameters": {name: list(parameter.shape) for name, parameter in parameters.items()},
    }
    plain = lambda one: (one if one.dtype == torch.int32 else convert(one.detach(), torch.float32)).contiguous().clone()
    save_file({name: plain(one) for name, one in parameters.items()}, folder / "model.safetensors")
    save_file({name: plain(one) for name, one in tensors.items()}, folder / "expected.safetensors")
    (folder / "config.json").write_text(json.dumps(implementation.json, indent=2) + "\n")
    (folder / "expected.json").write_text(json.dumps({**about, **expected}, indent=1) + "\n")
    (folder / "README.txt").write_text(
        f"{about['title']}\n\n"
        "Made by tests/python/make_mamba2_groups_fixtures.py in float64 on CPU, stored as float32, ids as int32.\n"
        f"transformers {transformers_version}, slow path; state-spaces/mamba e9594ce1c732d97440f0332fdc43170a2294dbfa, its own\n"
        "classes on its torch reference functions, with config.json in its own keys.\n"
        "The gated norm is over all channels in transformers and per group in state-spaces/mamba.\n"
        "Keys as in ../mamba2_g1/README.txt. Rows of the embedding that pad the vocabulary take part in logits and losses.\n"
    )
    for file in folder.iterdir():
        file.chmod(0o644)


def main(checkout, fixtures):
    keep_float64()
    make(Path(fixtures) / "mamba2_g2", Transformers(), 20240601)
    make(Path(fixtures) / "mamba2_g2_limit", Transformers(time_step_limit=[0.02, 0.08]), 20240602)
    make(Path(fixtures) / "mamba2_g2_original", Original(checkout), 20240531)


if __name__ == "__main__":
    main(*sys.argv[1:])
