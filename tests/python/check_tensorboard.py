"""Reads what `densessm train` writes for TensorBoard with the tensorboard package for Python.

Needs Python >= 3.9 with tensorboard (tested with 2.21.0), Node, and this repository after `npm run setup`. Run it from anywhere:
    python tests/python/check_tensorboard.py
It is not part of `npm test`, which must not need Python. Exits non-zero unless
  - scalars come back with their tags, steps, times and values to the last bit of float32, NaN and infinities too;
  - samples and config come back as the text plugin shows them, whatever characters they hold;
  - histograms of gates hold the counts, limits and moments;
  - what a run that was killed had written beyond its checkpoint is void once the run goes on, and nothing else is.
"""
import json
import math
import struct
import subprocess
import sys
import tempfile
from pathlib import Path

from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from tensorboard.backend.event_processing.plugin_event_accumulator import EventAccumulator as PluginEventAccumulator

ROOT = Path(__file__).resolve().parents[2]

# Writes the records of before.jsonl, cuts the last event short as a killed process may, and goes on with those of after.jsonl.
PROGRAM = """
import { readdirSync, readFileSync, truncateSync } from 'node:fs';
import { join } from 'node:path';
import { belongsBefore, parseRecordLine } from '@densessm/train';
import { EventFile } from './apps/trainer/src/report/event-file.ts';
const [folder, source, step] = process.argv.slice(1);
const read = (name) => readFileSync(join(source, name), 'utf8').trimEnd().split('\\n').map(parseRecordLine);
const config = { model_type: 'dense_mamba', hidden_size: 128, note: 'a|b <c>' };
const write = async (options, records) => {
  const file = await EventFile.open(folder, { config, ...options });
  for (const record of records) await file.write(record);
  await file.close();
};
const before = read('before.jsonl');
await write({ step: 0 }, before);
const [name] = readdirSync(folder);
truncateSync(join(folder, name), readFileSync(join(folder, name)).length - 5);
const kept = before.filter((record) => belongsBefore(record, Number(step)));
await write({ step: Number(step), kept }, read('after.jsonl'));
"""

RESUMED = 20
TEXT = 'Grüße 🌍\n<script>alert(1)</script>\n\n\t# no heading | no table\\'


def in_words(number: float):
    return number if math.isfinite(number) else 'NaN' if math.isnan(number) else 'Infinity' if number > 0 else '-Infinity'


def step_record(step: int, loss: float) -> dict:
    return {'type': 'step', 'step': step, 'wallTime': 1.7e9 + step + 0.125, 'loss': loss, 'learningRate': 1e-3 / (step + 1), 'gradNorm': 0.1 * step,
            'tokens': 768, 'skipped': not math.isfinite(loss), 'seconds': 0.3}


def observed(step: int) -> list[dict]:
    common = {'step': step, 'wallTime': 1.7e9 + step}
    gate = {'layer': 3, 'name': 'state', 'mean': 0.25, 'std': 0.5, 'absMax': 2, 'nearZero': 0.125, 'histogram': {'min': -1, 'max': 2, 'counts': [1, 0, 5]}}
    return [{'type': 'evaluation', **common, 'loss': 3 - step / 100, 'tokens': 999}, {'type': 'gates', **common, 'gates': [gate]},
            {'type': 'sample', **common, 'prompt': f'At {step}: ', 'text': TEXT}]


def losses() -> list[float]:
    values = [4 / (1 + step) for step in range(35)]
    values[3], values[4], values[5] = math.nan, math.inf, -math.inf
    return values


def float32(number: float) -> float:
    return struct.unpack('<f', struct.pack('<f', number))[0]


def same(a: float, b: float) -> bool:
    return a == b or (math.isnan(a) and math.isnan(b))


def write_records(path: Path, first: int, last: int, values: list[float]) -> None:
    lines = []
    for step in range(first, last):
        if step % 10 == 0 and step > first or step == 0:
            lines += observed(step)
        lines.append(step_record(step, values[step]))
    path.write_text(''.join(json.dumps({k: in_words(v) if isinstance(v, float) else v for k, v in one.items()}) + '\n' for one in lines))


