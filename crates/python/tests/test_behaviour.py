"""Ctrl-C, forks, threads, errors, the program and the types."""

import json
import signal
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import pytest

import stratoscope as st
from conftest import TEXTS, script
from stratoscope._progress import Bar

INTERRUPT = """
import os, signal, sys, threading
import stratoscope as st

# Where the tests run in the background, a shell has told all processes to ignore interrupts.
signal.signal(signal.SIGINT, signal.default_int_handler)

def after(seconds):
    threading.Timer(seconds, os.kill, (os.getpid(), signal.SIGINT)).start()

model = st.load()
"""


def test_an_interrupt_stops_the_work():
    done = script(INTERRUPT + """
import numpy as np
x = np.random.default_rng(0).normal(size=(20_000, 50))
after(1)
try:
    st.tsne(x, epochs=1_000_000)
except KeyboardInterrupt:
    print("interrupted")
# The next work runs as ever.
print(model.states("A text.").hidden_states.shape)
""")
    assert done.stdout.splitlines() == ["interrupted", "(7, 5, 384)"], done.stderr


def test_an_interrupted_extraction_goes_on(model, tmp_path):
    texts = tmp_path / "texts.txt"
    texts.write_text("\n".join(f"{text} {index}" for index in range(150) for text in TEXTS) + "\n")
    whole, cut = tmp_path / "whole", tmp_path / "cut"
    done = script(INTERRUPT + """
import pathlib, time
texts, cut = map(pathlib.Path, sys.argv[1:])

def at_first_shard():
    while not list(cut.glob("*.safetensors")):
        time.sleep(0.01)
    os.kill(os.getpid(), signal.SIGINT)

threading.Thread(target=at_first_shard, daemon=True).start()
try:
    model.extract(texts, cut, shard_mib=1, layers=[0, 6])
except KeyboardInterrupt:
    print("interrupted", (cut / "index.json").exists())
""", texts, cut)
    assert done.stdout.split() == ["interrupted", "False"], done.stderr
    model.extract(texts, cut, shard_mib=1, layers=[0, 6], resume=True)
    model.extract(texts, whole, shard_mib=1, layers=[0, 6])
    names = sorted(path.name for path in whole.iterdir() if path.is_file())
    assert names == sorted(path.name for path in cut.iterdir() if path.is_file())
    for name in names:
        assert (whole / name).read_bytes() == (cut / name).read_bytes(), name


@pytest.mark.parametrize("wanted, shown", [(True, True), (None, False), (False, False)])
def test_progress_is_shown_where_it_is_wanted(wanted, shown, capsys):
    """By default not here, since the output is no terminal."""
    st.set_progress(wanted)
    bar = Bar()
    bar.show("reading", 0, 1, False)
    bar.show("reading", 30, 200, True)
    bar.show("reading", 50, 200, True)
    bar.close()
    st.set_progress(None)
    said = capsys.readouterr().err
    assert ("reading" in said and "/200" in said) if shown else said == ""


def test_other_threads_run_meanwhile(model):
    """The work lets other threads run, and one model serves several threads."""
    alone = model.states(TEXTS).hidden_states
    results = [None] * 4

    def work(index):
        results[index] = model.states(TEXTS).hidden_states

    threads = [threading.Thread(target=work, args=(index,)) for index in range(4)]
    [thread.start() for thread in threads]
    [thread.join() for thread in threads]
    assert all(np.array_equal(result, alone) for result in results)


@pytest.mark.skipif(sys.platform == "win32", reason="there is no fork")
def test_a_fork_is_safe():
    done = script("""
import os, warnings
warnings.simplefilter("ignore")
import stratoscope as st

def child(work):
    pid = os.fork()
    if pid == 0:
        try:
            work()
            print("worked", flush=True)
        except st.ForkError as error:
            print(type(error).__name__, "spawn" in str(error), flush=True)
        os._exit(0)
    os.waitpid(pid, 0)

# Before the first work, a fork can do everything.
child(lambda: st.load().states("A text."))
model = st.load()
states = model.states("A text.")
child(lambda: model.states("A text."))
child(lambda: states.hidden_states.sum())
print(model.states("A text.").hidden_states.shape)
""")
    assert done.stdout.splitlines() == ["worked", "ForkError True", "worked", "(7, 5, 384)"]


