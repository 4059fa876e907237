"""Makes packages/tokenizer/fixtures: small tokenizers (first line) and what Python makes of some texts with them (a line each).

    python tests/python/make_tokenizer_fixture.py TOKENS.jsonl
TOKENS.jsonl is a file of texts with a `kind`; those of kind `edge` and `fuzz` are used. The tokenizers are trained on this
repository's own text, so a new run makes other ones. Needs what check_tokenizer.py needs.
"""
import json
import random
import sys
import tempfile
from pathlib import Path

import sentencepiece
from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, trainers

import check_tokenizer as check

FOLDER = check.ROOT / "packages" / "tokenizer" / "fixtures"


def write(name: str, lines: list) -> None:
    text = "".join(json.dumps(line, ensure_ascii=False, separators=(",", ":")) + "\n" for line in lines)
    (FOLDER / f"{name}.jsonl").write_text(text)


def read_texts(path: str) -> list[str]:
    lines = [json.loads(line) for line in Path(path).read_text().splitlines()]
    return [line["text"] for line in lines if line["kind"] in ("edge", "fuzz")]


def small_tokenizers(training: list[str]) -> dict[str, Tokenizer]:
    spaces = [AddedToken(" " * length, normalized=True) for length in range(8, 1, -1)]
    split = pre_tokenizers.Split(Regex(check.GPT4), "isolated")
    split_bytes = pre_tokenizers.Sequence([split, pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)])
    unigram = Tokenizer(models.Unigram())
    unigram.pre_tokenizer = pre_tokenizers.Metaspace(prepend_scheme="first")
    unigram.decoder = decoders.Sequence([decoders.ByteFallback(), decoders.Metaspace(prepend_scheme="first")])
    bytes_ = [f"<0x{byte:02X}>" for byte in range(256)]
    unigram.train_from_iterator(training, trainers.UnigramTrainer(vocab_size=560, show_progress=False, unk_token="<unk>", special_tokens=["<unk>", "<s>", *bytes_]))
    content = json.loads(unigram.to_str())
    content["model"]["byte_fallback"] = True
    content["added_tokens"] = [one for one in content["added_tokens"] if not one["content"].startswith("<0x")]
    return {
        "gpt-neox": check.bpe(training, norm=normalizers.NFC(), size=400, added=[AddedToken("<|endoftext|>", special=True, normalized=False), *spaces]),
        "gpt-4": check.bpe(training, pre=split_bytes, size=400, ignore_merges=True),
        "llama": check.llama_like(training),
        "unigram": Tokenizer.from_str(json.dumps(content)),
    }


def make_golden(training: list[str], texts: list[str]) -> None:
    chance = random.Random(1)
    for name, tokenizer in small_tokenizers(training).items():
        outcomes = check.reference_outcomes(tokenizer, texts, chance)
        write(name, [json.loads(tokenizer.to_str()), *map(brief, outcomes)])


def brief(outcome: dict) -> dict:
    """Without what is the same as something else: `special` and `plain` ids, text without special tokens."""
    kept = {"ids": outcome["ids"]}
    kept |= {key: outcome[key] for key in ("special", "plain") if outcome[key] != outcome["ids"]}
    decoded = [with_special if with_special == without else [with_special, without] for with_special, without in outcome["decoded"]]
    return {**kept, "noise": outcome["lists"][-1], "decoded": decoded}


