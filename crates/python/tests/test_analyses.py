"""Each task: its numbers are those of the program, to the last digit; figures, pages and folders."""

import json

import pytest

import stratoscope as st
from conftest import FIXTURES, TEXTS

CORPUS = FIXTURES / "probing/corpus.conllu"
PAIRS = FIXTURES / "compare/pairs.tsv"
WIC = FIXTURES / "compare/wic.tsv"
OPTIONS = {"metric": "centred", "layers": [0, 3, 6], "words": True, "seed": 3}
TSNE = {"figures": ["similarity", "depth"], "reducer": "random", "align": "procrustes"}
PROBE = {"corpus": CORPUS, "label": ["upos"], "layers": "0,2", "control": True, "seed": 1}

CASES = [
    (["explore", *TEXTS], lambda model: model.explore(TEXTS)),
    (
        ["explore", *TEXTS, "--metric", "centred", "--layers", "0,3,6", "--words", "--seed", "3"],
        lambda model: model.explore(TEXTS, **OPTIONS),
    ),
    (["explore", TEXTS[0], "--attention"], lambda model: model.explore(TEXTS[0], attention=True)),
    (["compare", *TEXTS[:2]], lambda model: model.compare(*TEXTS[:2])),
    (
        ["compare", TEXTS[0], TEXTS[2], "--word", "bank", "--seed", "2"],
        lambda model: model.compare(TEXTS[0], TEXTS[2], word="bank", seed=2),
    ),
    (["compare", "--pairs", PAIRS], lambda model: model.compare(pairs=PAIRS)),
    (["compare", "--wic", WIC], lambda model: model.compare(wic=WIC)),
    (["profile"], lambda model: model.profile()),
    (
        ["geometry", "--file", CORPUS, "--sample", "200", "--seed", "4"],
        lambda model: model.geometry(CORPUS, sample=200, seed=4),
    ),
    (
        ["probe", "--corpus", CORPUS, "--label", "upos", "--layers", "0,2", "--control", "--seed", "1"],
        lambda model: model.probe(**PROBE),
    ),
]


@pytest.mark.parametrize("arguments, call", CASES, ids=lambda case: str(case[:1]) if isinstance(case, list) else "")
def test_numbers_equal_those_of_the_program(model, program, arguments, call):
    printed = program(*arguments, "--json", "-q").stdout
    result = call(model)
    assert result.json() == printed.strip()
    assert result.to_dict() == json.loads(printed)
    assert result.kind == arguments[0] and result.summary


def test_several_models_equal_those_of_the_program(model, decoder, program):
    other, copy = st.load(decoder), FIXTURES.parents[1] / "crates/bundled/model"
    for arguments, path, call in [
        (["explore", *TEXTS], decoder, lambda: model.explore(TEXTS, beside=[other])),
        (["profile"], copy, lambda: model.profile(beside=[st.load(copy)])),
        (
            ["geometry", "--file", CORPUS, "--sample", "200"],
            decoder,
            lambda: model.geometry(CORPUS, sample=200, beside=[other]),
        ),
    ]:
        printed = program(*arguments, "--model", "bundled", "--model", path, "--json", "-q").stdout
        assert call().json() == printed.strip()
    with pytest.raises(st.UsageError, match="single model"):
        model.explore([("the bank", "the river")], beside=[other])
    with other.hooks({"hook_embed": lambda value: None}), pytest.raises(st.UsageError, match="explore_states"):
        model.explore(TEXTS, beside=[other])


def test_the_lens_equals_that_of_the_program(decoder, program):
    arguments = ["the bank by the river", "--top", "3", "--target", "bank", "--perplexity"]
    printed = program("lens", "--model", decoder, *arguments, "--json").stdout
    model = st.load(decoder)
    lens = model.lens("the bank by the river", top=3, targets="bank", perplexity=True)
    assert lens.to_dict() == json.loads(printed)
    with pytest.raises(st.StratoscopeError, match="head"):
        st.load("bundled").lens("the bank")


def test_a_probe_of_texts_equals_that_of_a_file(model, program, tmp_path):
    texts = [f"{word} {index}" for index in range(20) for word in ("good", "bad", "new")]
    labels = [text.split()[0] for text in texts]
    file = tmp_path / "label.tsv"
    file.write_text("".join(f"{text}\t{label}\n" for text, label in zip(texts, labels)))
    printed = json.loads(program("probe", "--tsv", file, "--json", "-q").stdout)
    of_file = model.probe(tsv=file).to_dict()
    assert of_file == printed
    of_texts = model.probe(texts, labels).to_dict()
    # The file is the only difference.
    assert of_texts["layers"] == printed["layers"]


def test_results_are_like_dicts(model):
    result = model.compare(*TEXTS[:2])
    assert "layers" in result and result["layers"] == result.to_dict()["layers"]
    assert list(result) == list(result.keys()) and len(result) == len(result.to_dict())
    with pytest.raises(KeyError, match="there is no \"nothing\""):
        result["nothing"]
    # A caller's copy is its own.
    result.to_dict()["layers"].clear()
    assert result["layers"]


