"""What the tests share: models, the program, and a cache of their own."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import stratoscope as st

FIXTURES = Path(__file__).parents[3] / "tests" / "fixtures"

TEXTS = [
    "The bank by the river refused the loan.",
    "The old spring in the mattress broke.",
    "We walked along the bank until the water was cold.",
]


@pytest.fixture(scope="session", autouse=True)
def cache(tmp_path_factory):
    """The program and the package keep results in a cache; that of the user stays as it is."""
    folder = tmp_path_factory.mktemp("cache")
    os.environ["XDG_CACHE_HOME"] = str(folder)
    os.environ["HF_HUB_OFFLINE"] = "1"
    return folder


@pytest.fixture(scope="session")
def model(cache):
    return st.load("bundled")


@pytest.fixture(scope="session")
def states(model):
    return model.states(TEXTS)


@pytest.fixture
def program(tmp_path):
    """Runs the program of the package in an empty folder."""

    def run(*arguments, code=0):
        command = [sys.executable, "-m", "stratoscope", *map(str, arguments)]
        done = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path)
        assert done.returncode == code, done.stderr
        return done

    return run


def script(text, *arguments):
    """Runs a script in another process."""
    command = [sys.executable, "-c", text, *map(str, arguments)]
    # None runs for more than some seconds; one that hangs is a failure.
    return subprocess.run(command, capture_output=True, text=True, timeout=300)


@pytest.fixture(scope="session")
def decoder(tmp_path_factory):
    """A tiny decoder with random weights and a tokenizer: the golden GPT-2 with a larger vocabulary."""
    folder = tmp_path_factory.mktemp("decoder")
    config = json.loads((FIXTURES / "families/gpt2/config.json").read_text())
    config["vocab_size"] = rows = 2000
    (folder / "config.json").write_text(json.dumps(config))
    for name in ["vocab.json", "merges.txt"]:
        (folder / name).write_bytes((FIXTURES / "tokenizers/roberta-bpe" / name).read_bytes())
    data = (FIXTURES / "families/gpt2/model.safetensors").read_bytes()
    start = 8 + int.from_bytes(data[:8], "little")
    header, body, tensors = json.loads(data[8:start]), data[start:], {}
    header.pop("__metadata__", None)
    for name, about in header.items():
        first, end = about["data_offsets"]
        assert about["dtype"] == "F32"
        tensors[name] = np.frombuffer(body[first:end], np.float32).reshape(about["shape"])
    embedding = next(name for name in tensors if name.endswith("wte.weight"))
    width = tensors[embedding].shape[1]
    tensors[embedding] = np.random.default_rng(0).normal(size=(rows, width)).astype(np.float32)
    header, body = {}, b""
    for name, values in tensors.items():
        offsets = [len(body), len(body) + values.nbytes]
        header[name] = {"dtype": "F32", "shape": values.shape, "data_offsets": offsets}
        body += values.tobytes()
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    (folder / "model.safetensors").write_bytes(len(text).to_bytes(8, "little") + text + body)
    return folder
