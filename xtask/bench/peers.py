"""A peer that `cargo xtask bench peers` times: PyTorch, ONNX Runtime, scikit-learn or openTSNE.

`peers.py '{"kind": …, "threads": …, "model": …, "ids": …, "out": …}'` loads the library and prints
a line with its name and version. For each line with the name of a job, it runs one round of this
job and prints the times. Only the job is timed: token ids are read, sorted, padded and converted to
tensors before, and the numbers that are compared between peers are computed afterwards.
"""
import json
import os
import sys
import time
from pathlib import Path

import numpy as np

BATCH = 32
# States in bf16 differ by their rounding.
BF16_TOLERANCE = 0.05
# The number of forward passes of one sentence in a round; the median counts.
PASSES = 50


class Clock:
    """The wall time and the processor time of a `with` block."""

    def __enter__(self):
        self.wall, self.cpu = time.perf_counter(), time.process_time()
        return self

    def __exit__(self, *_):
        self.wall, self.cpu = time.perf_counter() - self.wall, time.process_time() - self.cpu

    def times(self):
        return {"seconds": self.wall, "cpu_seconds": self.cpu}


def read_ids(settings):
    read = json.loads(Path(settings["ids"]).read_text())
    return read["sequences"], read["sentence"]


def padded(sequences):
    """Batches of 32 in the given order, padded to the longest sequence: ids and masks, int64."""
    batches = []
    for start in range(0, len(sequences), BATCH):
        group = sequences[start:start + BATCH]
        ids = np.zeros((len(group), max(map(len, group))), np.int64)
        mask = np.zeros_like(ids)
        for row, sequence in enumerate(group):
            ids[row, :len(sequence)] = sequence
            mask[row, :len(sequence)] = 1
        batches.append((ids, mask))
    return batches


def layer_means(kept, masks):
    """The mean absolute value of the states of each layer, without padding."""
    sums, count = 0.0, 0
    for states, mask in zip(kept, masks):
        real = np.asarray(mask, bool)
        sums = sums + np.array([np.abs(np.asarray(s)[real]).sum(dtype=np.float64) for s in states])
        count += real.sum() * np.asarray(states[0]).shape[-1]
    return (sums / count).tolist()


def written(path):
    """The size of a written file; the file is then removed."""
    size = path.stat().st_size
    path.unlink()
    return size


class Torch:
    """The model of transformers with its defaults (f32, default attention), all hidden states."""

    def __init__(self, settings):
        import torch
        import transformers

        transformers.logging.set_verbosity_error()
        transformers.logging.disable_progress_bar()
        self.torch, self.name = torch, "PyTorch"
        self.half = settings.get("dtype") == "bf16"
        in_bf16 = " in bf16" if self.half else ""
        self.version = f"{torch.__version__} with transformers {transformers.__version__}{in_bf16}"
        torch.set_num_threads(settings["threads"])
        self.model = transformers.AutoModel.from_pretrained(
            settings["model"], dtype=torch.bfloat16 if self.half else torch.float32
        ).eval()
        if getattr(self.model, "pooler", None) is not None:
            self.model.pooler = None  # its output is not used
        self.model.config.use_cache = False  # no text is generated
        sequences, sentence = read_ids(settings)
        self.batches = self.tensors(padded(sequences))
        self.sorted = self.tensors(padded(sorted(sequences, key=len)))
        self.sentence = self.tensors(padded([sentence]))[0]
        self.tokens = sum(map(len, sequences))
        self.out = Path(settings["out"]) / "torch.safetensors"
        self.threads = torch.get_num_threads()

    def tensors(self, batches):
        return [(self.torch.from_numpy(ids), self.torch.from_numpy(mask)) for ids, mask in batches]

    def forward(self, ids, mask):
        return self.model(
            input_ids=ids, attention_mask=mask, output_hidden_states=True
        ).hidden_states

    def run(self, batches):
        with self.torch.inference_mode(), Clock() as clock:
            kept = [self.forward(ids, mask) for ids, mask in batches]
        kept = [[layer.float() for layer in states] for states in kept]
        check = layer_means(kept, [mask for _, mask in batches])
        answer = {**clock.times(), "tokens": self.tokens, "check": check}
        return {**answer, "tolerance": BF16_TOLERANCE} if self.half else answer

    def memory(self):
        return self.run(self.sorted)

    def unsorted(self):
        return self.run(self.batches)

    def disk(self):
        from safetensors.torch import save_file

        with self.torch.inference_mode(), Clock() as clock:
            parts = []
            for ids, mask in self.sorted:
                real = mask.bool()
                parts.append([states[real] for states in self.forward(ids, mask)])
            layers = {f"layer_{i}": self.torch.cat(part) for i, part in enumerate(zip(*parts))}
            save_file(layers, self.out)
        check = [float(states.double().abs().mean()) for states in layers.values()]
        size = written(self.out)
        return {**clock.times(), "tokens": self.tokens, "check": check, "bytes": size}

    def one_sentence(self):
        ids, mask = self.sentence
        times = []
        with self.torch.inference_mode():
            for _ in range(PASSES):
                with Clock() as clock:
                    states = self.forward(ids, mask)
                times.append(clock.wall)
        check = layer_means([states], [mask])
        return {"seconds": float(np.median(times)), "tokens": ids.shape[1], "check": check}

    def sgemm(self):
        """The best time of ten f32 products of 2048 × 2048 matrices, and the FLOP of one product."""
        n = 2048
        a, b, c = (self.torch.rand(n, n) for _ in range(3))
        times = []
        with self.torch.inference_mode():
            for _ in range(10):
                with Clock() as clock:
                    self.torch.mm(a, b, out=c)
                times.append(clock.wall)
        return {"seconds": min(times), "flop": 2 * n**3}


