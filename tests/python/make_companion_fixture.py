"""Makes packages/tokenizer/fixtures/companions.jsonl: made-up tokenizers whose tokens are partly named by companion files
only, and what transformers makes of them: ids, special ids, added tokens, and chat templates.

    python tests/python/make_companion_fixture.py
Needs transformers 5, tokenizers 0.23 and sentencepiece. A line is {name, files, texts: [[text, ids, ids with special
tokens, decoded, decoded without special tokens]], special, added, chat}; a `.model` of the files is a name of the fixtures.
"""
import json
import logging
import tempfile
from pathlib import Path

import transformers
from transformers import AutoTokenizer

FOLDER = Path(__file__).resolve().parents[2] / "packages" / "tokenizer" / "fixtures"
KINDS = ("bos", "eos", "pad", "unk")
FLAGS = dict(single_word=False, lstrip=False, rstrip=False, normalized=False, special=False)
FAST = {"tokenizer_class": "PreTrainedTokenizerFast"}


def content(model: dict, added=(), **parts) -> dict:
    empty = dict(version="1.0", truncation=None, padding=None, added_tokens=list(added), normalizer=None, pre_tokenizer=None, post_processor=None, decoder=None)
    return {**empty, **parts, "model": model}


def words(*tokens: str, added=(), **parts) -> dict:
    vocab = {token: index for index, token in enumerate(tokens)}
    return content(dict(type="WordLevel", vocab=vocab, unk_token="?"), added, pre_tokenizer={"type": "WhitespaceSplit"}, **parts)


def letters(text: str, merges=(), added=(), vocab=None, **parts) -> dict:
    made = {token: index for index, token in enumerate([*text, *(merge.replace(" ", "") for merge in merges)])}
    model = dict(type="BPE", dropout=None, unk_token=None, continuing_subword_prefix=None, end_of_word_suffix=None, fuse_unk=False, byte_fallback=False, vocab=vocab or made, merges=list(merges))
    return content(model, added, **{"decoder": {"type": "Fuse"}, **parts})


def token(text: str, index: int | None = None, **flags) -> dict:
    return {**({} if index is None else {"id": index}), "content": text, **FLAGS, **flags}


def decoder_of(*tokens: tuple[int, dict]) -> dict:
    return {"added_tokens_decoder": {str(index): one for index, one in tokens}}


TEXTS = ["mill <turn> river", "<turn><pause>mill", "a <turn>  b", "xturny turn x", "", " <pause> "]
LOWER = {"normalizer": {"type": "Lowercase"}}
SPECIAL = dict(special=True)
RIVER = words("?", "mill", "river", "grey")
CLS = {"type": "BertProcessing", "sep": ["[SEP]", 1], "cls": ["[CLS]", 0]}
PIECE = dict(type="WordPiece", unk_token="[UNK]", continuing_subword_prefix="##", max_input_chars_per_word=100, vocab={token: index for index, token in enumerate(["[CLS]", "[SEP]", "[UNK]", "mi", "##ll", "river", "turn"])})
UNIGRAM = dict(type="Unigram", unk_id=0, byte_fallback=False, vocab=[["<unk>", 0.0], ["▁", -2.0], ["mill", -3.0], ["▁river", -4.0], ["a", -5.0], ["b", -5.0]])
TEMPLATES = {"additional_chat_templates/tool_use.jinja": "tools: {{ tools | length }}", "additional_chat_templates/rag.jinja": "rag"}