def test_warnings_are_part_of_the_result(model, program):
    long = "word " * 600
    with pytest.warns(st.StratoscopeWarning, match="cut"):
        result = model.explore(long, long="cut", figures="depth")
    assert result["warnings"] == result.warnings and result.warnings
    with pytest.raises(st.InputError):
        model.explore(long)


def test_figures(model, tmp_path):
    exploration = model.explore(TEXTS)
    assert {"similarity", "depth", "trajectory"} <= set(exploration.figures)
    figure = exploration.figure("similarity")
    assert figure.svg.startswith("<svg") and figure._repr_svg_() == figure.svg
    assert figure.png.startswith(b"\x89PNG") and figure.pdf.startswith(b"%PDF")
    assert figure.title and figure.caption and figure.csv.count("\n") > 10
    assert figure.to_dict()["id"] == "similarity"
    narrow = exploration.figure("similarity", layers=[0, 3, 6], format="pdf", width="3.3in")
    assert bytes(narrow).startswith(b"%PDF") and "237 " in repr(narrow).replace("238 ", "237 ")
    wide = exploration.figure("similarity", width="12cm")
    assert "340 " in repr(wide)
    narrow.save(tmp_path / "figure.svg")
    assert (tmp_path / "figure.svg").read_text() == narrow.svg
    for wrong in ["1in", "3.3", "wide"]:
        with pytest.raises(st.UsageError, match="3.3in to 6.9in"):
            exploration.figure("similarity", width=wrong)
    with pytest.raises(st.UsageError, match="there is no figure"):
        exploration.figure("nothing")
    with pytest.raises(st.UsageError, match="there is no format"):
        exploration.figure("depth", format="gif")


def test_figures_of_some_layers_equal_those_of_the_program(model, program, tmp_path):
    figure = model.explore(TEXTS).figure("similarity", layers=[0, 3, 6])
    output = tmp_path / "figures"
    chosen = ["--figures", "similarity", "--layers", "0,3,6", "--output", output]
    program("explore", *TEXTS, *chosen, "-q")
    assert (output / "similarity.svg").read_text() == figure.svg
    assert json.loads((output / "similarity.json").read_text()) == figure.to_dict()


def test_folders_equal_those_of_the_program(model, program, tmp_path):
    here, there = tmp_path / "here", tmp_path / "there"
    exploration = model.explore(TEXTS)
    written = exploration.save(here)
    program("explore", *TEXTS, "--output", there, "-q")
    assert sorted(written) == sorted(path.name for path in there.iterdir())
    for name in written:
        ours, theirs = (here / name).read_bytes(), (there / name).read_bytes()
        if name == "manifest.json":
            ours, theirs = json.loads(ours), json.loads(theirs)
            assert ours.pop("command_line") == [] and theirs.pop("command_line")[1] == "explore"
        assert ours == theirs, name
    with pytest.raises(st.UsageError, match="is not empty"):
        exploration.save(here)
    exploration.save(here, overwrite=True, figures="depth", formats=["pdf"], paper=True)
    assert sorted(path.name for path in here.glob("depth*")) == ["depth.csv", "depth.json", "depth.pdf"]


def test_the_page_is_shown_in_a_sandbox(model):
    exploration = model.explore(TEXTS[0])
    page = exploration.html()
    assert page.startswith("<!DOCTYPE html>") or page.lower().startswith("<!doctype html>")
    shown = exploration._repr_html_()
    assert shown.startswith('<iframe sandbox="allow-scripts')
    assert "allow-same-origin" not in shown
    # The attribute holds the page, whatever it contains.
    attribute = shown.split('srcdoc="')[1].split('"')[0]
    assert attribute.replace("&quot;", '"').replace("&amp;", "&") == page


def test_extract(model, program, tmp_path):
    texts = tmp_path / "texts.txt"
    texts.write_text("\n".join(TEXTS * 40) + "\n")
    here, there = tmp_path / "here", tmp_path / "there"
    assert str(model.extract(texts, here, shard_mib=1)) == str(here)
    program("extract", "--file", texts, "--output", there, "--shard-mib", "1", "-q")
    names = sorted(path.name for path in here.iterdir() if path.is_file())
    assert len(names) > 3
    for name in names:
        assert (here / name).read_bytes() == (there / name).read_bytes(), name
    one = tmp_path / "one.npz"
    model.extract(TEXTS, one, words=True, half=True)
    program("extract", *TEXTS, "--words", "--half", "--output", tmp_path / "two.npz", "-q")
    assert one.read_bytes() == (tmp_path / "two.npz").read_bytes()
    with pytest.raises(st.UsageError, match="resume needs a folder"):
        model.extract(TEXTS, one, resume=True)
