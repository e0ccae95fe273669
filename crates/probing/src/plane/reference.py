"""What `golden` in tests.rs holds the plane against: the same definitions in numpy, by other means.

    python crates/probing/src/plane/reference.py

Discriminants come from the inverse and scipy's generalised eigenvalues rather than from Cholesky's
factor; accuracies are counted context by context. The random subspaces have no counterpart here.
"""

import numpy as np
from scipy.linalg import eigh

WORDS, SENSES, ROLES, CONTEXTS, WIDTH, LAMBDA, FOLDS = 10, 2, 3, 3, 12, 0.9, 8


def wave(i, j):
    """Numbers that both sides make alike."""
    return np.modf(np.sin(i * 12.9898 + j * 78.233) * 43758.5453)[0]


rows = [
    (w, s, r)
    for w in range(WORDS)
    for s in range(SENSES)
    for r in range(ROLES)
    for _ in range(CONTEXTS)
]
word, sense, role = map(np.array, zip(*rows))
n = len(rows)
x = np.array([[wave(i + 1, j + 1) for j in range(WIDTH)] for i in range(n)])
for i in range(n):
    x[i, :3] += 0.5 * np.array([role[i] == k for k in range(3)])
    x[i, 3 + word[i] % 2] += (0.9 if sense[i] else -0.9) * (1 + 0.1 * word[i])
    x[i] += 3 * np.array([wave(500 + word[i], j) for j in range(WIDTH)])

y = x.copy()
for w in range(WORDS):
    y[word == w] -= y[word == w].mean(0)
residual = y.copy()
for c in {*rows}:
    own = (word == c[0]) & (sense == c[1]) & (role == c[2])
    residual[own] -= y[own].mean(0)


def subspaces(train):
    keep = np.isin(word, train)
    cells = len(train) * SENSES * ROLES
    spread = residual[keep].T @ residual[keep] / (keep.sum() - cells)
    spread = (1 - LAMBDA) * spread + LAMBDA * np.trace(spread) / WIDTH * np.eye(WIDTH)
    roles = np.array([y[keep & (role == r)].mean(0) for r in range(ROLES)])
    senses = np.array(
        [y[(word == w) & (sense == s)].mean(0) for w in train for s in range(SENSES)]
    )
    found = []
    for means in (roles, senses):
        _, vectors = eigh(means.T @ means, spread)
        found.append(np.linalg.qr(vectors[:, ::-1][:, : ROLES - 1])[0])
    return found


role_right, sense_right, areas = [], [], []
for fold in range(FOLDS):
    test = [w for w in range(WORDS) if w % FOLDS == fold]
    train = [w for w in range(WORDS) if w % FOLDS != fold]
    p, q = subspaces(train)
    a, b = y @ p, y @ q
    middles = [a[np.isin(word, train) & (role == r)].mean(0) for r in range(ROLES)]
    for w in test:
        own = np.flatnonzero(word == w)
        for i in own:
            role_right.append(np.argmin([((a[i] - m) ** 2).sum() for m in middles]) == role[i])
            others = [k for k in own if k != i]
            centres = [b[[k for k in others if sense[k] == s]].mean(0) for s in range(SENSES)]
            sense_right.append(np.argmin([((b[i] - m) ** 2).sum() for m in centres]) == sense[i])
        up, along = [], []
        for k, i in enumerate(own):
            for j in own[k + 1 :]:
                h = ((b[i] - b[j]) ** 2).sum() / ((a[i] - a[j]) ** 2).sum()
                if role[i] == role[j] and sense[i] != sense[j]:
                    up.append(h)
                if role[i] != role[j] and sense[i] == sense[j]:
                    along.append(h)
        areas.append(np.mean([(u > v) + 0.5 * (u == v) for u in up for v in along]))

p, q = subspaces(list(range(WORDS)))
change = np.array([wave(900, j) for j in range(WIDTH)])
print("role", np.mean(role_right), "sense", np.mean(sense_right), "apart", np.mean(areas))
for basis in (p, q):
    print("share", ((change @ basis) ** 2).sum() / (change @ change), np.diag(basis @ basis.T)[:6])
