"""Checks what `densessm eval` and `densessm convert` say of a small Mamba against transformers and PyTorch.

Needs Python >= 3.10 with torch, transformers 5 and tokenizers, Node, and this repository after `npm run setup`. Run it from anywhere:
    python tests/python/check_eval.py
With lm_eval (0.4) beside them, its own windows are compared and its own table of our results is printed; pytablewriter may be missing.
It is not part of `npm test`, which must not need Python. Exits non-zero where the two disagree:
  - perplexity per word, byte and token of texts, whole and in windows, from transformers' log-probabilities;
  - LAMBADA and multiple choice, scored as lm-evaluation-harness's HFLM encodes and scores a context and its continuation;
  - a PyTorch .bin becomes safetensors with the same values, and the names of state-spaces/mamba come back as transformers'.
"""
import json
import math
import re
import subprocess
import sys
import tempfile
import types
from pathlib import Path

import torch
from safetensors.torch import load_file
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import MambaConfig, MambaForCausalLM

ROOT = Path(__file__).resolve().parents[2]
EOS = "<|endoftext|>"
TEXT = "The old sailor had a dog named Bruno.\nBruno liked the sea, and the sea liked Bruno.\n\n“Où est-il ?” asked Anna.\n" * 6
LAMBADA = ["The dog was named Bruno", "the sea liked the  dog ", "Anna asked: Où\nest Bruno"]
QUESTIONS = [
    {"query": "The dog was named", "choices": ["Bruno", "the sea", "Anna asked the dog"], "gold": 0},
    {"query": "Anna asked the", "choices": ["dog", "old sailor", "é"], "gold": 2},
    {"query": "Bruno liked ", "choices": ["the sea", "it"], "gold": 1},
]
# float32 sums over some hundred tokens on both sides, beside float64 here
TOLERANCE = 2e-5


def run(*arguments: str) -> str:
    command = ["node", "--import", "tsx", "--conditions=@densessm/source", str(ROOT / "apps/trainer/src/cli.ts"), *arguments]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    if done.returncode != 0:
        sys.exit(f"densessm {' '.join(arguments)} ended with {done.returncode}:\n{done.stderr}")
    return done.stdout


def make_model(folder: Path) -> tuple[MambaForCausalLM, Tokenizer]:
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    tokenizer.train_from_iterator([TEXT], trainers.BpeTrainer(vocab_size=320, special_tokens=[EOS], initial_alphabet=alphabet))
    torch.manual_seed(7)
    config = MambaConfig(vocab_size=tokenizer.get_vocab_size(), hidden_size=32, num_hidden_layers=3, state_size=8, eos_token_id=0)
    model = MambaForCausalLM(config)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(0.05 * torch.randn_like(parameter))
    model.save_pretrained(folder)
    tokenizer.save(str(folder / "tokenizer.json"))
    (folder / "tokenizer_config.json").write_text(json.dumps({"eos_token": EOS}))
    return model.double().eval(), tokenizer


class Reference:
    """lm-evaluation-harness's scores of a causal model, from float64 logits of transformers."""

    def __init__(self, model: MambaForCausalLM, tokenizer: Tokenizer) -> None:
        self.model, self.tokenizer = model, tokenizer

    def encode(self, text: str) -> list[int]:
        return self.tokenizer.encode(text, add_special_tokens=False).ids

    @torch.no_grad()
    def score(self, context: list[int], continuation: list[int]) -> tuple[float, bool]:
        ids = torch.tensor([context + continuation[:-1]])
        logprobs = torch.log_softmax(self.model(ids).logits[0, len(context) - 1 :], dim=-1)
        targets = torch.tensor(continuation)
        total = logprobs.gather(1, targets[:, None]).sum().item()
        return total, bool((logprobs.argmax(-1) == targets).all())

    def rolling(self, text: str, window: int | None) -> tuple[float, int]:
        tokens = self.encode(text)
        cut = window or len(tokens)
        # a window reads at most `cut` tokens: after the first, one token of the text before it stands in the prefix's place
        total = 0.0
        for start in range(0, len(tokens), cut):
            piece = tokens[start : start + cut]
            end = start + len(piece)
            context = [0] if start == 0 else tokens[max(0, end - cut - 1) : start]
            total += self.score(context, piece)[0]
        return total, len(tokens)

    def pair(self, context: str, continuation: str) -> tuple[float, bool]:
        spaces = len(context) - len(context.rstrip())
        if spaces > 0:
            continuation = context[-spaces:] + continuation
            context = context[:-spaces]
        whole = self.encode(context + continuation)
        length = len(self.encode(context))
        return self.score(whole[:length], whole[length:])


def near(name: str, want: float, got: float) -> list[str]:
    return [] if abs(want - got) <= TOLERANCE * abs(want) else [f"{name}: transformers gives {want}, densessm eval {got}"]


def check_perplexity(reference: Reference, folder: Path) -> list[str]:
    text = folder / "text.txt"
    text.write_text(TEXT, encoding="utf-8")
    wrong = []
    for window in (None, 50):
        flags = [] if window is None else ["--window", str(window)]
        results = json.loads(run("eval", str(folder), "--perplexity", str(text), "--json", *flags))["results"]["text"]
        total, tokens = reference.rolling(TEXT, window)
        per = {"word": len(re.split(r"\s+", TEXT)), "byte": len(TEXT.encode()), "token": tokens}
        for unit, count in per.items():
            wrong += near(f"{unit}_perplexity, window {window}", math.exp(-total / count), results[f"{unit}_perplexity,none"])
        wrong += near(f"bits_per_byte, window {window}", -total / per["byte"] / math.log(2), results["bits_per_byte,none"])
        wrong += check_windows(reference.encode(TEXT), window) if window else []
    return wrong


