"""Drives `densessm serve` with Python's own clients: openai, and lm-evaluation-harness with `local-completions`.

Needs Python >= 3.10 with torch, transformers 5, tokenizers and openai, Node, and this repository after `npm run setup`. Run it from anywhere:
    python tests/python/check_server.py
With lm_eval (0.4) and datasets beside them, lm_eval evaluates tasks through the server, with its remote tokenizer and with Hugging Face's, and every
metric must be that of `densessm eval` on the same files to 1e-4; what it generates must be what `densessm generate` writes. What lm_eval imports
and does not use here (evaluate, sqlitedict, pytablewriter) may be missing. It is not part of `npm test`, which must not need Python.
"""
import json
import os
import subprocess
import sys
import tempfile
import types
from pathlib import Path

from check_eval import LAMBADA, QUESTIONS, ROOT, TEXT, make_model, run

KEY = "a-key"
TOLERANCE = 1e-4
WRITTEN = 12


class Server:
    """`densessm serve` on a free port, ended by an interrupt."""

    def __init__(self, folder: Path) -> None:
        command = ["node", "--import", "tsx", "--conditions=@densessm/source", str(ROOT / "apps/trainer/src/cli.ts")]
        command += ["serve", str(folder), "--port", "0", "--name", "tiny", "--device", "wasm"]
        self.process = subprocess.Popen(
            command, cwd=ROOT, stdout=subprocess.PIPE, text=True, env={**os.environ, "DENSESSM_API_KEY": KEY}
        )

    def __enter__(self) -> str:
        url = self.process.stdout.readline().strip()
        if not url.startswith("http://127.0.0.1:"):
            sys.exit("densessm serve did not start")
        return url

    def __exit__(self, *_: object) -> None:
        self.process.send_signal(2)
        if self.process.wait(timeout=60) != 0:
            sys.exit(f"densessm serve ended with {self.process.returncode}")


def check_openai(url: str) -> list[str]:
    import openai

    client = openai.OpenAI(base_url=url, api_key=KEY, max_retries=0)
    wrong: list[str] = []

    def expect(name: str, want: object, got: object) -> None:
        if want != got:
            wrong.append(f"openai, {name}: expected {want!r}, got {got!r}")

    asked = {"model": "tiny", "temperature": 0}
    messages = [{"role": "user", "content": "Who liked the sea?"}]
    expect("models", ["tiny"], [one.id for one in client.models.list()])
    whole = client.completions.create(**asked, prompt="Bruno liked", max_tokens=6, logprobs=2)
    choice = whole.choices[0]
    expect("logprobs", len(choice.logprobs.tokens), whole.usage.completion_tokens)
    parts = client.completions.create(**asked, prompt="Bruno liked", max_tokens=6, stream=True)
    expect("stream of a completion", choice.text, "".join(part.choices[0].text for part in parts))
    chat = client.chat.completions.create(**asked, messages=messages, max_tokens=6)
    stream = list(client.chat.completions.create(**asked, messages=messages, max_tokens=6, stream=True, stream_options={"include_usage": True}))
    text = "".join(part.choices[0].delta.content or "" for part in stream if part.choices)
    expect("stream of a chat", chat.choices[0].message.content, text)
    expect("usage of a stream", chat.usage.completion_tokens, stream[-1].usage.completion_tokens)
    first = client.responses.create(**asked, input="Who liked the sea?", max_output_tokens=6)
    second = client.responses.create(**asked, input="And the dog?", previous_response_id=first.id, max_output_tokens=6)
    expect("a response that goes on", True, second.usage.input_tokens_details.cached_tokens > 0)
    with client.responses.stream(**asked, input="Who liked the sea?", max_output_tokens=6) as events:
        deltas = "".join(event.delta for event in events if event.type == "response.output_text.delta")
    expect("stream of a response", first.output_text, deltas)
    for name, error, call in (
        ("a wrong key", openai.AuthenticationError, lambda: client.with_options(api_key="other").models.list()),
        ("another model", openai.NotFoundError, lambda: client.completions.create(model="other", prompt="a")),
        ("a wrong field", openai.BadRequestError, lambda: client.completions.create(model="tiny", prompt="a", temperature=-1)),
    ):
        try:
            call()
            wrong.append(f"openai, {name}: no error")
        except error:
            pass
    print(f"openai {openai.__version__}: completions, chat and responses, whole and as streams, and errors")
    return wrong


