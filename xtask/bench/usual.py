"""A typical script for one sentence: load a model, get hidden states, PCA, t-SNE, three figures.

`usual.py MODEL OUT SENTENCE`
"""
import sys
from pathlib import Path

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
import numpy as np
import torch
from sklearn.decomposition import PCA
from sklearn.manifold import TSNE
from transformers import AutoModel, AutoTokenizer

model_folder, out, sentence = sys.argv[1], Path(sys.argv[2]), sys.argv[3]
out.mkdir()
tokenizer = AutoTokenizer.from_pretrained(model_folder)
model = AutoModel.from_pretrained(model_folder, dtype=torch.float32).eval()
inputs = tokenizer(sentence, return_tensors="pt")
with torch.inference_mode():
    states = model(**inputs, output_hidden_states=True).hidden_states
states = torch.cat(states).numpy()  # [layers, tokens, d_model]
tokens = tokenizer.convert_ids_to_tokens(inputs["input_ids"][0])
layers, n, d = states.shape
rows = states.reshape(-1, d)

for name, points in [
    ("trajectory", PCA(2).fit_transform(rows)),
    ("tsne", TSNE(2, perplexity=min(30, (len(rows) - 1) / 3), random_state=0).fit_transform(rows)),
]:
    figure, axes = plt.subplots(figsize=(8, 6))
    for i, token in enumerate(tokens):
        trail = points.reshape(layers, n, 2)[:, i]
        axes.plot(*trail.T, marker="o", markersize=3, linewidth=1)
        axes.annotate(token, trail[-1])
    figure.savefig(out / f"{name}.png", dpi=150)

figure, grid = plt.subplots(1, layers, figsize=(3 * layers, 3.5))
for layer, axes in enumerate(grid):
    unit = states[layer] / np.linalg.norm(states[layer], axis=1, keepdims=True)
    axes.imshow(unit @ unit.T, vmin=-1, vmax=1, cmap="RdBu_r")
    axes.set_title(f"layer {layer}")
    axes.set_xticks(range(n), tokens, rotation=90, fontsize=5)
    axes.set_yticks(range(n), tokens, fontsize=5)
figure.savefig(out / "similarity.png", dpi=150)
