"""Writes spectral.json: scikit-learn 1.9.1's SpectralClustering, and its ARI to the classes of digits. One thread, so
that the nearest rows are found in one order. Run: python spectral.py

numpy 2.4.6, scipy 1.17.1.
"""

import json
import os

import threadpoolctl
from sklearn.cluster import SpectralClustering
from sklearn.datasets import load_digits
from sklearn.metrics import adjusted_rand_score

from matrices import HERE, letters, matrix

CLASSES = load_digits().target


def case(name, dtype, k, affinity, seed, **params):
    x = matrix(name).astype(dtype)
    model = SpectralClustering(k, affinity=affinity, random_state=seed, **params).fit(x)
    ari = adjusted_rand_score(CLASSES, model.labels_) if name == "digits" else None
    return {
        "matrix": name, "dtype": dtype, "k": k, "affinity": affinity, "seed": seed, "params": params,
        "edges": int((model.affinity_matrix_ > 0).sum()), "labels": letters(model.labels_),
        "ari": repr(float(ari)) if ari is not None else None,
    }


with threadpoolctl.threadpool_limits(1):
    cases = [
        case("digits", "float64", 10, "nearest_neighbors", 782),
        case("digits", "float32", 10, "nearest_neighbors", 3, n_neighbors=20),
        case("digits", "float64", 10, "rbf", 782, gamma=0.001),
        case("digits", "float64", 12, "nearest_neighbors", 782, n_components=8),
        case("corners-600-16-3", "float32", 6, "nearest_neighbors", 1),
        case("corners-600-16-3", "float64", 6, "rbf", 1),
        case("corners-90-16-4", "float64", 6, "nearest_neighbors", 2),
        case("corners-90-6-4", "float64", 6, "rbf", 2, gamma=2.0, n_init=2),
        case("noise-500-20-2", "float64", 4, "rbf", 3),
    ]

with open(os.path.join(HERE, "spectral.json"), "w") as f:
    f.write("[\n" + ",\n".join(json.dumps(c) for c in cases) + "\n]\n")
