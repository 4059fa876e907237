"""Writes golden.json: what transformers generates with the fixture mamba_tied. Run from the repository's root:

    python tests/python/make_generation_golden.py fixtures/mamba_tied > packages/generate/golden/golden.json

Then `npm run format`. Beam search under several options, and the processed logits of transformers' own logits processors for one row.
"""

import json
import sys

import torch
import transformers
from safetensors.torch import load_file
from transformers import MambaConfig, MambaForCausalLM
from transformers.generation import logits_process as processors

folder = sys.argv[1]
config = MambaConfig.from_json_file(f"{folder}/config.json")
model = MambaForCausalLM(config).eval().double()
model.load_state_dict(load_file(f"{folder}/model.safetensors"), strict=False)
model.tie_weights()
PROMPT = [68, 96, 91, 1, 3]

BEAMS = [
    {"num_beams": 2, "length_penalty": 1.0, "early_stopping": False, "eos": []},
    {"num_beams": 3, "length_penalty": 1.0, "early_stopping": False, "eos": [4]},
    {"num_beams": 4, "length_penalty": 0.0, "early_stopping": "never", "eos": [4, 84]},
    {"num_beams": 4, "length_penalty": 2.0, "early_stopping": "never", "eos": [4, 13]},
    {"num_beams": 5, "length_penalty": -1.0, "early_stopping": True, "eos": [3, 4, 13]},
    {"num_beams": 3, "length_penalty": 1.0, "early_stopping": True, "eos": [18], "repetition_penalty": 1.5, "no_repeat_ngram_size": 2},
]


def beams(options):
    """All returned texts of one search, best first."""
    extra = {key: options[key] for key in ("repetition_penalty", "no_repeat_ngram_size") if key in options}
    out = model.generate(
        torch.tensor([PROMPT]),
        attention_mask=torch.ones(1, len(PROMPT), dtype=torch.int64),  # else one is made up from pad_token_id
        do_sample=False,
        num_beams=options["num_beams"],
        num_return_sequences=options["num_beams"],
        length_penalty=options["length_penalty"],
        early_stopping=options["early_stopping"],
        eos_token_id=options["eos"] or None,
        pad_token_id=96,
        max_new_tokens=12,
        return_dict_in_generate=True,
        output_scores=True,
        **extra,
    )
    texts = []
    for row, score in zip(out.sequences.tolist(), out.sequences_scores.tolist()):
        text = row[len(PROMPT) :]
        ends = [i for i, token in enumerate(text) if token in options["eos"]]
        texts.append({"tokens": text[: ends[0] + 1] if ends else text, "score": score})
    return {"options": options, "beams": texts}


def processed():
    """Each processor alone, then all in the order of `_get_logits_processor`."""
    history = torch.tensor([[1, 3, 3, 5, 1, 3]])
    logits = torch.tensor([[0.5, 2.0, -1.0, 1.25, 1.75, 0.0, -0.25, 1.0]])
    chain = {
        "logitBias": processors.SequenceBiasLogitsProcessor([[[2], 3.0]]),
        "repetitionPenalty": processors.RepetitionPenaltyLogitsProcessor(1.5),
        "noRepeatNgram": processors.NoRepeatNGramLogitsProcessor(2),
        "temperature": processors.TemperatureLogitsWarper(0.7),
        "topK": processors.TopKLogitsWarper(5),
        "topP": processors.TopPLogitsWarper(0.8),
        "minP": processors.MinPLogitsWarper(0.2),
    }
    listed = lambda row: [None if value == float("-inf") else value for value in row[0].tolist()]
    alone = {name: listed(one(history, logits.clone())) for name, one in chain.items()}
    row = logits.clone()
    for one in chain.values():
        row = one(history, row)
    return {"history": history[0].tolist(), "logits": logits[0].tolist(), "alone": alone, "all": listed(row)}


with torch.no_grad():
    golden = {
        "versions": {"torch": torch.__version__, "transformers": transformers.__version__},
        "prompt": PROMPT,
        "searches": [beams(options) for options in BEAMS],
        "processors": processed(),
    }
print(json.dumps(golden, indent=1))
