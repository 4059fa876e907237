"""Compares @densessm/tokenizer with tokenizers, sentencepiece and transformers for Python on many small tokenizers.

Needs Python >= 3.10 with tokenizers 0.23, sentencepiece, protobuf, transformers and jinja2, Node, and this repository
after `npm run setup`. Run it from anywhere:
    python tests/python/check_tokenizer.py [texts per tokenizer]
It is not part of `npm test`, which must not need Python. Exits non-zero where the two disagree:
  - tokenizers made in Python, of every type and option that ours reads, have the same ids and texts in ours;
  - what ours trains is what Python's BpeTrainer trains; our tokenizers open in Python with the same ids;
  - SentencePiece models have the ids that sentencepiece gives them;
  - chat templates render the same.
All tokenizers are trained here, on this repository's own text.
"""
import itertools
import json
import random
import subprocess
import sys
import tempfile
from pathlib import Path

import sentencepiece
from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers

ROOT = Path(__file__).resolve().parents[2]
SCRIPTS = Path(__file__).resolve().parent

GPT4 = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
QWEN = GPT4.replace(r"\p{N}{1,3}", r"\p{N}")
GPT4O = r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+(?i:'s|'t|'re|'ve|'m|'ll|'d)?|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*(?i:'s|'t|'re|'ve|'m|'ll|'d)?|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+"

ALPHABET = (
    list("aeinorst AEZ zZ  \n\t\r._'!?<>|/0123459-=()")
    + ["'s", "'ll", "n't", " the", "tion", " of", "é", "e\u0301", "ñ", "ß", "ü", "и", "Я", "Σ", "σς", "İ", "ſ", "ǅ", "中", "文", "日本", "한", "\u1112\u1161\u11ab", "ع", "ا", "अ", "ไ"]
    + ["🙂", "👩\u200d👧", "🇨🇭", "𝐱", "\u0300", "\u0301\u0327", "\u00a0", "\u2009", "\u3000", "\u0085", "\u200b", "\ufeff", "\u200d", "\u2028", "\x00", "\x01", "\x1f", "\x7f", "\ufffd", "\ue000", "\U0010ffff", "²", "½", "Ⅷ", "٣", "①", "﷼", "ﬁ", "…", "—", "“", "«", "¿", "_", "‿"]
    + ["▁", "▁▁", "  ", "   ", "    ", "\n\n", "Ġ", "Ċ", "<s>", "</s>", "<unk>", "<0x41>", "<0xE2>", "[MASK]", "<|endoftext|>", "tok", "Tok", "$&", "$1", "\\"]
)


def fuzz_texts(count: int, chance: random.Random) -> list[str]:
    made = ["".join(chance.choices(ALPHABET, k=chance.randrange(1, 30))) for _ in range(count)]
    return ["", " ", "\n", "a", "▁", "Hello, world!", " ".join(ALPHABET), "a" * 300, "ab" * 200 + " " * 70 + "x"] + made


def corpus() -> list[str]:
    """This repository's own words."""
    files = [*ROOT.glob("packages/*/README.md"), *ROOT.glob("packages/*/src/*.ts"), *ROOT.glob("scripts/*.ts")]
    return [path.read_text() for path in sorted(files)] + ["".join(ALPHABET), "naïve café Übergröße Привет мир 日本語 한국어"]


ADDED = [
    AddedToken("<s>", special=True, normalized=False),
    AddedToken("</s>", special=True, normalized=True),
    AddedToken("<|endoftext|>", special=True, normalized=False),
    AddedToken("[MASK]", special=True, normalized=False, lstrip=True),
    AddedToken("$&", special=False, normalized=False, rstrip=True),
    AddedToken("tok", special=False, normalized=True, single_word=True),
    AddedToken("  ", special=False, normalized=True),
    AddedToken("   ", special=False, normalized=True),
    AddedToken("é", special=False, normalized=True),
]


def bpe(training: list[str], pre=None, norm=None, decoder=None, post=None, size=600, added=(), **kwargs) -> Tokenizer:
    known = {key: kwargs.pop(key) for key in ("continuing_subword_prefix", "end_of_word_suffix") if key in kwargs}
    tokenizer = Tokenizer(models.BPE(**kwargs, **known))
    tokenizer.pre_tokenizer = pre or pre_tokenizers.ByteLevel(add_prefix_space=False)
    if norm:
        tokenizer.normalizer = norm
    alphabet = pre_tokenizers.ByteLevel.alphabet() if pre is None or "ByteLevel" in str(pre) else []
    special = ([kwargs["unk_token"]] if kwargs.get("unk_token") else []) + ["<s>", "</s>"]
    tokenizer.train_from_iterator(training, trainers.BpeTrainer(vocab_size=size, show_progress=False, initial_alphabet=alphabet, special_tokens=special, limit_alphabet=400, **known))
    tokenizer.decoder = decoder or decoders.ByteLevel()
    tokenizer.add_tokens(list(added))
    if post:
        tokenizer.post_processor = post
    return tokenizer


