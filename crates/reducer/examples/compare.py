"""Compares the output of the example `measure pca` with the full SVD of scikit-learn in f64, and times scikit-learn.

`python compare.py X.f32 COLUMNS K OUT` with the arguments that the example was given.
"""
import sys
import time

import numpy as np
from sklearn.decomposition import PCA

path, d, k, out = sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), sys.argv[4]
x = np.fromfile(path, "<f4").reshape(-1, d)
found = np.fromfile(out, "<f8")
sigma, components = found[:k], found[k:k + k * d].reshape(k, d)
full = PCA(k, svd_solver="full").fit(x.astype(float))
print("singular values, largest difference / largest value:",
      np.abs(sigma - full.singular_values_).max() / full.singular_values_[0])
print("components, largest difference up to sign:",
      np.abs(np.abs(components) - np.abs(full.components_)).max())
print("total variance, relative:", found[-1] / x.astype(float).var(0, ddof=1).sum() - 1)
for solver, data in [("covariance_eigh", x), ("covariance_eigh", x.astype(float)), ("full", x)]:
    times = []
    for _ in range(3):
        start = time.time()
        PCA(k, svd_solver=solver).fit(data)
        times.append(time.time() - start)
    print(solver, data.dtype, f"{min(times):.3f} s")