CASES = {
    "words, special and plain": {
        "tokenizer.json": RIVER,
        "tokenizer_config.json": {**FAST, "eos_token": "<turn>", **decoder_of((4, token("<turn>", **SPECIAL)), (5, token("<pause>")))},
    },
    "added_tokens.json alone": {"tokenizer.json": RIVER, "tokenizer_config.json": {**FAST, "eos_token": "<turn>"}, "added_tokens.json": {"<turn>": 4, "<pause>": 5}},
    "added_tokens.json in another order than its ids": {"tokenizer.json": RIVER, "tokenizer_config.json": FAST, "added_tokens.json": {"<pause>": 5, "<turn>": 4}},
    "both files": {"tokenizer.json": RIVER, "tokenizer_config.json": {**FAST, **decoder_of((4, token("<turn>")))}, "added_tokens.json": {"<turn>": 4, "<pause>": 5}},
    "ids that leave a gap": {"tokenizer.json": RIVER, "tokenizer_config.json": {**FAST, **decoder_of((10, token("<turn>")), (7, token("<pause>")))}},
    "lstrip and rstrip": {
        "tokenizer.json": letters("mil rveabxyt<>upsn", ["m i", "a b"]),
        "tokenizer_config.json": {**FAST, **decoder_of((30, token("<turn>", lstrip=True)), (31, token("<pause>", rstrip=True)))},
    },
    "single words": {"tokenizer.json": letters("mil rveabxyt<>upsn", ["m i"]), "tokenizer_config.json": {**FAST, **decoder_of((30, token("turn", single_word=True)), (31, token("mill", single_word=True, special=True)))}},
    "normalized tokens": {"tokenizer.json": letters("mil rveabxyt<>upsn", ["m i"], **LOWER), "tokenizer_config.json": {**FAST, **decoder_of((30, token("<TURN>", normalized=True)), (31, token("<PAUSE>")))}},
    "word pieces with objects for names": {
        "tokenizer.json": content(PIECE, [token("[CLS]", 0, **SPECIAL), token("[SEP]", 1, **SPECIAL)], pre_tokenizer={"type": "BertPreTokenizer"}, post_processor=CLS, decoder={"type": "WordPiece", "prefix": "##", "cleanup": True}),
        "tokenizer_config.json": {**FAST, "eos_token": {"__type": "AddedToken", **token("<turn>", lstrip=True)}, "pad_token": {"__type": "AddedToken", **token("[SEP]")}, **decoder_of((7, token("<turn>", lstrip=True, special=True)), (8, token("<pause>", **SPECIAL)))},
    },
    "a unigram model and special_tokens_map.json": {
        "tokenizer.json": content(UNIGRAM, [token("<unk>", 0, **SPECIAL)], pre_tokenizer={"type": "Metaspace", "replacement": "▁", "prepend_scheme": "always", "split": True}),
        "tokenizer_config.json": FAST,
        "special_tokens_map.json": {"eos_token": {"content": "<turn>", "lstrip": False, "normalized": False, "rstrip": True, "single_word": False}, "unk_token": "<unk>", "additional_special_tokens": ["<pause>"]},
        "added_tokens.json": {"<turn>": 6, "<pause>": 7},
    },
    "the map counts before the config": {"tokenizer.json": RIVER, "tokenizer_config.json": {**FAST, "eos_token": "mill", "pad_token": "grey"}, "special_tokens_map.json": {"eos_token": "river"}},
    "an added token of the vocabulary": {"tokenizer.json": RIVER, "tokenizer_config.json": {**FAST, "bos_token": "mill", **decoder_of((1, token("mill", **SPECIAL)), (4, token("<turn>", **SPECIAL)))}},
    "names that the vocabulary lacks": {"tokenizer.json": RIVER, "tokenizer_config.json": {**FAST, "bos_token": "<pause>", "eos_token": "</s>", "pad_token": "<turn>", "unk_token": "?"}},
    "tokenizer.json has other flags": {
        "tokenizer.json": letters("mil rveabxyt<>upsn", ["m i"], added=[token("<turn>", 18), token("<pause>", 19, normalized=True)]),
        "tokenizer_config.json": {**FAST, "eos_token": "<turn>", **decoder_of((18, token("<turn>", lstrip=True, special=True)), (19, token("<pause>", rstrip=True)))},
    },
    "a name that is an added token and not special": {"tokenizer.json": words("?", "mill", added=[token("<turn>", 2)]), "tokenizer_config.json": {**FAST, "eos_token": "<turn>"}},
    "additional and extra special tokens": {"tokenizer.json": RIVER, "tokenizer_config.json": {**FAST, "additional_special_tokens": ["<turn>", {"__type": "AddedToken", **token("<pause>", lstrip=True)}]}},
    "extra special tokens as a list": {"tokenizer.json": RIVER, "tokenizer_config.json": {**FAST, "extra_special_tokens": ["<pause>", "river"], "image_token": "<turn>"}},
    "extra special tokens with names": {"tokenizer.json": RIVER, "tokenizer_config.json": {**FAST, "extra_special_tokens": {"image_token": "<turn>"}}},
    "a sparse vocabulary": {"tokenizer.json": letters("", ["a b"], vocab={"a": 0, "b": 1, "ab": 2, "<turn>": 9}, added=[token("<turn>", 9)]), "tokenizer_config.json": {**FAST, **decoder_of((9, token("<turn>")), (10, token("<pause>")))}},
    "bytes and merges": {
        "tokenizer.json": letters("abmilrvetunps<>xyĠ", ["Ġ m", "a b"], pre_tokenizer={"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True, "use_regex": True}, decoder={"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True, "use_regex": True}),
        "tokenizer_config.json": {**FAST, "eos_token": "<turn>", "pad_token": "<pause>", **decoder_of((20, token("<turn>", **SPECIAL)), (21, token("<pause>", normalized=True, special=True)))},
    },
    "a template for tools": {"tokenizer.json": RIVER, "tokenizer_config.json": {**FAST, "chat_template": "old"}, "chat_template.jinja": "plain {{ eos_token }}", **TEMPLATES},
    "only additional templates": {"tokenizer.json": RIVER, "tokenizer_config.json": {**FAST, "chat_template": [{"name": "default", "template": "old"}]}, "additional_chat_templates/tool_use.jinja": "tools"},
    "named templates in the config": {"tokenizer.json": RIVER, "tokenizer_config.json": {**FAST, "eos_token": "mill", "chat_template": [{"name": "default", "template": "d {{ eos_token }}"}, {"name": "tool_use", "template": "t"}]}},
    "a SentencePiece model": {"tokenizer.model": "sentencepiece-bpe.model", "tokenizer_config.json": {"tokenizer_class": "LlamaTokenizer", "eos_token": "<turn>", **decoder_of((700, token("<turn>", **SPECIAL)), (701, token("<pause>", rstrip=True)))}},
    "a SentencePiece model with added_tokens.json": {"tokenizer.model": "sentencepiece-bpe.model", "tokenizer_config.json": {"tokenizer_class": "LlamaTokenizer"}, "added_tokens.json": {"<turn>": 700, "<pause>": 701}},
}
CHATS = {"plain": {}, "tools": {"tools": [{"type": "function"}]}, "rag": {"chat_template": "rag"}}


