"""Compares @densessm/checkpoint with the safetensors library for Python, file by file.

Needs Python >= 3.10 with torch, numpy and safetensors, Node, and this repository after `npm run setup`. Run it from anywhere:
    python tests/python/check_safetensors.py
It is not part of `npm test`, which must not need Python. Exits non-zero where the two disagree:
  - what Python writes, ours reads to the same values, and writes again byte for byte;
  - what ours writes, Python reads to the same values;
  - what Python refuses, ours refuses with an SsmError.
"""
import json
import random
import struct
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import torch
from safetensors import SafetensorError, deserialize
from safetensors.torch import load_file, save_file

ROOT = Path(__file__).resolve().parents[2]

# For each *.safetensors of a folder: copies it as .copy, writes its values as .values, says what happened as JSON.
PROGRAM = """
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseSafetensors, readTensors, safetensorsPieces, serializeSafetensors } from '@densessm/checkpoint';
const [folder] = process.argv.slice(1);
const outcomes = {};
for (const name of readdirSync(folder).filter((one) => one.endsWith('.safetensors'))) {
  try {
    const file = parseSafetensors(readFileSync(join(folder, name)), name);
    const pieces = [];
    for await (const piece of safetensorsPieces(file, file.metadata)) pieces.push(piece);
    writeFileSync(join(folder, name + '.copy'), Buffer.concat(pieces));
    writeFileSync(join(folder, name + '.values'), serializeSafetensors(readTensors(file)));
    outcomes[name] = 'read';
  } catch (error) {
    outcomes[name] = error.name === 'SsmError' ? 'refused' : String(error);
  }
}
process.stdout.write(JSON.stringify(outcomes));
"""


def run_ours(folder: Path) -> dict[str, str]:
    command = ["node", "--import", "tsx", "--conditions=@densessm/source", "--input-type=module", "-e", PROGRAM, str(folder)]
    return json.loads(subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout)


def all_types(generator: torch.Generator) -> dict[str, torch.Tensor]:
    floats = {
        str(dtype): torch.randn(3, 5, generator=generator, dtype=torch.float64).to(dtype)
        for dtype in (torch.float64, torch.float32, torch.float16, torch.bfloat16)
    }
    integers = {
        str(dtype): torch.randint(0, 100, (7,), generator=generator).to(dtype)
        for dtype in (torch.int64, torch.int32, torch.int16, torch.int8, torch.uint8, torch.bool)
    }
    every_half = torch.from_numpy(np.arange(2**16, dtype=np.uint16).view(np.int16).copy())
    special = {
        "every float16": every_half.view(torch.float16),
        "every bfloat16": every_half.clone().view(torch.bfloat16),
        "scalar": torch.tensor(0.1),
        "empty": torch.zeros(0, 3),
        "name with \"quotes\", \\, \t, é and 😀": torch.ones(1),
        "\uff5e": torch.ones(1),
    }
    return {**floats, **integers, **special}


def good_files(folder: Path) -> list[Path]:
    generator = torch.Generator().manual_seed(1)
    contents = {
        "types": (all_types(generator), {"by": "é\n"}),  # one key: the order of several changes from run to run
        "no-metadata": ({"x": torch.ones(2)}, None),
        "none": ({}, {"format": "pt"}),
        "many": ({f"layers.{i}.weight": torch.randn(i % 4, 3, generator=generator) for i in range(200)}, {"format": "pt"}),
    }
    for name, (tensors, metadata) in contents.items():
        save_file(tensors, folder / f"{name}.safetensors", metadata=metadata)
    return sorted(folder.glob("*.safetensors"))


def disagreements_on_values(path: Path) -> list[str]:
    wrong = []
    if Path(f"{path}.copy").read_bytes() != path.read_bytes():
        wrong.append(f"{path.name}: our bytes differ from Python's")
    theirs, ours = load_file(path), load_file(f"{path}.values")
    if theirs.keys() != ours.keys():
        wrong.append(f"{path.name}: other names")
    for name in theirs.keys() & ours.keys():
        if not torch.equal(theirs[name].to(torch.float64).nan_to_num(1e9), ours[name].to(torch.float64).nan_to_num(1e9)):
            wrong.append(f"{path.name}: other values in {name}")
    return wrong


def mutated(original: bytes, chance: random.Random) -> bytes:
    length = struct.unpack("<Q", original[:8])[0]
    header, data = bytearray(original[8 : 8 + length]), original[8 + length :]
    kind = chance.randrange(4)
    if kind == 0:
        return original[: chance.randrange(len(original))]
    if kind == 1:
        return struct.pack("<Q", chance.getrandbits(chance.randrange(1, 65))) + original[8:]
    for _ in range(chance.randrange(1, 3)):
        at = chance.randrange(len(header))
        if kind == 2:
            header[at] ^= 1 << chance.randrange(8)
        else:
            header[at : at + 1] = chance.choice([b"", b"0", b"9", b"-", b"\xff", b'"', b"{}", b"[1]", b" ", b"\\"])
    return struct.pack("<Q", len(header)) + bytes(header) + data


def python_reads(path: Path) -> bool:
    try:
        deserialize(path.read_bytes())
    except SafetensorError:
        return False
    return True


def main() -> None:
    with tempfile.TemporaryDirectory() as good, tempfile.TemporaryDirectory() as bad:
        files = good_files(Path(good))
        outcomes = run_ours(Path(good))
        wrong = [f"{name}: {outcome}" for name, outcome in outcomes.items() if outcome != "read"]
        wrong += [one for path in files if outcomes[path.name] == "read" for one in disagreements_on_values(path)]

        chance = random.Random(1)
        save_file({"a": torch.ones(2, 3), "b": torch.ones(3, dtype=torch.int32), "c": torch.ones(2)}, Path(bad) / "0.safetensors")
        original = (Path(bad) / "0.safetensors").read_bytes()
        for i in range(1, 2000):
            (Path(bad) / f"{i}.safetensors").write_bytes(mutated(original, chance))
        refused = stricter = 0
        for name, outcome in run_ours(Path(bad)).items():
            reads = python_reads(Path(bad) / name)
            refused += not reads
            stricter += reads and outcome == "refused"
            if outcome not in ("read", "refused") or (outcome == "read" and not reads):
                wrong.append(f"mutation {name}: Python {'reads' if reads else 'refuses'}, ours: {outcome}: {(Path(bad) / name).read_bytes()[:400]!r}")
        print(f"{len(files)} files written both ways; of 2000 mutations Python refuses {refused}, ours {stricter} more")
    print("\n".join(wrong) if wrong else "no disagreement")
    sys.exit(1 if wrong else 0)


if __name__ == "__main__":
    main()