def make_sentencepiece(training: list[str], texts: list[str]) -> None:
    """A BPE as LLaMA's, and a unigram model with rules for characters."""
    lines = [line for text in training for line in text.splitlines() if line.strip()]
    rules = "".join(f"{' '.join(f'{ord(one):04X}' for one in source)}\t{' '.join(f'{ord(one):04X}' for one in target)}\n" for source, target in [("①", "1"), ("ﬁ", "fi"), ("\u00a0", " "), ("\t", " "), ("e\u0301", "é"), ("\u200b", ""), ("ß", "ss")])
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "rules.tsv").write_text(rules)
        cases = {
            "bpe": dict(model_type="bpe", byte_fallback=True, normalization_rule_name="identity", remove_extra_whitespaces=False, split_digits=True, vocab_size=700),
            "unigram": dict(model_type="unigram", normalization_rule_tsv=f"{folder}/rules.tsv", vocab_size=400),
        }
        for name, options in cases.items():
            sentencepiece.SentencePieceTrainer.train(sentence_iterator=iter(lines), model_prefix=f"{folder}/{name}", hard_vocab_limit=False, minloglevel=2, **options)
            (FOLDER / f"sentencepiece-{name}.model").write_bytes((Path(folder) / f"{name}.model").read_bytes())
            processor = sentencepiece.SentencePieceProcessor(model_file=f"{folder}/{name}.model")
            # Names of control tokens in the text are read as such by ours, as in LLaMA's tokenizer.json.
            ids = [None if "<s>" in text or "<unk>" in text else processor.encode(text) for text in texts]
            write(f"sentencepiece-{name}", ids)


def make_training() -> None:
    texts = ["low lower lowest", "newer wider", "aaaa aaa aa", "the the then there", "ab ba ab ba", "Übung übt, naïve café", "1 22 333\n\n  x  ", "🙂🙂 🙂"]
    tokenizer = check.bpe_trained(texts, 320)
    model = json.loads(tokenizer.to_str())["model"]
    write("training", [texts, model["vocab"], model["merges"]])


def tiny(tokens: list[str], merges=(), added=(), **parts) -> dict:
    """The content of a tokenizer.json with a BPE of a few tokens."""
    empty = dict(version="1.0", truncation=None, padding=None, normalizer=None, pre_tokenizer=None, post_processor=None, decoder=None)
    vocab = {token: index for index, token in enumerate(tokens)}
    model = dict(type="BPE", dropout=None, unk_token=None, continuing_subword_prefix=None, end_of_word_suffix=None, fuse_unk=False, byte_fallback=False, vocab=vocab, merges=list(merges))
    flags = dict(single_word=False, lstrip=False, rstrip=False, normalized=False, special=False)
    return {**empty, "added_tokens": [{**flags, "id": len(tokens) + index, **one} for index, one in enumerate(added)], "model": {**model, **parts.pop("model", {})}, **parts}


BYTE_LEVEL = {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True, "use_regex": True}
LLAMA = {"type": "Sequence", "normalizers": [{"type": "Prepend", "prepend": "▁"}, {"type": "Replace", "pattern": {"String": " "}, "content": "▁"}]}
LLAMA_DECODER = {"type": "Sequence", "decoders": [{"type": "Replace", "pattern": {"String": "▁"}, "content": " "}, {"type": "ByteFallback"}, {"type": "Fuse"}, {"type": "Strip", "content": " ", "start": 1, "stop": 0}]}


