"""States that another program computed."""

import numpy as np
import pytest

import stratoscope as st
from conftest import TEXTS


class Tensor:
    """What a tensor of PyTorch has that is used: it needs `detach`, and is no array before `cpu`."""

    def __init__(self, values, steps=()):
        self.values, self.steps = values, steps

    def detach(self):
        return Tensor(self.values, (*self.steps, "detach"))

    def is_floating_point(self):
        return self.values.dtype.kind == "f"

    def float(self):
        return Tensor(self.values.astype(np.float32), (*self.steps, "float"))

    def cpu(self):
        return Tensor(self.values, (*self.steps, "cpu"))

    def __dlpack__(self, **options):
        assert self.steps[0] == "detach" and self.steps[-1] == "cpu"
        return self.values.__dlpack__(**options)

    def __dlpack_device__(self):
        return self.values.__dlpack_device__()


def padded(states):
    """States as a batch with padding: a tuple of tensors, the mask, offsets, ids."""
    starts = states.sequence_offsets
    lengths = np.diff(starts)
    shape = (len(lengths), lengths.max())
    mask = np.arange(shape[1]) < lengths[:, None]

    def batch(values):
        out = np.full((*shape, *values.shape[1:]), 7, values.dtype)
        out[mask] = values
        return out

    layers = tuple(Tensor(batch(states.layer(layer)).astype(np.float64)) for layer in states.layers)
    return layers, mask.astype(np.int64), batch(states.char_offsets), batch(states.token_ids)


def test_what_transformers_returns(states):
    layers, mask, offsets, ids = padded(states)
    mask, offsets, ids = Tensor(mask), Tensor(offsets), Tensor(ids)
    read = st.states_from(
        layers, attention_mask=mask, offsets=offsets, token_ids=ids, texts=TEXTS, model="mine"
    )
    assert np.array_equal(read.hidden_states, states.hidden_states)
    assert read.sequence_offsets.tolist() == states.sequence_offsets.tolist()
    assert read.special.tolist() == states.special.tolist()
    ordinary = ~states.special
    labels = [np.array(of.tokens)[ordinary].tolist() for of in (read, states)]
    assert labels[0] == labels[1]
    assert read.token_ids.tolist() == states.token_ids.tolist() and read.model == "mine"
    assert [place.characters for place in read.find("bank")] == [(4, 8), (20, 24)]


def test_explorations_of_states_from_elsewhere(model, states):
    own = model.explore(TEXTS)
    arrays = {"offsets": states.char_offsets, "texts": TEXTS, "token_ids": states.token_ids}
    starts = states.sequence_offsets
    other = st.explore_states(states.hidden_states, sequence_offsets=starts, **arrays)
    assert other.kind == "explore"
    for mine, theirs in zip(other["layers"], own["layers"]):
        assert (mine["norm"], mine["to_sentence"]) == (theirs["norm"], theirs["to_sentence"])
    turned = states.hidden_states.transpose(1, 0, 2)
    again = st.explore_states(turned, axes="tokens,layers", sequence_offsets=starts, **arrays)
    assert again["layers"] == other["layers"]
    assert "layers" in st.explore_states(states, metric="centred", figures=None)
    assert other.figure("similarity", layers=[0, 6]).svg.startswith("<svg")
    assert "<iframe" in other._repr_html_()


def test_states_of_words_with_changed_values(model, states):
    with model.hooks({"blocks.2.hook_attn_out": lambda value: 0 * value}):
        changed = model.states(TEXTS)
    words = st.explore_states(changed, words=True).states
    assert words.unit == "word" and not np.array_equal(words.layer(6), states.words().layer(6))


def test_tokens_alone(states):
    read = st.states_from(states.hidden_states[:, :4], ["[CLS]", "the", "river", "##bank"], layers=[0, 1, 2, 3, 4, 5, 9])
    assert read.layers[-1] == 9 and read.tokens == ["[CLS]", "the", "river", "##bank"]
    assert read.texts == ["the riverbank"] and read.words().tokens == ["the", "riverbank"]


def test_arrays_that_do_not_fit_are_refused(states):
    array = states.hidden_states
    for wrong, message in [
        (lambda: st.states_from(array, ["a"]), "tokens has 1"),
        (lambda: st.states_from(array[0]), "three axes"),
        (lambda: st.states_from(array, axes="a,b"), "axes is"),
        (lambda: st.states_from(np.full((2, 3, 4), np.nan)), "holds NaN"),
        (lambda: st.states_from(array, layers=[1]), "layers has 1"),
    ]:
        with pytest.raises(st.StratoscopeError, match=message):
            wrong()
    with pytest.raises(TypeError):
        st.explore_states(states, nothing=1)