def llama_like(training: list[str]) -> Tokenizer:
    """A BPE on characters with byte fallback, as LLaMA's tokenizer.json has it."""
    trained = bpe(training, pre=pre_tokenizers.Metaspace(prepend_scheme="always"), unk_token="<unk>", fuse_unk=True)
    content = json.loads(trained.to_str())
    names = ["<unk>", "<s>", "</s>"] + [f"<0x{byte:02X}>" for byte in range(256)]
    tokens = names + [token for token in content["model"]["vocab"] if token not in names]
    content["model"].update(vocab={token: index for index, token in enumerate(tokens)}, byte_fallback=True)
    content["added_tokens"] = [dict(id=index, content=names[index], single_word=False, lstrip=False, rstrip=False, normalized=True, special=True) for index in range(3)]
    content["pre_tokenizer"] = None
    content["normalizer"] = {"type": "Sequence", "normalizers": [{"type": "Prepend", "prepend": "▁"}, {"type": "Replace", "pattern": {"String": " "}, "content": "▁"}]}
    content["decoder"] = {"type": "Sequence", "decoders": [{"type": "Replace", "pattern": {"String": "▁"}, "content": " "}, {"type": "ByteFallback"}, {"type": "Fuse"}, {"type": "Strip", "content": " ", "start": 1, "stop": 0}]}
    tokenizer = Tokenizer.from_str(json.dumps(content))
    tokenizer.post_processor = processors.TemplateProcessing(single="<s> $A", pair="<s> $A <s> $B", special_tokens=[("<s>", 1)])
    return tokenizer


def byte_level_ones(training: list[str]) -> dict[str, Tokenizer]:
    byte_level = lambda **kwargs: pre_tokenizers.ByteLevel(**{"add_prefix_space": False, **kwargs})
    split = lambda pattern, behavior="isolated", invert=False: pre_tokenizers.Sequence([pre_tokenizers.Split(Regex(pattern), behavior, invert), byte_level(use_regex=False)])
    made = {
        "byte-level": bpe(training),
        "byte-level added": bpe(training, added=ADDED),
        "byte-level NFC added": bpe(training, norm=normalizers.NFC(), added=ADDED),
        "byte-level prefix": bpe(training, pre=byte_level(add_prefix_space=True)),
        "byte-level digits": bpe(training, pre=pre_tokenizers.Sequence([pre_tokenizers.Digits(individual_digits=True), byte_level()])),
        "byte-level twice": bpe(training, pre=pre_tokenizers.Sequence([byte_level(), pre_tokenizers.Split("Ġ", "merged_with_next")])),
        "gpt-4": bpe(training, pre=split(GPT4), ignore_merges=True),
        "qwen": bpe(training, pre=split(QWEN), norm=normalizers.NFC()),
        "gpt-4o": bpe(training, pre=split(GPT4O)),
        "split inverted": bpe(training, pre=split(r"\w+|[^\w\s]+", "removed", True)),
        "roberta": bpe(training, added=ADDED, post=processors.RobertaProcessing(("</s>", 1), ("<s>", 0))),
        "lower": bpe(training, norm=normalizers.Sequence([normalizers.NFD(), normalizers.Lowercase(), normalizers.StripAccents()]), added=ADDED),
        "strip": bpe(training, norm=normalizers.Sequence([normalizers.Strip(), normalizers.NFKC(), normalizers.Replace("a", "$&")])),
        "replace": bpe(training, norm=normalizers.Replace(Regex(r"\s+"), " ")),
        "byte-level normalizer": bpe(training, norm=normalizers.ByteLevel(), pre=pre_tokenizers.Split(Regex("Ġ"), "merged_with_next"), size=500),
        "template": bpe(training, post=processors.TemplateProcessing(single="<s> $A </s> </s>", pair="$A $B", special_tokens=[("<s>", 0), ("</s>", 1)])),
        "sequence post": bpe(training, post=processors.Sequence([processors.ByteLevel(), processors.TemplateProcessing(single="<s> $A", pair="$A $B", special_tokens=[("<s>", 0)])])),
    }
    for behavior, pattern in itertools.product(["removed", "isolated", "merged_with_previous", "merged_with_next", "contiguous"], [r"\s", r"[aeiou]+"]):
        made[f"split {behavior} {pattern}"] = bpe(training, pre=split(pattern, behavior), size=400)
    return made