def compare_scalars(events: EventAccumulator, values: list[float]) -> None:
    steps = list(range(len(values)))
    wanted = {
        'train/loss': (steps, values),
        'train/learning_rate': (steps, [1e-3 / (step + 1) for step in steps]),
        'train/grad_norm': (steps, [0.1 * step for step in steps]),
        'train/tokens_per_second': (steps, [768 / 0.3] * len(steps)),
        'train/skipped': (steps, [0.0 if math.isfinite(loss) else 1.0 for loss in values]),
        'eval/loss': ([0, 10, 20, 30], [3.0, 2.9, 2.8, 2.7]),
        'eval/perplexity': ([0, 10, 20, 30], [math.exp(loss) for loss in (3.0, 2.9, 2.8, 2.7)]),
        **{f'gates/layer_03_state/{name}': ([0, 10, 20, 30], [value] * 4)
           for name, value in (('mean', 0.25), ('std', 0.5), ('abs_max', 2), ('near_zero', 0.125))},
    }
    assert sorted(events.Tags()['scalars']) == sorted(wanted), events.Tags()['scalars']
    for tag, (steps, numbers) in wanted.items():
        found = events.Scalars(tag)
        assert [one.step for one in found] == steps, (tag, [one.step for one in found])
        assert all(same(one.value, float32(number)) for one, number in zip(found, numbers)), tag
        offset = 0.125 if tag.startswith('train') else 0
        assert all(one.wall_time == 1.7e9 + one.step + offset for one in found), tag


def compare_histograms(events: EventAccumulator) -> None:
    found = events.Histograms('gates/layer_03_state')
    assert [one.step for one in found] == [0, 10, 20, 30]
    value = found[0].histogram_value
    assert (value.min, value.max, value.num, value.sum, value.sum_squares) == (-1, 2, 6, 1.5, 1.875), value
    assert list(value.bucket) == [1, 0, 5] and list(value.bucket_limit) == [0, 1, 2], value


def compare_texts(events: PluginEventAccumulator) -> None:
    assert sorted(events.PluginTagToContent('text')) == ['config', 'samples']
    samples = events.Tensors('samples')
    assert [one.step for one in samples] == [0, 10, 20, 30], [one.step for one in samples]
    for one in samples:
        lines = one.tensor_proto.string_val[0].decode('utf-8').split('\n')
        assert all(line.startswith('    ') for line in lines), 'a line that Markdown would interpret'
        assert '\n'.join(line[4:] for line in lines) == f'At {one.step}: {TEXT}', lines
    table = events.Tensors('config')[0].tensor_proto.string_val[0].decode('utf-8')
    assert '| hidden_size | 128 |' in table and '| note | a\\|b <c> |' in table, table


def main() -> None:
    everything = {'scalars': 0, 'histograms': 0, 'tensors': 0}
    with tempfile.TemporaryDirectory() as name:
        folder, source = Path(name, 'run'), Path(name)
        folder.mkdir()
        values = losses()
        write_records(source / 'before.jsonl', 0, 28, [0.5 if step >= RESUMED else loss for step, loss in enumerate(values)])
        write_records(source / 'after.jsonl', RESUMED, 35, values)
        command = ['node', '--import', 'tsx', '--conditions=@densessm/source', '--input-type=module', '--eval', PROGRAM, '--']
        subprocess.run([*command, str(folder), str(source), str(RESUMED)], cwd=ROOT, check=True)
        assert len(list(folder.iterdir())) == 2
        events = EventAccumulator(str(folder), size_guidance=everything).Reload()
        compare_scalars(events, values)
        compare_histograms(events)
        compare_texts(PluginEventAccumulator(str(folder), size_guidance=everything).Reload())
    print('TensorBoard reads scalars, texts and histograms as they were written, before and after a run was killed and went on.')


if __name__ == '__main__':
    sys.exit(main())