def library_cases() -> dict[str, tuple[dict, str]]:
    """Where @huggingface/tokenizers 0.2.0 for JavaScript differs: a tokenizer and a text to encode and decode."""
    bytes_ = [f"<0x{byte:02X}>" for byte in range(256)]
    unk = {"content": "<unk>", "special": True, "normalized": True}
    feff = ["i", "»", "¿", ".", "Ċ", "a"]
    return {
        "decodes no ids to no text": (tiny(["a"], decoder={"type": "Fuse"}), ""),
        "decodes a normalized token from its normalized form": (tiny(["<unk>", "▁a"], added=[unk], normalizer=LLAMA, decoder=LLAMA_DECODER, model={"unk_token": "<unk>", "merges": [], "vocab": {"<unk>": 0, "▁": 1, "a": 2}}), "a <unk>"),
        "leaves spaces before punctuation": (tiny(["a", "Ġ", "."], pre_tokenizer=BYTE_LEVEL, decoder=BYTE_LEVEL), "a ."),
        "takes U+FEFF for no space": (tiny(["ï", *feff, "ï»¿", ".ï»¿"], merges=["ï »", "ï» ¿", ". ï»¿"], model={"vocab": {token: index for index, token in enumerate(["ï", "»", "¿", ".", "ï»", "ï»¿", ".ï»¿"])}}, pre_tokenizer=BYTE_LEVEL, decoder=BYTE_LEVEL), ".\ufeff"),
        "takes U+0085 for a space": (tiny([], merges=["Â ħ", "Âħ Ċ"], model={"vocab": {"Â": 0, "ħ": 1, "Ċ": 2, "Âħ": 3, "ÂħĊ": 4}}, pre_tokenizer=BYTE_LEVEL, decoder=BYTE_LEVEL), "\u0085\n"),
        "gives each byte of a broken run its own U+FFFD": (tiny(bytes_, model={"byte_fallback": True, "unk_token": None}, decoder={"type": "Sequence", "decoders": [{"type": "ByteFallback"}, {"type": "Fuse"}]}), "ids:228,184,65"),
        "cuts words at ▁": (tiny(["▁", "a", "▁a", "a▁"], merges=["a ▁", "▁ a"], pre_tokenizer={"type": "Metaspace", "replacement": "▁", "prepend_scheme": "always", "split": True}, decoder={"type": "Metaspace", "replacement": "▁", "prepend_scheme": "always", "split": True}), "a a"),
        "drops every ▁ of the first token": (tiny(["▁", "▁▁", "a"], merges=["▁ ▁"], decoder={"type": "Metaspace", "replacement": "▁", "prepend_scheme": "always", "split": True}), "▁▁a"),
        "gives $ in a replacement no meaning": (tiny(["a", "$", "&"], normalizer={"type": "Replace", "pattern": {"String": "a"}, "content": "$&"}, decoder={"type": "Fuse"}), "a"),
        "has letters beyond ASCII in words": (tiny(["n", "é", "né"], merges=["n é"], pre_tokenizer={"type": "Whitespace"}, decoder={"type": "Fuse"}), "né"),
        "isolates each mark": (tiny([".", ".."], merges=[". ."], pre_tokenizer={"type": "Punctuation", "behavior": "Isolated"}, decoder={"type": "Fuse"}), ".."),
        "merges a match with what follows": (tiny(["-", "a", "-a"], merges=["- a"], pre_tokenizer={"type": "Split", "pattern": {"String": "-"}, "behavior": "MergedWithNext", "invert": False}, decoder={"type": "Fuse"}), "a-a"),
        "lowers a last Σ as any other": (tiny(["α", "σ", "ς"], normalizer={"type": "Lowercase"}, decoder={"type": "Fuse"}), "ΑΣ"),
        "keeps an added token out of words": (tiny(["a", "b", "ab"], merges=["a b"], added=[{"content": "a", "single_word": True}], decoder={"type": "Fuse"}), "ab a"),
        "writes bytes of what a unigram model lacks": ({**tiny([]), "decoder": {"type": "Sequence", "decoders": [{"type": "ByteFallback"}, {"type": "Fuse"}]}, "model": {"type": "Unigram", "unk_id": 0, "byte_fallback": True, "vocab": [["<unk>", 0], *[[byte, 0] for byte in bytes_], ["a", -1]]}}, "aé"),
    }


def make_library_cases() -> None:
    cases = []
    for name, (content, text) in library_cases().items():
        tokenizer = Tokenizer.from_str(json.dumps(content))
        ids = [int(one) for one in text[4:].split(",")] if text.startswith("ids:") else tokenizer.encode(text).ids
        cases.append({"name": name, "tokenizer": content, "text": None if text.startswith("ids:") else text, "ids": ids, "decoded": tokenizer.decode(ids, skip_special_tokens=False)})
    write("library", cases)


def main() -> None:
    texts = read_texts(sys.argv[1])
    training = check.corpus()
    FOLDER.mkdir(exist_ok=True)
    write("texts", texts)
    make_golden(training, texts)
    make_sentencepiece(training, texts)
    make_training()
    make_library_cases()


if __name__ == "__main__":
    main()