def write_files(folder: Path, files: dict) -> None:
    for name, value in files.items():
        (folder / name).parent.mkdir(exist_ok=True)
        if name.endswith(".model"):
            (folder / name).write_bytes((FOLDER / value).read_bytes())
        else:
            (folder / name).write_text(value if isinstance(value, str) else json.dumps(value))


def chat(tokenizer, options: dict) -> str | None:
    try:
        return tokenizer.apply_chat_template([{"role": "user", "content": "hi"}], tokenize=False, **options)
    except ValueError:
        return None


def outcome(name: str, files: dict) -> dict:
    with tempfile.TemporaryDirectory() as folder:
        write_files(Path(folder), files)
        tokenizer = AutoTokenizer.from_pretrained(folder)
    texts = []
    for text in TEXTS:
        ids = tokenizer(text, add_special_tokens=False)["input_ids"]
        decoded = [tokenizer.decode(ids, skip_special_tokens=skip, clean_up_tokenization_spaces=False) for skip in (False, True)]
        texts.append([text, ids, tokenizer(text)["input_ids"], *decoded])
    special = {kind: getattr(tokenizer, f"{kind}_token_id") for kind in KINDS}
    added = {str(index): [one.content, one.special] for index, one in tokenizer.added_tokens_decoder.items()}
    chats = {key: chat(tokenizer, options) for key, options in CHATS.items()} if tokenizer.chat_template else None
    return {"name": name, "files": files, "texts": texts, "special": special, "added": added, "chat": chats}


def main() -> None:
    transformers.logging.set_verbosity_error()
    logging.disable(logging.WARNING)
    lines = []
    for name, files in CASES.items():
        try:
            lines.append(outcome(name, files))
        except Exception as error:  # a case that Python cannot open is none
            print(f"{name}: {type(error).__name__}: {error}")
    text = "".join(json.dumps(line, ensure_ascii=False, separators=(",", ":")) + "\n" for line in lines)
    (FOLDER / "companions.jsonl").write_text(text)
    print(f"{len(lines)} cases")


if __name__ == "__main__":
    main()
