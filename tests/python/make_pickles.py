"""Writes the PyTorch files that the tests of @densessm/checkpoint read: packages/checkpoint/fixtures/pickles.

Needs Python >= 3.10 with torch and safetensors. Run it from anywhere:
    python tests/python/make_pickles.py
Each *.bin is a few hundred bytes of torch.save; expected.safetensors holds, under FILE/NAME, what torch.load gives back.
hostile/ holds files that run a program when Python loads them: nothing here loads those. Files are the same on every run, save legacy.bin, which holds an address.
"""
import collections
import io
import os
import pickle
import zipfile
from pathlib import Path

import torch
from safetensors.torch import save_file

FOLDER = Path(__file__).resolve().parents[2] / "packages" / "checkpoint" / "fixtures" / "pickles"


def state_dicts() -> dict[str, object]:
    generator = torch.Generator().manual_seed(1)
    base = torch.randn(4, 6, generator=generator)
    floats = {
        str(dtype).removeprefix("torch."): torch.randn(3, 2, generator=generator, dtype=torch.float64).to(dtype)
        for dtype in (torch.float64, torch.float32, torch.float16, torch.bfloat16)
    }
    integers = {
        str(dtype).removeprefix("torch."): torch.randint(0, 2 if dtype == torch.bool else 100, (5,), generator=generator).to(dtype)
        for dtype in (torch.int64, torch.int32, torch.int16, torch.int8, torch.uint8, torch.bool)
    }
    tied = torch.nn.Parameter(torch.randn(3, 2, generator=generator))
    torch.manual_seed(1)
    module = torch.nn.Sequential(torch.nn.Linear(3, 2), torch.nn.BatchNorm1d(2))
    return {
        "types": {**floats, **integers, "scalar": torch.tensor(0.1), "empty": torch.zeros(0, 3)},
        "views": collections.OrderedDict(
            whole=base,
            transposed=base.t(),
            row=base[2],
            column=base[:, 1],
            block=base[1:3, 2:5],
            permuted=torch.arange(24, dtype=torch.float16).reshape(2, 3, 4).permute(2, 0, 1),
            one_row=torch.randn(1, 7, generator=generator).t().t(),
        ),
        "tied": {"embedding.weight": tied, "lm_head.weight": tied},
        "module": module.state_dict(),  # OrderedDict with _metadata, and a counter of int64
        "wrapped": {"epoch": 3, "lr": 1e-3, "big": 2**40, "state_dict": collections.OrderedDict(module.state_dict()), "args": None},
        "protocol4": {"x": base, "größe": base[0]},
    }


def write_good(folder: Path) -> None:
    expected = {}
    for name, content in state_dicts().items():
        path = folder / f"{name}.bin"
        torch.save(content, path, pickle_protocol=4 if name == "protocol4" else 2)
        loaded = torch.load(path, weights_only=False)  # our own; the safe loader knows no protocol 4
        for key, tensor in loaded.get("state_dict", loaded).items():
            expected[f"{name}/{key}"] = tensor.detach().clone().contiguous()
    save_file(expected, folder / "expected.safetensors", metadata={"format": "pt"})
    torch.save({"x": torch.ones(2)}, folder / "legacy.bin", _use_new_zipfile_serialization=False)
    scripted = torch.jit.script(torch.nn.Linear(2, 2))
    torch.jit.save(scripted, str(folder / "script.bin"))


class Calls:
    """Pickles as a call: what an attacker writes."""

    def __init__(self, function, *args):
        self.call = (function, args)

    def __reduce__(self):
        return self.call


def write_hostile(folder: Path) -> None:
    folder.mkdir(exist_ok=True)
    programs = {
        "os-system-global": pickle.dumps(Calls(os.system, "touch /tmp/densessm-was-here"), protocol=2),
        "os-system-stack-global": pickle.dumps(Calls(os.system, "touch /tmp/densessm-was-here"), protocol=4),
        "builtins-eval": pickle.dumps({"x": Calls(eval, "1 + 1")}, protocol=2),
        "inst": b"(S'touch /tmp/densessm-was-here'\nios\nsystem\n.",
        "obj": b"(cos\nsystem\nX\x04\x00\x00\x00trueo.",
    }
    for name, program in programs.items():
        with zipfile.ZipFile(folder / f"{name}.bin", "w") as archive:
            for entry, content in (("archive/data.pkl", program), ("archive/byteorder", b"little"), ("archive/version", b"3\n")):
                archive.writestr(zipfile.ZipInfo(entry), content)


def write_zips(folder: Path) -> None:
    """A plain file again with every entry compressed, as a packing program would write it."""
    with zipfile.ZipFile(io.BytesIO((folder / "tied.bin").read_bytes())) as plain:
        with zipfile.ZipFile(folder / "compressed.bin", "w", zipfile.ZIP_DEFLATED) as packed:
            for name in plain.namelist():
                packed.writestr(zipfile.ZipInfo(name), plain.read(name), zipfile.ZIP_DEFLATED)


def main() -> None:
    FOLDER.mkdir(parents=True, exist_ok=True)
    write_good(FOLDER)
    write_hostile(FOLDER / "hostile")
    write_zips(FOLDER)
    print("\n".join(f"{path.stat().st_size:6} {path.relative_to(FOLDER)}" for path in sorted(FOLDER.rglob("*.*"))))


if __name__ == "__main__":
    main()
