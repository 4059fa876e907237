"""Writes the folders of tests/consumers/node-esm/models: one small Mamba with its tokenizer, as transformers and PyTorch save them.

Needs Python >= 3.10 with torch, transformers 5 and tokenizers:
    python tests/python/make_text_models.py
`whole` has model.safetensors, `shards` its parts with an index, `pytorch` pytorch_model.bin. text.json holds what transformers generates
greedily from a prompt, which the five lines of the README must give for each of them.
"""
import json
import shutil
from pathlib import Path

import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import AutoModelForCausalLM, AutoTokenizer, MambaConfig, MambaForCausalLM, PreTrainedTokenizerFast

FOLDER = Path(__file__).resolve().parents[1] / "consumers" / "node-esm" / "models"
PROMPT, LENGTH = "Once upon a time", 40
CORPUS = ["Once upon a time there was a small state space model that read a long text and remembered what it could."] * 3


def tokenizer() -> PreTrainedTokenizerFast:
    made = Tokenizer(models.BPE())
    made.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    made.decoder = decoders.ByteLevel()
    alphabet = sorted({letter for text in CORPUS for letter in text.replace(" ", "Ġ")})
    made.train_from_iterator(CORPUS, trainers.BpeTrainer(vocab_size=72, special_tokens=["<|endoftext|>"], initial_alphabet=alphabet))
    return PreTrainedTokenizerFast(tokenizer_object=made, eos_token="<|endoftext|>", bos_token="<|endoftext|>")


def trained(ids: torch.Tensor, vocab_size: int) -> MambaForCausalLM:
    """Knows one sentence by heart, so that no two logits are close and float order decides nothing."""
    torch.manual_seed(1)
    config = MambaConfig(vocab_size=vocab_size, hidden_size=16, num_hidden_layers=2, state_size=4, eos_token_id=0, bos_token_id=0, pad_token_id=0)
    model = MambaForCausalLM(config)
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-2, weight_decay=0.0)
    for _ in range(300):
        loss = model(ids, labels=ids).loss
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return model.eval()


def main() -> None:
    shutil.rmtree(FOLDER, ignore_errors=True)
    words = tokenizer()
    ids = torch.tensor([words.encode(CORPUS[0]) + [words.eos_token_id]])
    model = trained(ids, len(words))
    model.save_pretrained(FOLDER / "whole")
    model.save_pretrained(FOLDER / "shards", max_shard_size="8KB")
    model.config.save_pretrained(FOLDER / "pytorch")
    torch.save(model.state_dict(), FOLDER / "pytorch" / "pytorch_model.bin")
    for name in ("whole", "shards", "pytorch"):
        words.save_pretrained(FOLDER / name)
    again, words = AutoModelForCausalLM.from_pretrained(FOLDER / "shards"), AutoTokenizer.from_pretrained(FOLDER / "whole")
    prompt = words(PROMPT, return_tensors="pt").input_ids
    tokens = again.generate(prompt, max_new_tokens=LENGTH, do_sample=False)[0, prompt.shape[1] :]
    text = words.decode(tokens, skip_special_tokens=True)
    (FOLDER / "text.json").write_text(json.dumps({"prompt": PROMPT, "maxTokens": LENGTH, "text": text}, indent=2) + "\n")
    print(text)


if __name__ == "__main__":
    main()
