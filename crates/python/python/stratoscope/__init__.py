"""See how a transformer represents a text, layer by layer.

    import stratoscope as st

    model = st.load("bundled")
    states = model.states(["The bank by the river refused the loan."])
    states.hidden_states              # float32 [layers, tokens, d_model], no copy
    exploration = model.explore(["The bank by the river refused the loan."])
    exploration                       # in a notebook: the interactive page
    exploration.figure("similarity")
    exploration.save("folder")

The numbers are those of the program `stratoscope`, to the last digit.
"""

from __future__ import annotations

import logging as _logging
from typing import Any

from ._elsewhere import explore_states, states_from
from ._errors import (
    ForkError,
    InputError,
    ModelNotFoundError,
    NetworkError,
    StratoscopeError,
    StratoscopeWarning,
    UsageError,
)
from ._native import (
    Analysis,
    Figure,
    Hooks,
    Model,
    Place,
    States,
    __version__,
    anisotropy,
    continuity,
    cosine_to_sentence,
    curvature,
    debiased_cka,
    effective_rank,
    linear_cka,
    linear_probe,
    load,
    matrix_entropy,
    neighbour_overlap,
    norms,
    pca,
    procrustes,
    random_projection,
    rbf_cka,
    read_states,
    rowwise_cosine,
    rsa,
    similarity,
    trustworthiness,
    tsne,
    two_nn,
)
from ._progress import set_progress
from ._types import Estimate

_ESTIMATORS = ("PCA", "TSNE", "LinearProbe", "RandomProjection", "TwoNN")

__all__ = [
    "Analysis",
    "Estimate",
    "Figure",
    "ForkError",
    "Hooks",
    "InputError",
    "Model",
    "ModelNotFoundError",
    "NetworkError",
    "Place",
    "States",
    "StratoscopeError",
    "StratoscopeWarning",
    "UsageError",
    "__version__",
    "anisotropy",
    "continuity",
    "cosine_to_sentence",
    "curvature",
    "debiased_cka",
    "effective_rank",
    "explore_states",
    "linear_cka",
    "linear_probe",
    "load",
    "matrix_entropy",
    "neighbour_overlap",
    "norms",
    "pca",
    "procrustes",
    "random_projection",
    "rbf_cka",
    "read_states",
    "rowwise_cosine",
    "rsa",
    "set_progress",
    "similarity",
    "states_from",
    "trustworthiness",
    "tsne",
    "two_nn",
]

# Notes of the library are logged; they are shown where the user configures logging.
_logging.getLogger("stratoscope").addHandler(_logging.NullHandler())


def __getattr__(name: str) -> Any:
    """The estimators, which need scikit-learn, are imported when they are used."""
    if name in _ESTIMATORS:
        from . import estimators

        return getattr(estimators, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted([*globals(), *_ESTIMATORS])
