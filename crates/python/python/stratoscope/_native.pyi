from collections.abc import Callable, Iterator, KeysView, Mapping, Sequence
from os import PathLike
from typing import Any, Optional, Union, final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ._types import Estimate

_Path = Union[str, PathLike[str]]
_Paths = Union[_Path, Sequence[_Path]]
_Names = Union[str, Sequence[str]]
_Texts = Union[str, Sequence[Union[str, tuple[str, str]]]]
_Image = Union[_Path, NDArray[np.uint8]]
_Images = Union[_Image, Sequence[_Image]]
_Layers = Union[int, str, Sequence[int]]
_Hook = Callable[[NDArray[np.float32]], Optional[ArrayLike]]

__all__ = [
    "Analysis",
    "Figure",
    "main",
    "anisotropy",
    "continuity",
    "cosine_to_sentence",
    "curvature",
    "debiased_cka",
    "effective_rank",
    "linear_cka",
    "linear_probe",
    "matrix_entropy",
    "neighbour_overlap",
    "norms",
    "pca",
    "procrustes",
    "random_projection",
    "rbf_cka",
    "rowwise_cosine",
    "rsa",
    "similarity",
    "trustworthiness",
    "tsne",
    "two_nn",
    "Model",
    "explore_states",
    "Hooks",
    "load",
    "Place",
    "States",
    "read_states",
    "states_of_arrays",
    "__version__",
]

__version__: str

def main(argv: Sequence[str]) -> int: ...
def load(
    name: Optional[_Path] = None,
    *,
    revision: Optional[str] = None,
    dtype: str = "float32",
    device: str = "cpu",
    memory: Optional[int] = None,
    offline: bool = False,
    cache_dir: Optional[_Path] = None,
    allow_pickle: bool = False,
    reads: Optional[str] = None,
) -> Model: ...
def read_states(path: _Path, *, axes: str | None = None) -> States: ...
def states_of_arrays(
    hidden_states: NDArray[np.float32],
    *,
    tokens: Optional[Sequence[str]] = None,
    offsets: Optional[Sequence[Sequence[int]]] = None,
    layers: Optional[Sequence[int]] = None,
    texts: Optional[Sequence[str]] = None,
    token_ids: Optional[Sequence[int]] = None,
    special: Optional[Sequence[int]] = None,
    sequence_offsets: Optional[Sequence[int]] = None,
    model: Optional[str] = None,
    causal: Optional[bool] = None,
) -> States: ...
def explore_states(
    states: States,
    *,
    metric: str = "cosine",
    reducer: str = "pca",
    align: str = "joint",
    seed: int = 0,
    words: bool = False,
    pooling: Optional[str] = None,
    special_tokens: bool = True,
    figures: Optional[_Names] = None,
) -> Analysis: ...
@final
class Model:
    @property
    def name(self) -> str: ...
    @property
    def family(self) -> str: ...
    @property
    def n_layers(self) -> int: ...
    @property
    def d_model(self) -> int: ...
    @property
    def n_heads(self) -> int: ...
    @property
    def dtype(self) -> str: ...
    @property
    def hook_points(self) -> list[str]: ...
    def states(
        self,
        texts: Optional[_Texts] = None,
        *,
        token_ids: Optional[Sequence[Sequence[int]]] = None,
        images: Optional[_Images] = None,
        layers: Optional[_Layers] = None,
        words: bool = False,
        sentences: bool = False,
        pooling: Optional[str] = None,
        special_tokens: bool = True,
        long: str = "refuse",
        hooks: Optional[_Names] = None,
    ) -> States: ...
    def explore(
        self,
        texts: Optional[_Texts] = None,
        *,
        images: Optional[_Images] = None,
        patch: Optional[Sequence[int]] = None,
        beside: Optional[Sequence[Model]] = None,
        metric: str = "cosine",
        reducer: str = "pca",
        align: str = "joint",
        seed: int = 0,
        layers: Optional[_Layers] = None,
        words: bool = False,
        pooling: Optional[str] = None,
        special_tokens: bool = True,
        long: str = "refuse",
        attention: bool = False,
        figures: Optional[_Names] = None,
        baseline: bool = False,
    ) -> Analysis: ...
    def compare(
        self,
        *texts: str,
        word: Optional[_Names] = None,
        pairs: Optional[_Path] = None,
        wic: Optional[_Path] = None,
        metric: str = "cosine",
        pooling: str = "mean",
        seed: int = 0,
    ) -> Analysis: ...
    def profile(
        self,
        *,
        beside: Optional[Sequence[Model]] = None,
        bank: Optional[_Paths] = None,
        stimuli: str = "homographs",
        cues_first: bool = False,
    ) -> Analysis: ...
    def lens(
        self,
        text: str,
        *,
        top: int = 5,
        targets: Optional[_Names] = None,
        perplexity: bool = False,
    ) -> Analysis: ...
    def geometry(
        self,
        corpus: Union[_Path, Sequence[str]],
        *,
        beside: Optional[Sequence[Model]] = None,
        sample: int = 2000,
        seed: int = 0,
        pooling: str = "mean",
        long: str = "refuse",
        field: str = "text",
        figures: Optional[_Names] = None,
    ) -> Analysis: ...
    def probe(
        self,
        texts: Optional[Sequence[str]] = None,
        labels: Optional[Sequence[Any]] = None,
        *,
        spans: Optional[Sequence[tuple[int, int]]] = None,
        name: str = "label",
        tsv: Optional[_Path] = None,
        corpus: Optional[_Path] = None,
        train: Optional[_Paths] = None,
        dev: Optional[_Paths] = None,
        test: Optional[_Paths] = None,
        label: Optional[_Names] = None,
        where: Optional[_Names] = None,
        layers: Optional[_Layers] = None,
        pooling: Optional[str] = None,
        long: str = "refuse",
        strength: Optional[float] = None,
        control: bool = False,
        random_weights: bool = False,
        mlp: bool = False,
        mdl: bool = False,
        mix: bool = False,
        structural: bool = False,
        seed: int = 0,
    ) -> Analysis: ...
    def extract(
        self,
        corpus: Union[_Path, Sequence[str]],
        output: _Path,
        *,
        resume: bool = False,
        overwrite: bool = False,
        layers: Optional[_Layers] = None,
        words: bool = False,
        sentences: bool = False,
        pooling: Optional[str] = None,
        special_tokens: bool = True,
        long: str = "refuse",
        hooks: Optional[_Names] = None,
        half: bool = False,
        sample: Optional[int] = None,
        seed: int = 0,
        format: str = "safetensors",
        shard_mib: int = 64,
        field: str = "text",
    ) -> PathLike[str]: ...
    def hooks(self, functions: Mapping[str, _Hook]) -> Hooks: ...