def tasks_of(work: Path) -> list[dict]:
    texts, lambada, questions = work / "text.jsonl", work / "lambada.jsonl", work / "questions.jsonl"
    texts.write_text(json.dumps({"text": TEXT}) + "\n", encoding="utf-8")
    lambada.write_text("".join(json.dumps({"text": text}) + "\n" for text in LAMBADA), encoding="utf-8")
    questions.write_text("".join(json.dumps(one) + "\n" for one in QUESTIONS), encoding="utf-8")

    def task(name: str, file: Path, metrics: list[str], **fields: object) -> dict:
        listed = [{"metric": one, "aggregation": AGGREGATIONS.get(one, one), "higher_is_better": True} for one in metrics]
        data = {"dataset_path": "json", "dataset_kwargs": {"data_files": {"test": str(file)}}, "test_split": "test"}
        return {"task": name, **data, "metric_list": listed, "target_delimiter": "", **fields}

    context = "{{text.split(' ')[:-1]|join(' ')}}"
    rolling = {"output_type": "loglikelihood_rolling", "doc_to_text": "", "doc_to_target": "{{text}}"}
    last_word = {"output_type": "loglikelihood", "doc_to_text": context, "doc_to_target": "{{' ' + text.split(' ')[-1]}}"}
    choice = {"output_type": "multiple_choice", "doc_to_text": "{{query}}", "doc_to_target": "gold", "doc_to_choice": "choices"}
    kwargs = {"until": ["\n\n"], "max_gen_toks": WRITTEN, "do_sample": False, "temperature": 0}
    written = {"output_type": "generate_until", "doc_to_text": context, "doc_to_target": "", "generation_kwargs": kwargs}
    return [
        task("text", texts, ["word_perplexity", "byte_perplexity", "bits_per_byte"], **rolling),
        task("lambada_openai", lambada, ["perplexity", "acc"], **last_word),
        task("questions", questions, ["acc", "acc_norm"], **choice, **{"target_delimiter": " "}),
        task("written", lambada, ["bypass"], **written),
    ]


AGGREGATIONS = {"word_perplexity": "weighted_perplexity", "byte_perplexity": "weighted_perplexity", "acc": "mean", "acc_norm": "mean"}


def without_unused_imports() -> None:
    """Stands in for what lm_eval imports and nothing here calls."""

    def module(name: str, **members: object) -> None:
        try:
            __import__(name)
        except ImportError:
            sys.modules[name] = types.SimpleNamespace(**members)

    module("evaluate", load=None)
    module("sqlitedict", SqliteDict=dict)
    module("pytablewriter", MarkdownTableWriter=None, LatexTableWriter=None)
    module("jsonlines")
    module("word2number")


def check_harness(url: str, folder: Path, work: Path) -> list[str]:
    without_unused_imports()
    try:
        import datasets  # noqa: F401
        from lm_eval import simple_evaluate
    except ImportError as error:
        print(f"lm_eval is not here, and evaluates nothing: {error}")
        return []
    os.environ["OPENAI_API_KEY"] = KEY
    tasks = tasks_of(work)
    files = ["--perplexity", str(work / "text.jsonl"), "--lambada", str(work / "lambada.jsonl"), "--multiple-choice", str(work / "questions.jsonl")]
    ours = json.loads(run("eval", str(folder), "--json", *files))["results"]
    wrong: list[str] = []
    for backend, batch in (("remote", 1), ("huggingface", 4)):
        arguments = {"model": "tiny", "base_url": f"{url}/completions", "tokenizer_backend": backend, "tokenizer": str(folder)}
        arguments |= {"num_concurrent": 2, "max_retries": 1, "auth_token": KEY}
        theirs = simple_evaluate("local-completions", model_args=arguments, tasks=tasks, batch_size=batch, log_samples=True, bootstrap_iters=0)
        compared = 0
        for name, metrics in ours.items():
            for metric, value in metrics.items():
                got = theirs["results"][name].get(metric)
                if not metric.endswith(",none") or "stderr" in metric or got is None:
                    continue
                compared += 1
                if abs(got - value) > TOLERANCE * max(1.0, abs(value)):
                    wrong.append(f"{name} {metric}, {backend} tokenizer: densessm eval gives {value}, lm_eval through the server {got}")
                else:
                    print(f"  {name} {metric}: {value:.6f} and {got:.6f}")
        if compared != 7:
            wrong.append(f"lm_eval, {backend} tokenizer: {compared} metrics in common, not 7")
        wrong += check_written(theirs["samples"]["written"], folder)
    print("lm_eval local-completions: tasks of log-likelihood, rolling and generation through the server")
    return wrong


def check_written(samples: list[dict], folder: Path) -> list[str]:
    wrong = []
    for sample in samples:
        context = " ".join(sample["doc"]["text"].split(" ")[:-1])
        flags = ["--max-tokens", str(WRITTEN), "--temperature", "0", "--stop", "\n\n", "--json"]
        want = json.loads(run("generate", str(folder), context, *flags))["text"]
        got = sample["resps"][0][0]
        if want != got:
            wrong.append(f"generation after {context!r}: densessm generate writes {want!r}, lm_eval got {got!r}")
    return wrong


def main() -> int:
    with tempfile.TemporaryDirectory() as name:
        work = Path(name)
        folder = work / "model"
        make_model(folder)
        with Server(folder) as url:
            wrong = check_openai(url) + check_harness(url, folder, work)
    for line in wrong:
        print(line)
    print("Python's clients and the server agree" if not wrong else f"{len(wrong)} disagreements")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