def character_ones(training: list[str]) -> dict[str, Tokenizer]:
    metaspace = lambda **kwargs: pre_tokenizers.Metaspace(**kwargs)
    unk = dict(unk_token="<unk>")
    made = {
        "llama": llama_like(training),
        "suffix": bpe(training, pre=pre_tokenizers.Whitespace(), decoder=decoders.BPEDecoder(), end_of_word_suffix="</w>", **unk),
        "prefix": bpe(training, pre=pre_tokenizers.WhitespaceSplit(), decoder=decoders.WordPiece(), continuing_subword_prefix="##", **unk),
        "unknown fused": bpe(training, pre=pre_tokenizers.Whitespace(), decoder=decoders.Fuse(), fuse_unk=True, **unk),
        "unknown dropped": bpe(training, pre=pre_tokenizers.Punctuation(), decoder=decoders.Fuse()),
        "punctuation": bpe(training, pre=pre_tokenizers.Punctuation("merged_with_previous"), decoder=decoders.Fuse(), **unk),
        "bert": bpe(training, pre=pre_tokenizers.BertPreTokenizer(), decoder=decoders.CTC(pad_token="a"), **unk),
        "delimiter": bpe(training, pre=pre_tokenizers.CharDelimiterSplit("."), decoder=decoders.CTC(cleanup=False), **unk),
        "digits": bpe(training, pre=pre_tokenizers.Digits(), decoder=decoders.Strip("e", 1, 0), **unk),
        "no decoder": bpe(training, pre=pre_tokenizers.Whitespace(), **unk),
        "fixed length": bpe(training, pre=pre_tokenizers.FixedLength(3), decoder=decoders.Sequence([decoders.Fuse(), decoders.Replace(Regex("[aeiou]+"), "$&")]), **unk),
    }
    made["no decoder"] = Tokenizer.from_str(json.dumps({**json.loads(made["no decoder"].to_str()), "decoder": None}))
    for scheme, splits in itertools.product(["always", "first", "never"], [True, False]):
        made[f"metaspace {scheme} {splits}"] = bpe(training, pre=metaspace(prepend_scheme=scheme, split=splits), decoder=decoders.Metaspace(prepend_scheme=scheme), added=ADDED, size=800, **unk)
    for fallback in (False, True):
        unigram = Tokenizer(models.Unigram())
        unigram.pre_tokenizer = metaspace()
        unigram.decoder = decoders.Sequence([decoders.ByteFallback(), decoders.Metaspace()])
        byte_names = [f"<0x{byte:02X}>" for byte in range(256)] if fallback else []
        unigram.train_from_iterator(training, trainers.UnigramTrainer(vocab_size=900, show_progress=False, unk_token="<unk>", special_tokens=["<unk>", "<s>"] + byte_names))
        content = json.loads(unigram.to_str())
        content["model"]["byte_fallback"] = fallback
        content["added_tokens"] = [one for one in content["added_tokens"] if not one["content"].startswith("<0x")]
        made[f"unigram {fallback}"] = Tokenizer.from_str(json.dumps(content))
    made["word level"] = Tokenizer(models.WordLevel({"<unk>": 0, "the": 1, "a": 2, "é": 3}, unk_token="<unk>"))
    made["word level"].pre_tokenizer = pre_tokenizers.Whitespace()
    return made


def reference_outcomes(tokenizer: Tokenizer, texts: list[str], chance: random.Random) -> list[dict]:
    size = tokenizer.get_vocab_size()
    outcomes = []
    for text in texts:
        ids = tokenizer.encode(text, add_special_tokens=False).ids
        noise = chance.choices(range(size), k=chance.randrange(1, 12))
        tokenizer.encode_special_tokens = True
        plain = tokenizer.encode(text, add_special_tokens=False).ids
        tokenizer.encode_special_tokens = False
        lists = [ids, noise] if ids else [noise]
        outcomes.append({
            "text": text, "ids": ids, "special": tokenizer.encode(text).ids, "plain": plain, "lists": lists,
            "decoded": [[tokenizer.decode(one, skip_special_tokens=skip) for skip in (False, True)] for one in lists],
        })
    return outcomes