class OnnxRuntime:
    """The exported model in a session with default options; all hidden states are outputs."""

    def __init__(self, settings):
        import onnxruntime

        self.name, self.version = "ONNX Runtime", onnxruntime.__version__
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = self.threads = settings["threads"]
        self.session = onnxruntime.InferenceSession(
            settings["onnx"], options, providers=["CPUExecutionProvider"]
        )
        self.inputs = [value.name for value in self.session.get_inputs()]
        sequences, sentence = read_ids(settings)
        self.batches = padded(sorted(sequences, key=len))
        self.sentence = padded([sentence])[0]
        self.tokens = sum(map(len, sequences))
        self.out = Path(settings["out"]) / "onnx.npy"

    def forward(self, ids, mask):
        return self.session.run(None, dict(zip(self.inputs, (ids, mask))))

    def memory(self):
        with Clock() as clock:
            kept = [self.forward(ids, mask) for ids, mask in self.batches]
        check = layer_means(kept, [mask for _, mask in self.batches])
        return {**clock.times(), "tokens": self.tokens, "check": check}

    def disk(self):
        with Clock() as clock:
            parts = []
            for ids, mask in self.batches:
                real = mask.astype(bool)
                parts.append([states[real] for states in self.forward(ids, mask)])
            layers = np.stack([np.concatenate(part) for part in zip(*parts)])
            np.save(self.out, layers)
        check = [float(np.abs(states).mean(dtype=np.float64)) for states in layers]
        size = written(self.out)
        return {**clock.times(), "tokens": self.tokens, "check": check, "bytes": size}

    def one_sentence(self):
        times = []
        for _ in range(PASSES):
            with Clock() as clock:
                states = self.forward(*self.sentence)
            times.append(clock.wall)
        tokens = self.sentence[0].shape[1]
        check = layer_means([states], [self.sentence[1]])
        return {"seconds": float(np.median(times)), "tokens": tokens, "check": check}


class Sklearn:
    """PCA with the defaults of scikit-learn."""

    def __init__(self, settings):
        import sklearn
        import threadpoolctl

        self.name, self.version = "scikit-learn", sklearn.__version__
        self.out, self.components = Path(settings["out"]), settings["components"]
        self.rows = np.fromfile(settings["rows"], "<f4").reshape(-1, settings["columns"])
        # scikit-learn loads the BLAS of scipy; the limit below is for both BLAS of numpy and scipy.
        import sklearn.decomposition

        self.pca = sklearn.decomposition.PCA
        threadpoolctl.threadpool_limits(settings["threads"])
        self.threads = settings["threads"]

    def fit(self):
        with Clock() as clock:
            pca = self.pca(self.components)
            pca.fit_transform(self.rows)
        check = pca.explained_variance_.astype(float).tolist()
        answer = {**clock.times(), "rows": len(self.rows), "check": check}
        if pca._fit_svd_solver == "randomized":  # the default for fewer rows than 10 times columns
            answer["tolerance"] = 0.05
        return answer

    def scores(self):
        """The input of both t-SNEs: the principal components of evenly spaced rows."""
        wanted = min(10_000, len(self.rows))
        chosen = self.rows[np.arange(wanted) * len(self.rows) // wanted]
        scores = self.pca(self.components).fit_transform(chosen)
        scores.astype("<f4").tofile(self.out / "scores.f32")
        return {"rows": wanted}


class OpenTsne:
    """openTSNE with its defaults (perplexity 30, 750 epochs)."""

    def __init__(self, settings):
        import openTSNE

        self.name, self.version = "openTSNE", openTSNE.__version__
        self.out, self.threads = Path(settings["out"]), settings["threads"]
        self.rows = np.fromfile(settings["rows"], "<f4").reshape(-1, settings["columns"])
        self.tsne = openTSNE.TSNE

    def embed(self):
        with Clock() as clock:
            placed = self.tsne(perplexity=30, n_jobs=self.threads, random_state=0).fit(self.rows)
        np.asarray(placed).astype("<f4").tofile(self.out / "map-other.f32")
        return {**clock.times(), "rows": len(self.rows)}


KINDS = {"torch": Torch, "onnxruntime": OnnxRuntime, "sklearn": Sklearn, "opentsne": OpenTsne}


def main():
    # Answers go to the original stdout; the output of libraries goes to stderr.
    answers = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)
    settings = json.loads(sys.argv[1])
    peer = KINDS[settings["kind"]](settings)
    ready = {"ready": True, "name": peer.name, "version": peer.version, "threads": peer.threads}
    answers.write(json.dumps(ready) + "\n")
    for line in sys.stdin:
        answers.write(json.dumps(getattr(peer, json.loads(line))()) + "\n")


main()
