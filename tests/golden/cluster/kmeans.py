"""Writes digits.txt and kmeans.json: scikit-learn's K-Means with two threads. Run: python kmeans.py

digits.txt is scikit-learn's digits data set (UCI, CC BY 4.0): a line a picture, its class, then 64
grey levels 0..16 as the letters a..q. Labels in kmeans.json are letters too.
"""

import json
import os

import threadpoolctl
from sklearn.cluster import KMeans
from sklearn.datasets import load_digits

from matrices import HERE, letters, matrix

DIGITS, CLASSES = load_digits(return_X_y=True)


def case(name, dtype, k, n_init, seed, start=None):
    x = matrix(name).astype(dtype)
    init = "k-means++" if start is None else x[start]  # a row twice leaves a cluster empty at first
    model = KMeans(k, init=init, n_init=n_init, random_state=seed).fit(x)
    return {
        "matrix": name, "dtype": dtype, "k": k, "n_init": n_init, "seed": seed, "start": start, "n_iter": int(model.n_iter_),
        "inertia": repr(float(model.inertia_)), "labels": letters(model.labels_),
        "first_center": [repr(float(v)) for v in model.cluster_centers_[0][:6]],
    }


with open(os.path.join(HERE, "digits.txt"), "w") as f:
    f.writelines(f"{label} {letters(row.astype(int))}\n" for label, row in zip(CLASSES, DIGITS))

with threadpoolctl.threadpool_limits(2):
    cases = [case("digits", dtype, 10, n, seed) for dtype in ("float64", "float32") for n, seed in ((1, 782), (10, 782), (1, 3))]
    for seed in (1, 2, 3):
        cases.append(case("noise-1000-100-7", "float32", 12, 2, seed))
        cases.append(case("noise-700-768-8", "float32", 30, 1, seed))
        cases.append(case("noise-700-1280-9", "float32", 8, 1, seed))
        cases.append(case("noise-300-3-4", "float64", 40, 3, seed))
        cases.append(case("noise-5-2-1", "float32", 5, 1, seed))
        cases.append(case("noise-50-4-1", "float32", 1, 2, seed))
    for seed in range(6):
        cases.append(case("twins-60-3-6", "float32", 6, 2, seed))
        cases.append(case("twins-60-3-6", "float64", 9, 1, seed))
    for dtype in ("float32", "float64"):
        cases.append(case("noise-400-5-2", dtype, 4, 1, 0, start=[3, 7, 7, 11]))
        cases.append(case("noise-400-5-3", dtype, 6, 1, 0, start=[3, 7, 7, 7, 11, 12]))
        cases.append(case("noise-400-5-4", dtype, 5, 1, 0, start=[9, 9, 9, 9, 9]))

with open(os.path.join(HERE, "kmeans.json"), "w") as f:
    f.write("[\n" + ",\n".join(json.dumps(c) for c in cases) + "\n]\n")