def test_errors_have_the_texts_of_the_program(model, program, tmp_path):
    cases = [
        (st.ModelNotFoundError, FileNotFoundError, 3, ["--model", "org/none"], "org/none"),
        (st.ModelNotFoundError, FileNotFoundError, 3, ["--model", str(tmp_path)], str(tmp_path)),
    ]
    for kind, builtin, code, arguments, name in cases:
        said = program("explore", "A text.", *arguments, code=code).stderr
        with pytest.raises(kind) as error:
            st.load(name)
        assert isinstance(error.value, st.StratoscopeError) and isinstance(error.value, builtin)
        assert said.strip() == f"error: {error.value}"
    with pytest.raises(st.InputError) as error:
        model.states([" "])
    assert program("extract", " ", "--json", code=4).stderr.strip() == f"error: {error.value}"
    for wrong in [
        lambda: model.states(TEXTS, layers=9),
        lambda: model.explore(TEXTS, metric="none"),
        lambda: model.explore(TEXTS, figures="none"),
        lambda: model.compare("one"),
        lambda: model.states(),
        lambda: st.load(dtype="f8"),
        lambda: model.probe(),
    ]:
        with pytest.raises(st.UsageError):
            wrong()
    with pytest.raises(TypeError, match="a text is a str"):
        model.states([1])


def test_the_program(program, tmp_path):
    assert program("--version").stdout == f"stratoscope {st.__version__}\n"
    assert "explore" in program("--help").stdout
    assert "Usage" in program("nothing", code=2).stderr
    command = Path(sys.executable).with_name("stratoscope")
    arguments = ["extract", "A text.", "--output", "s.safetensors", "-q"]
    done = subprocess.run([command, *arguments], cwd=tmp_path, capture_output=True, text=True)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert len(st.read_states(tmp_path / "s.safetensors")) == 5
    program("explore", "A text.", "--output", "folder", "-q")
    manifest = json.loads((tmp_path / "folder/manifest.json").read_text())
    assert manifest["command_line"][1:] == ["explore", "A text.", "--output", "folder", "-q"]


@pytest.mark.skipif(sys.platform == "win32", reason="signals of Unix")
def test_the_program_ends_by_a_signal(tmp_path):
    command = [sys.executable, "-m", "stratoscope", "serve", "--port", "0", "--json"]
    served = subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        # As INTERRUPT does.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )
    assert json.loads(served.stdout.readline())["url"].startswith("http://127.0.0.1")
    served.send_signal(2)
    assert served.wait(timeout=60) == 130
    served.stdout.close()


def test_the_stubs_agree_with_the_module(tmp_path):
    pytest.importorskip("mypy")
    # Not all packages that are used have types.
    settings = tmp_path / "mypy.ini"
    settings.write_text("[mypy]\nignore_missing_imports = True\n")
    command = [sys.executable, "-m", "mypy.stubtest", "stratoscope"]
    # A method that scikit-learn adds.
    allowed = tmp_path / "allowed"
    allowed.write_text("stratoscope.estimators.LinearProbe.set_score_request\n")
    command += ["--mypy-config-file", str(settings), "--allowlist", str(allowed)]
    done = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    use = tmp_path / "use.py"
    use.write_text(
        "import stratoscope as st\n"
        "states = st.load('bundled').states(['A text.'], layers=[0, 6])\n"
        "reveal_type(states.find('text')[0].vector(layer=6))\n"
        "st.load().explore('A text.', nothing=1)\n"
    )
    done = subprocess.run(
        [sys.executable, "-m", "mypy", str(use)], capture_output=True, text=True, cwd=tmp_path
    )
    assert "numpy.ndarray" in done.stdout and 'Unexpected keyword argument "nothing"' in done.stdout
    assert "Found 1 error" in done.stdout, done.stdout


def test_everything_is_documented():
    for name in st.__all__:
        thing = getattr(st, name)
        assert name == "__version__" or thing.__doc__, name
        if name in ["Analysis", "Figure", "Hooks", "Model", "Place", "States"]:
            assert repr(thing) == f"<class 'stratoscope.{name}'>"
            public = [method for method in vars(thing) if not method.startswith("_")]
            assert [method for method in public if not getattr(thing, method).__doc__] == []