@final
class Hooks:
    def __enter__(self) -> Model: ...
    def __exit__(self, *_error: object) -> None: ...

@final
class States:
    @property
    def hidden_states(self) -> NDArray[np.float32]: ...
    @property
    def layers(self) -> list[int]: ...
    @property
    def unit(self) -> str: ...
    @property
    def model(self) -> str: ...
    @property
    def texts(self) -> list[str]: ...
    @property
    def tokens(self) -> list[str]: ...
    @property
    def token_ids(self) -> NDArray[np.int64]: ...
    @property
    def sequence(self) -> NDArray[np.int64]: ...
    @property
    def word_ids(self) -> NDArray[np.int64]: ...
    @property
    def special(self) -> NDArray[np.bool_]: ...
    @property
    def unknown(self) -> NDArray[np.bool_]: ...
    @property
    def char_offsets(self) -> NDArray[np.int64]: ...
    @property
    def sequence_offsets(self) -> NDArray[np.int64]: ...
    @property
    def hooks(self) -> dict[str, NDArray[np.float32]]: ...
    def layer(self, layer: int) -> NDArray[np.float32]: ...
    def find(self, word: str) -> list[Place]: ...
    def words(self, pooling: str = "mean") -> States: ...
    def sentences(self, pooling: Optional[str] = None) -> States: ...
    def without_special(self) -> States: ...
    def to_pandas(self) -> Any: ...
    def to_arrow(self) -> Any: ...
    def save(self, path: _Path, *, half: bool = False, overwrite: bool = False) -> None: ...
    def __len__(self) -> int: ...

@final
class Place:
    @property
    def text(self) -> int: ...
    @property
    def characters(self) -> tuple[int, int]: ...
    @property
    def rows(self) -> range: ...
    def vector(self, layer: int) -> NDArray[np.float32]: ...

