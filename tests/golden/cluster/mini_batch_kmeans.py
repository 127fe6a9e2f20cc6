"""Writes mini_batch_kmeans.json: scikit-learn 1.9.1's MiniBatchKMeans with two threads, on the matrices that kmeans.py
names. Needs digits.txt. Run: python mini_batch_kmeans.py

numpy 2.4.6 with its OpenBLAS, on a processor with AVX-512.
"""

import json
import os

import threadpoolctl
from sklearn.cluster import MiniBatchKMeans

from matrices import HERE, letters, matrix


def case(name, dtype, k, seed, **params):
    model = MiniBatchKMeans(k, random_state=seed, **params).fit(matrix(name).astype(dtype))
    return {
        "matrix": name, "dtype": dtype, "k": k, "seed": seed, "params": params, "n_steps": int(model.n_steps_),
        "n_iter": int(model.n_iter_), "inertia": repr(float(model.inertia_)), "labels": letters(model.labels_),
    }


with threadpoolctl.threadpool_limits(2):
    cases = []
    for dtype in ("float64", "float32"):
        for seed in (782, 1, 2):
            cases.append(case("digits", dtype, 10, seed))
            cases.append(case("noise-1000-100-7", dtype, 12, seed, batch_size=100, n_init=3))
            cases.append(case("noise-700-768-8", dtype, 30, seed, batch_size=256, reassignment_ratio=0.5))
        cases.append(case("digits", dtype, 40, 782, batch_size=64, init_size=100))
        cases.append(case("digits", dtype, 10, 782, tol=0.01, max_no_improvement=None, max_iter=5))
        cases.append(case("noise-400-5-2", dtype, 40, 3, batch_size=100, reassignment_ratio=0.9, init_size=20))
        cases.append(case("noise-5-2-1", dtype, 5, 1))
        cases.append(case("noise-50-4-1", dtype, 1, 1, max_no_improvement=None, max_iter=3))

with open(os.path.join(HERE, "mini_batch_kmeans.json"), "w") as f:
    f.write("[\n" + ",\n".join(json.dumps(c) for c in cases) + "\n]\n")