def check_windows(tokens: list[int], window: int) -> list[str]:
    """The windows above are those of lm_eval."""
    try:
        from lm_eval.utils import get_rolling_token_windows, make_disjoint_window
    except ImportError:
        print("lm_eval is not here: its windows are not compared")
        return []
    theirs = [make_disjoint_window(one) for one in get_rolling_token_windows(tokens, 0, window, 1)]
    ours = []
    for start in range(0, len(tokens), window):
        end = min(len(tokens), start + window)
        ours.append(([0] if start == 0 else tokens[max(0, end - window - 1) : start], tokens[start:end]))
    return [] if [tuple(map(list, one)) for one in theirs] == [tuple(one) for one in ours] else ["windows: lm_eval cuts otherwise"]


def check_tasks(reference: Reference, folder: Path) -> list[str]:
    lambada, questions, output = folder / "lambada.jsonl", folder / "questions.jsonl", folder / "results.json"
    lambada.write_text("".join(json.dumps({"text": text}) + "\n" for text in LAMBADA), encoding="utf-8")
    questions.write_text("".join(json.dumps(one) + "\n" for one in QUESTIONS), encoding="utf-8")
    flags = ["--lambada", str(lambada), "--multiple-choice", str(questions), "--output", str(output)]
    run("eval", str(folder), *flags)
    results = json.loads(output.read_text())
    scored = [reference.pair(" ".join(text.split(" ")[:-1]), " " + text.split(" ")[-1]) for text in LAMBADA]
    task = results["results"]["lambada_openai"]
    wrong = near("lambada perplexity", math.exp(-sum(total for total, _ in scored) / len(scored)), task["perplexity,none"])
    wrong += near("lambada acc", sum(greedy for _, greedy in scored) / len(scored), task["acc,none"])
    right = {"acc": 0, "acc_norm": 0}
    for question in QUESTIONS:
        totals = [reference.pair(question["query"], " " + choice)[0] for choice in question["choices"]]
        shares = [total / len(choice) for total, choice in zip(totals, question["choices"], strict=True)]
        right["acc"] += totals.index(max(totals)) == question["gold"]
        right["acc_norm"] += shares.index(max(shares)) == question["gold"]
    for metric, count in right.items():
        wrong += near(metric, count / len(QUESTIONS), results["results"]["questions"][f"{metric},none"])
    show_table(results)
    return wrong


def show_table(results: dict) -> None:
    """lm_eval's own table of our file, which it must be able to read."""
    try:
        from lm_eval.utils import make_table
    except ImportError:
        print("lm_eval is not here: its table is not made")
        return
    try:
        import pytablewriter  # noqa: F401
    except ImportError:
        sys.modules["pytablewriter"] = types.SimpleNamespace(MarkdownTableWriter=Rows, LatexTableWriter=Rows)
    print(make_table(results))


class Rows:
    """What lm_eval asks of pytablewriter, for where it is not installed."""

    def __init__(self) -> None:
        self.headers: list = []
        self.value_matrix: list = []

    def dumps(self) -> str:
        return "\n".join(" | ".join(str(cell) for cell in row) for row in [self.headers, *self.value_matrix])


def check_convert(folder: Path, work: Path) -> list[str]:
    original = load_file(folder / "model.safetensors")
    pickled = work / "pickled"
    pickled.mkdir()
    torch.save(original, pickled / "pytorch_model.bin")
    (pickled / "config.json").write_text((folder / "config.json").read_text())
    run("convert", str(pickled), str(work / "converted"))
    run("convert", str(work / "converted"), str(work / "original-names"), "--names", "original")
    run("convert", str(work / "original-names"), str(work / "back"), "--names", "hf")
    wrong = []
    for name in ("converted", "back"):
        got = load_file(work / name / "model.safetensors")
        same = original.keys() == got.keys() and all(torch.equal(original[key], got[key]) for key in original)
        wrong += [] if same else [f"{name}: other tensors than the original's"]
    theirs = load_file(work / "original-names" / "model.safetensors")
    if "backbone.embedding.weight" not in theirs:
        wrong.append("names: the embedding is not called as in state-spaces/mamba")
    opened = MambaForCausalLM.from_pretrained(work / "back").double().eval()
    ids = torch.tensor([[5, 8, 3, 11]])
    with torch.no_grad():
        apart = (opened(ids).logits - MambaForCausalLM.from_pretrained(folder).double().eval()(ids).logits).abs().max().item()
    return wrong + ([f"back: logits differ by {apart}"] if apart > 0 else [])


def main() -> int:
    with tempfile.TemporaryDirectory() as name:
        work = Path(name)
        folder = work / "model"
        reference = Reference(*make_model(folder))
        wrong = check_perplexity(reference, folder) + check_tasks(reference, folder) + check_convert(folder, work)
    for line in wrong:
        print(line)
    print("densessm eval and convert agree with transformers" if not wrong else f"{len(wrong)} disagreements")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