def run_ours(command: str, folder: Path) -> dict:
    command_line = ["node", "--import", "tsx", "--conditions=@densessm/source", str(SCRIPTS / "check_tokenizer.ts"), command, str(folder)]
    done = subprocess.run(command_line, cwd=ROOT, capture_output=True, text=True)
    if done.returncode != 0:
        sys.exit(f"{command}: {done.stderr}")
    return json.loads(done.stdout)


def check_reading(folder: Path, count: int) -> list[str]:
    chance = random.Random(1)
    training = corpus()
    tokenizers = {**byte_level_ones(training), **character_ones(training)}
    for index, (name, tokenizer) in enumerate(tokenizers.items()):
        outcomes = reference_outcomes(tokenizer, fuzz_texts(count, chance), chance)
        content = {"name": name, "tokenizer": json.loads(tokenizer.to_str()), "outcomes": outcomes}
        (folder / f"{index}.json").write_text(json.dumps(content))
    wrong = run_ours("read", folder)
    print(f"{len(tokenizers)} tokenizers of Python read by ours, {count + 9} texts each: {sum(map(len, wrong.values()))} differences")
    return [f"{name}: {one}" for name, ones in wrong.items() for one in ones[:3]]


def check_training(folder: Path, count: int) -> list[str]:
    training = corpus()
    (folder / "corpus.json").write_text(json.dumps(training))
    texts = fuzz_texts(count, random.Random(2))
    (folder / "texts.json").write_text(json.dumps(texts))
    made = run_ours("make", folder)
    wrong = []
    for size in (300, 1000, 4000):
        reference = bpe_trained(training, size)
        ours = made[f"trained {size}"]["tokenizer"]["model"]
        theirs = json.loads(reference.to_str())["model"]
        wrong += [f"trained {size}: other {key}" for key in ("vocab", "merges") if ours[key] != theirs[key]]
    for name, one in made.items():
        opened = Tokenizer.from_str(json.dumps(one["tokenizer"]))
        for text, ids, decoded in zip(texts, one["ids"], one["decoded"]):
            if opened.encode(text).ids != ids or opened.decode(ids, skip_special_tokens=False) != decoded:
                wrong.append(f"{name}: {text!r} has other ids or text in Python")
    print(f"{len(made)} tokenizers of ours opened in Python, {len(texts)} texts each; 3 compared with BpeTrainer: {len(wrong)} differences")
    return wrong


def bpe_trained(training: list[str], size: int) -> Tokenizer:
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    trainer = trainers.BpeTrainer(vocab_size=size, min_frequency=2, show_progress=False, special_tokens=["<|endoftext|>"], initial_alphabet=pre_tokenizers.ByteLevel.alphabet())
    tokenizer.train_from_iterator([part for text in training for part in text.split("<|endoftext|>")], trainer)
    return tokenizer


def check_sentencepiece(folder: Path, count: int) -> list[str]:
    lines = [line for text in corpus() for line in text.splitlines() if line.strip()]
    # Names of control tokens and bytes in the text are read as such in a tokenizer.json, and never by sentencepiece.
    texts = [text for text in fuzz_texts(count, random.Random(3)) if not any(name in text for name in ("<s>", "</s>", "<unk>", "<0x"))]
    cases = {
        "bpe": dict(model_type="bpe", byte_fallback=True, normalization_rule_name="identity", remove_extra_whitespaces=False, split_digits=True),
        "bpe trimmed": dict(model_type="bpe", byte_fallback=True, normalization_rule_name="identity"),
        "bpe no fallback": dict(model_type="bpe", normalization_rule_name="identity", add_dummy_prefix=False),
        "unigram": dict(model_type="unigram", byte_fallback=True, normalization_rule_name="identity", remove_extra_whitespaces=False),
        "bpe nfkc": dict(model_type="bpe", byte_fallback=True),
        "unigram nfkc": dict(model_type="unigram", normalization_rule_name="nmt_nfkc"),
    }
    expected = {}
    for index, (name, options) in enumerate(cases.items()):
        prefix = str(folder / f"{index}")
        sentencepiece.SentencePieceTrainer.train(sentence_iterator=iter(lines), model_prefix=prefix, vocab_size=900, hard_vocab_limit=False, minloglevel=2, **options)
        processor = sentencepiece.SentencePieceProcessor(model_file=f"{prefix}.model")
        expected[f"{index}.model"] = (name, [processor.encode(text) for text in texts], processor)
    (folder / "texts.json").write_text(json.dumps(texts))
    ours = run_ours("sentencepiece", folder)
    wrong = []
    for file, (name, lists, processor) in expected.items():
        bad = [(text, ids, mine) for text, ids, mine in zip(texts, lists, ours[file]["ids"]) if ids != mine]
        print(f"sentencepiece {name}: {len(bad)} of {len(texts)} texts differ")
        wrong += [f"sentencepiece {name}: {text!r}: {ids} {mine}" for text, ids, mine in bad[:3]]
        opened = Tokenizer.from_str(json.dumps(ours[file]["tokenizer"]))
        if "nfkc" in name:  # tokenizers applies such rules to graphemes, and drops the accent of an accented space
            wrong += check_graphemes(opened, texts)
            continue
        other = [text for text, mine in zip(texts, ours[file]["ids"]) if opened.encode(text, add_special_tokens=False).ids != mine]
        wrong += [f"sentencepiece {name} as tokenizer.json: {text!r} has other ids in Python" for text in other[:3]]
    return wrong


