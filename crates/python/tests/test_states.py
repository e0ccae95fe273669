"""States: their arrays, rows, tables and files."""

import gc
import json
import weakref

import numpy as np
import pytest

import stratoscope as st
from conftest import TEXTS


def address(array):
    return array.__array_interface__["data"][0]


def test_states_equal_those_of_the_program(states, program):
    printed = json.loads(program("extract", *TEXTS, "--json").stdout)
    layers = np.array([layer["hidden_states"] for layer in printed["layers"]], np.float32)
    assert np.array_equal(states.hidden_states, layers)
    assert states.layers == [layer["layer"] for layer in printed["layers"]]
    rows = printed["rows"]
    assert states.tokens == [row["text"] for row in rows]
    assert states.token_ids.tolist() == [row["token_id"] for row in rows]
    assert states.sequence.tolist() == [row["sequence"] for row in rows]
    assert states.char_offsets.tolist() == [row["char_offsets"] for row in rows]
    assert states.word_ids.tolist() == [-1 if r["word_id"] is None else r["word_id"] for r in rows]
    assert states.special.tolist() == [row["special"] for row in rows]
    assert states.texts == TEXTS and len(states) == len(rows) and states.unit == "token"


def test_arrays_show_the_memory_of_the_states(model):
    states = model.states(TEXTS)
    array = states.hidden_states
    layers, rows, d_model = array.shape
    assert (layers, rows, d_model) == (7, len(states), 384) and array.dtype == np.float32
    assert array.flags.c_contiguous and not array.flags.owndata and not array.flags.writeable
    assert address(states.hidden_states) == address(array)
    assert address(states.layer(3)) == address(array) + 3 * rows * d_model * 4
    assert address(states.layer(-1)) == address(array) + 6 * rows * d_model * 4
    column = states.to_arrow()["layer_05"].chunk(0).flatten()
    assert column.buffers()[1].address == address(states.layer(5))
    with pytest.raises(ValueError):
        array[0, 0, 0] = 1
    # An array keeps the memory, and nothing else does.
    alive, first = weakref.ref(states), array[0, 0].copy()
    del states, column
    gc.collect()
    assert alive() is not None and np.array_equal(array[0, 0], first)
    del array
    gc.collect()
    assert alive() is None


def test_memory_is_freed(model):
    def resident():
        with open("/proc/self/statm") as file:
            return int(file.read().split()[1]) * 4096

    states = model.states(TEXTS * 100)
    states.words().hidden_states.sum()
    gc.collect()
    before = resident()
    for _ in range(40):
        words = states.words()
        assert words.hidden_states.nbytes > 20 << 20
        del words
    assert resident() - before < 200 << 20


def test_words_are_found(states):
    first, second = states.find("bank")
    assert (first.text, first.characters, list(first.rows)) == (0, (4, 8), [2])
    assert second.text == 2 and TEXTS[2][slice(*second.characters)] == "bank"
    assert np.array_equal(first.vector(layer=5), states.layer(5)[2])
    assert np.array_equal(first.vector(layer=-1), states.layer(6)[2])
    with pytest.raises(KeyError, match="there is no layer 9"):
        first.vector(layer=9)


def test_pooling(model, states, program):
    words = states.words()
    assert words.unit == "word" and words.tokens[:3] == ["The", "bank", "by"]
    assert np.array_equal(words.hidden_states, model.states(TEXTS, words=True).hidden_states)
    sentences = states.sentences()
    printed = json.loads(program("extract", *TEXTS, "--sentences", "--json").stdout)
    expected = np.array([layer["hidden_states"] for layer in printed["layers"]], np.float32)
    assert np.array_equal(sentences.hidden_states, expected)
    assert sentences.hidden_states.shape == (7, 3, 384)
    assert not states.without_special().special.any()
    assert model.states(TEXTS, layers=[0, -1]).layers == [0, 6]
    assert model.states(TEXTS, layers="2-4").layers == [2, 3, 4]


def test_tables(states):
    frame, table = states.to_pandas(), states.to_arrow()
    assert frame["row"]["label"].tolist() == states.tokens
    assert np.array_equal(frame["layer_05"].to_numpy(), states.layer(5))
    assert table["label"].to_pylist() == states.tokens
    assert np.array_equal(np.stack(table["layer_02"].to_pylist()), states.layer(2))


def test_files_are_read_back(states, tmp_path):
    path = tmp_path / "states.safetensors"
    states.save(path)
    read = st.read_states(path)
    assert np.array_equal(read.hidden_states, states.hidden_states)
    assert read.tokens == states.tokens and read.model == states.model
    with pytest.raises(st.UsageError, match="exists already"):
        states.save(path)
    states.save(path, overwrite=True)
    with pytest.raises(st.UsageError, match="FILE.safetensors"):
        states.save(tmp_path / "states.pkl")


def test_token_ids_and_pairs(model, states):
    ids = states.token_ids[: states.sequence_offsets[1]].tolist()
    read = model.states(token_ids=[ids])
    assert np.array_equal(read.hidden_states, model.states(TEXTS[0]).hidden_states)
    pair = model.states([("A question?", "An answer.")])
    assert pair.special.sum() == 3


def test_other_hook_points(model):
    states = model.states(TEXTS[0], hooks=["blocks.2.attn.hook_pattern", "blocks.0.hook_mlp_out"])
    n = len(states)
    pattern = states.hooks["blocks.2.attn.hook_pattern"].reshape(model.n_heads, n, n)
    assert np.allclose(pattern.sum(axis=2), 1, atol=1e-5)
    assert states.hooks["blocks.0.hook_mlp_out"].shape == (n, model.d_model)


def test_functions_at_hook_points(model, states):
    seen = []

    def double(value):
        seen.append(value.shape)
        return 2 * value

    with model.hooks({"blocks.3.hook_resid_post": double}):
        changed = model.states(TEXTS)
    assert np.array_equal(changed.layer(3), states.layer(3))
    assert np.array_equal(changed.layer(4), 2 * states.layer(4))
    assert not np.array_equal(changed.layer(5), states.layer(5))
    assert [rows for rows, _ in seen] == np.diff(states.sequence_offsets).tolist()
    assert changed.tokens == states.tokens and changed.texts == states.texts
    # After the block, and with functions that change nothing, states are as before.
    with model.hooks({"blocks.*.hook_mlp_out": lambda value: None}):
        assert np.array_equal(model.states(TEXTS).hidden_states, states.hidden_states)
    assert np.array_equal(model.states(TEXTS).hidden_states, states.hidden_states)


def test_functions_that_fail(model):
    def fail(value):
        raise RuntimeError("the function failed")

    with model.hooks({"hook_embed": fail}), pytest.raises(RuntimeError, match="the function failed"):
        model.states(TEXTS)
    with model.hooks({"hook_embed": lambda value: value[:1]}), pytest.raises(st.StratoscopeError):
        model.states(TEXTS)
    with pytest.raises(st.UsageError, match="hook point"):
        model.hooks({"blocks.9.hook_resid_post": fail})
    with model.hooks({"hook_embed": fail}), pytest.raises(st.UsageError, match="model.states"):
        model.explore(TEXTS)