@final
class Analysis:
    @property
    def kind(self) -> str: ...
    @property
    def title(self) -> str: ...
    @property
    def summary(self) -> str: ...
    @property
    def omitted(self) -> list[str]: ...
    @property
    def warnings(self) -> list[str]: ...
    @property
    def figures(self) -> list[str]: ...
    @property
    def states(self) -> Optional[States]: ...
    def to_dict(self) -> dict[str, Any]: ...
    def json(self) -> str: ...
    def figure(
        self,
        id: str,
        *,
        layers: Optional[_Layers] = None,
        format: str = "svg",
        width: Optional[str] = None,
        paper: bool = False,
    ) -> Figure: ...
    def save(
        self,
        folder: _Path,
        *,
        overwrite: bool = False,
        figures: Optional[_Names] = None,
        formats: Optional[_Names] = None,
        paper: bool = False,
    ) -> list[str]: ...
    def html(self) -> str: ...
    def _repr_html_(self) -> str: ...
    def keys(self) -> KeysView[str]: ...
    def __getitem__(self, key: str, /) -> Any: ...
    def __contains__(self, key: str, /) -> bool: ...
    def __iter__(self) -> Iterator[str]: ...
    def __len__(self) -> int: ...

@final
class Figure:
    @property
    def id(self) -> str: ...
    @property
    def title(self) -> str: ...
    @property
    def caption(self) -> str: ...
    @property
    def svg(self) -> str: ...
    @property
    def png(self) -> bytes: ...
    @property
    def pdf(self) -> bytes: ...
    @property
    def csv(self) -> str: ...
    @property
    def markdown(self) -> str: ...
    def to_dict(self) -> dict[str, Any]: ...
    def save(self, path: _Path) -> None: ...
    def __bytes__(self) -> bytes: ...
    def _repr_svg_(self) -> str: ...

def linear_cka(x: ArrayLike, y: ArrayLike) -> float: ...
def debiased_cka(x: ArrayLike, y: ArrayLike) -> float: ...
def rbf_cka(x: ArrayLike, y: ArrayLike, *, width: float = 0.5) -> float: ...
def rsa(x: ArrayLike, y: ArrayLike, *, dissimilarity: str = "cosine") -> float: ...
def similarity(x: ArrayLike, *, metric: str = "cosine") -> NDArray[np.float64]: ...
def rowwise_cosine(x: ArrayLike, y: ArrayLike) -> NDArray[np.float64]: ...
def anisotropy(
    x: ArrayLike, *, sentences: Optional[ArrayLike] = None, seed: int = 0
) -> Estimate: ...
def two_nn(
    x: ArrayLike, *, sentences: Optional[ArrayLike] = None, seed: int = 0
) -> dict[str, Any]: ...
def neighbour_overlap(
    x: ArrayLike,
    y: ArrayLike,
    *,
    k: int = 10,
    sentences: Optional[ArrayLike] = None,
    seed: int = 0,
) -> Estimate: ...
def norms(x: ArrayLike) -> NDArray[np.float64]: ...
def curvature(x: ArrayLike) -> float: ...
def cosine_to_sentence(x: ArrayLike) -> float: ...
def matrix_entropy(x: ArrayLike, *, alpha: float = 1.0, centred: bool = False) -> float: ...
def effective_rank(x: ArrayLike, *, centred: bool = False) -> float: ...
def tsne(
    x: ArrayLike, *, perplexity: float = 30.0, epochs: Optional[int] = None, seed: int = 0
) -> NDArray[np.float64]: ...
def random_projection(
    x: ArrayLike, n_components: int = 2, *, seed: int = 0
) -> NDArray[np.float64]: ...
def procrustes(
    source: ArrayLike, target: ArrayLike, *, scaling: bool = False
) -> NDArray[np.float64]: ...
def trustworthiness(x: ArrayLike, y: ArrayLike, *, k: int = 10) -> float: ...
def continuity(x: ArrayLike, y: ArrayLike, *, k: int = 10) -> float: ...
def pca(x: ArrayLike, n_components: int = 2) -> dict[str, NDArray[np.float64]]: ...
def linear_probe(
    x: ArrayLike,
    labels: Sequence[int],
    *,
    strength: Optional[float] = None,
    groups: Optional[ArrayLike] = None,
    seed: int = 0,
) -> dict[str, Any]: ...