def check_graphemes(tokenizer: Tokenizer, texts: list[str]) -> list[str]:
    """The same rules in a tokenizer.json of Python."""
    outcomes = reference_outcomes(tokenizer, texts, random.Random(4))
    with tempfile.TemporaryDirectory() as folder:
        content = {"name": "charsmap", "tokenizer": json.loads(tokenizer.to_str()), "outcomes": outcomes}
        (Path(folder) / "0.json").write_text(json.dumps(content))
        return [f"charsmap: {one}" for one in run_ours("read", Path(folder))["charsmap"][:3]]


CHATS = [
    [{"role": "user", "content": "Hi  there"}],
    [{"role": "system", "content": "Be <b>brief</b>."}, {"role": "user", "content": "2 + 2?"}, {"role": "assistant", "content": " 4 "}, {"role": "user", "content": "Ünd \"3\"?\n"}],
]
TEMPLATES = {
    "chatml": "{% for message in messages %}{{'<|im_start|>' + message['role'] + '\n' + message['content'] + '<|im_end|>' + '\n'}}{% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}",
    "trimmed": "{{ bos_token }}{% for m in messages %}\n{% if m.role == 'user' %}\n[INST] {{ m.content | trim }} [/INST]{% elif m.role == 'system' %}<<SYS>>{{ m['content'] }}<</SYS>>{% else %} {{ m.content|trim ~ eos_token }}{% endif %}{% endfor %}",
    "loop": "{%- for m in messages -%}{{ loop.index0 }}{% if loop.last %}*{% endif %}:{{ m.content | upper }}\n{%- endfor -%}{% set ns = namespace(n=0) %}{% for m in messages %}{% set ns.n = ns.n + 1 %}{% endfor %}{{ ns.n }} {{ messages | length }} {{ messages[0] | tojson }}",
    "tools": "{% if tools %}{{ tools | tojson(indent=2) }}{% else %}none{% endif %}{% if documents is defined and documents %}d{% endif %}{{ extra | default('x') }}",
}


def check_chats(folder: Path) -> list[str]:
    from transformers.utils.chat_template_utils import render_jinja_template

    cases = [
        {"template": template, "messages": messages, "prompt": prompt, "tools": tools}
        for template in TEMPLATES.values() for messages in CHATS for prompt in (False, True) for tools in (None, [{"name": "f", "a": [1, True, None]}])
    ]
    (folder / "chats.json").write_text(json.dumps(cases))
    rendered = run_ours("chats", folder)
    wrong = []
    for case, mine in zip(cases, rendered["texts"]):
        [[text], _] = render_jinja_template([case["messages"]], tools=case["tools"], chat_template=case["template"], add_generation_prompt=case["prompt"], bos_token="<s>", eos_token="</s>")
        if text != mine:
            wrong.append(f"chat template {case['template'][:40]!r}: {text!r}, ours {mine!r}")
    print(f"{len(cases)} chats: {len(wrong)} differences")
    return wrong


def main() -> None:
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 200
    wrong = []
    for check in (check_reading, check_training, check_sentencepiece):
        with tempfile.TemporaryDirectory() as folder:
            wrong += check(Path(folder), count)
    with tempfile.TemporaryDirectory() as folder:
        wrong += check_chats(Path(folder))
    print("\n".join(wrong) if wrong else "no disagreement")
    sys.exit(1 if wrong else 0)


if __name__ == "__main__":
    main()
