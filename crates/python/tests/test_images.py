"""Images: paths and arrays, states and explorations."""

import json
import shutil

import numpy as np
import pytest

import stratoscope as st
from conftest import FIXTURES

MEADOW = FIXTURES / "images" / "meadow.png"


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A tiny vision transformer of 4 x 4 patches, with a processor."""
    folder = tmp_path_factory.mktemp("vit")
    for file in ["config.json", "model.safetensors"]:
        shutil.copy(FIXTURES / "families" / "vit" / file, folder)
    processor = {"image_processor_type": "ViTImageProcessor", "size": {"height": 24, "width": 24}}
    (folder / "preprocessor_config.json").write_text(json.dumps(processor))
    return folder


@pytest.fixture(scope="module")
def seer(folder):
    return st.load(folder)


def test_states_of_an_image_equal_those_of_the_program(seer, folder, program, tmp_path):
    states = seer.states(images=MEADOW)
    assert states.tokens[:2] == ["[CLS]", "patch 0,0"] and len(states) == 17
    many = tmp_path / "many"
    many.mkdir()
    shutil.copy(MEADOW, many)
    output = tmp_path / "states.npz"
    program("extract", "--images", many, "--model", folder, "--output", output)
    with np.load(output) as stored:
        assert np.array_equal(states.hidden_states, stored["hidden_states"])


def test_an_array_is_an_image(seer):
    rng = np.random.default_rng(0)
    pixels = rng.integers(0, 256, (30, 40, 3), np.uint8)
    both = seer.states(images=[pixels, pixels[:, ::-1]])
    assert len(both) == 34
    alone = seer.states(images=pixels)
    # An image does not depend on the others, nor an array on its strides.
    assert np.array_equal(both.hidden_states[:, :17], alone.hidden_states)
    mirrored = seer.states(images=np.ascontiguousarray(pixels[:, ::-1]))
    assert np.array_equal(both.hidden_states[:, 17:], mirrored.hidden_states)


def test_an_image_is_explored(seer):
    found = seer.explore(images=MEADOW, patch=(1, 2))
    assert "similarity" in found.figures and "components" in found.figures
    assert "story" not in found.figures


def test_what_is_no_image_is_refused(seer, model):
    with pytest.raises(TypeError, match="uint8"):
        seer.states(images=[np.zeros((4, 4), np.uint8)])
    with pytest.raises((TypeError, ValueError, st.StratoscopeError), match="either"):
        seer.states("a text", images=MEADOW)
    with pytest.raises(st.StratoscopeError, match="image"):
        seer.states("a text")
    with pytest.raises(st.StratoscopeError):
        model.states(images=MEADOW)
