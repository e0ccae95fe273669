"""States as tables of pandas and Arrow."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from ._native import States


def _columns(states: States) -> dict[str, Any]:
    """The description of the rows, with the names that Parquet files of the program have."""
    offsets = states.char_offsets
    return {
        "sequence": states.sequence,
        "label": states.tokens,
        "char_start": offsets[:, 0],
        "char_end": offsets[:, 1],
        "word_id": states.word_ids,
        "token_id": states.token_ids,
        "special": states.special,
    }


def to_pandas(states: States) -> Any:
    """A DataFrame with one row per token, word or text: its description, and the entries of its state
    at each layer as columns (layer, dimension) of float32."""
    import pandas as pd

    layers, rows, d_model = states.hidden_states.shape
    about = pd.DataFrame(_columns(states))
    about.columns = pd.MultiIndex.from_product([["row"], about.columns])
    # One block of numbers: [rows, layers * d_model].
    numbers = states.hidden_states.transpose(1, 0, 2).reshape(rows, layers * d_model)
    names = [f"layer_{layer:02}" for layer in states.layers]
    columns = pd.MultiIndex.from_product([names, range(d_model)])
    return pd.concat([about, pd.DataFrame(numbers, columns=columns)], axis=1)


def to_arrow(states: States) -> Any:
    """A table of Arrow with one row per token, word or text: its description, and a list of float32
    [d_model] for each layer (layer_00, layer_01, …) that shows the memory of the states."""
    import pyarrow as pa

    arrays = {name: pa.array(values) for name, values in _columns(states).items()}
    for layer in states.layers:
        values = pa.array(np.ascontiguousarray(states.layer(layer)).reshape(-1))
        width = states.hidden_states.shape[2]
        arrays[f"layer_{layer:02}"] = pa.FixedSizeListArray.from_arrays(values, width)
    return pa.table(arrays)
