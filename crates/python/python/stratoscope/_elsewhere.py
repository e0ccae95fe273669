"""Hidden states that another program computed: from its arrays and tensors to states."""

from __future__ import annotations

import inspect
from collections.abc import Sequence
from typing import Any, Optional

import numpy as np

from . import _native
from ._errors import UsageError


def _array(values: Any) -> Any:
    """A NumPy array of an array or a tensor. A tensor is known by its methods: no library of tensors
    is imported."""
    if hasattr(values, "detach"):
        values = values.detach()
        if getattr(values, "is_floating_point", lambda: False)():
            values = values.float()
        values = values.cpu()
        return np.from_dlpack(values)
    return np.asarray(values)


def _packed(values: Any, kept: Any) -> Optional[list[Any]]:
    """The values of the tokens of a batch that are kept; values that are packed already stay."""
    if values is None:
        return None
    if isinstance(values, (list, tuple)) and values and isinstance(values[0], (list, tuple)):
        if any(len(row) != kept.shape[1] for row in values) and isinstance(values[0][0], str):
            return [value for row in values for value in row]
    array = _array(values)
    if array.shape[:2] == kept.shape:
        return array[kept].tolist()
    return array[kept.reshape(-1)].tolist() if len(array) == kept.size else array.tolist()


def states_from(
    hidden_states: Any,
    tokens: Optional[Sequence[Any]] = None,
    *,
    offsets: Any = None,
    layers: Optional[Sequence[int]] = None,
    texts: Optional[Sequence[str]] = None,
    token_ids: Any = None,
    attention_mask: Any = None,
    special_tokens_mask: Any = None,
    sequence_offsets: Any = None,
    axes: str = "layers,tokens",
    model: Optional[str] = None,
    causal: Optional[bool] = None,
) -> _native.States:
    """States that another program computed.

    hidden_states is an array or a tensor [layers, tokens, d_model] (`axes="tokens,layers"`:
    [tokens, layers, d_model]) of the texts end to end; or what transformers returns with
    `output_hidden_states=True`: a tuple of tensors [batch, positions, d_model], one for each layer, with
    `attention_mask` [batch, positions] where there is padding.

    Each of the others may be missing, and has the tokens of hidden_states: `tokens` as the vocabulary has
    them or as text, `token_ids`, `offsets` (start and end in the text, in characters; transformers'
    `offset_mapping`), `special_tokens_mask`. `sequence_offsets` [texts + 1] is the first token of each
    text. `layers` are the numbers of the layers, by default 0, 1, ….
    """
    if isinstance(hidden_states, (tuple, list)):
        stack = np.stack([_array(layer) for layer in hidden_states]).astype(np.float32, copy=False)
        if stack.ndim == 3:
            stack = stack[:, None]
        if stack.ndim != 4:
            raise UsageError("a tuple has one tensor [batch, positions, d_model] for each layer")
        kept = np.ones(stack.shape[1:3], bool)
        if attention_mask is not None:
            kept = _array(attention_mask).astype(bool).reshape(kept.shape)
        states = stack[:, kept]
        sequence_offsets = np.concatenate([[0], np.cumsum(kept.sum(axis=1))])
    else:
        states = _array(hidden_states)
        kept = np.ones((1, 0), bool)
        if states.ndim != 3:
            raise UsageError(f"hidden_states has the shape {states.shape}, not three axes")
        names = [name.strip() for name in axes.split(",")[:2]]
        if names not in (["layers", "tokens"], ["tokens", "layers"]):
            raise UsageError(f'axes is "layers,tokens" or "tokens,layers", not {axes!r}')
        if names[0] == "tokens":
            states = states.transpose(1, 0, 2)
    return _native.states_of_arrays(
        np.ascontiguousarray(states, np.float32),
        tokens=_packed(tokens, kept),
        offsets=_packed(offsets, kept),
        layers=None if layers is None else [int(layer) for layer in layers],
        texts=[texts] if isinstance(texts, str) else texts,
        token_ids=_packed(token_ids, kept),
        special=_packed(special_tokens_mask, kept),
        sequence_offsets=None if sequence_offsets is None else _array(sequence_offsets).tolist(),
        model=model,
        causal=causal,
    )


def explore_states(hidden_states: Any, tokens: Optional[Sequence[Any]] = None, **options: Any) -> _native.Analysis:
    """Measures, maps and figures of states that another program computed: `stratoscope explore --from`.

    hidden_states are `States`, or what `states_from` takes with its arguments. The other options are
    those of `Model.explore`: metric, reducer, align, seed, words, pooling, special_tokens, figures.
    """
    if isinstance(hidden_states, _native.States):
        return _native.explore_states(hidden_states, **options)
    names = inspect.signature(states_from).parameters
    given = {name: options.pop(name) for name in list(options) if name in names}
    return _native.explore_states(states_from(hidden_states, tokens, **given), **options)
