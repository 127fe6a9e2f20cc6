"""Writes distances.json: scikit-learn 1.9.1's DBSCAN, AgglomerativeClustering, HDBSCAN and OPTICS (numpy 2.3.5, scipy
1.17.1; with numpy 2.4 its `cluster_selection_epsilon` fails). Run: python distances.py

Labels are characters from "0", which is noise, on; "1" is cluster 0.

HDBSCAN sorts the edges of its spanning tree by a sort that leaves equal ones in an order that depends on the processor:
on digits, where many distances are equal, two processors' results agree to ARI .986 to .995. The cases have them in the
order of the tree; `ari_as_sorted_here` is their agreement with what scikit-learn answers on the processor at hand.
"""

import json
import os

import numpy as np
import sklearn.cluster._hdbscan.hdbscan as hdbscan_module
from sklearn.cluster import DBSCAN, HDBSCAN, OPTICS, AgglomerativeClustering
from sklearn.datasets import load_digits
from sklearn.metrics import adjusted_rand_score
from sklearn.neighbors import NearestNeighbors

from matrices import HERE, matrix

CLASSES = load_digits().target


class StableNumpy:
    """numpy, but that its argsort leaves equal values in their order."""

    def __getattr__(self, name):
        return getattr(np, name)

    @staticmethod
    def argsort(values):
        return np.argsort(values, kind="stable")


def characters(labels):
    assert labels.max() < 78
    return "".join(chr(49 + label) for label in labels)


def case(name, dtype, algorithm, **parameters):
    x = matrix(name).astype(dtype)
    model = {"dbscan": DBSCAN, "agglomerative": AgglomerativeClustering, "hdbscan": HDBSCAN, "optics": OPTICS}[algorithm]
    if algorithm == "hdbscan":
        parameters = {**parameters, "copy": True}
        as_sorted_here = model(**parameters).fit_predict(x)
        hdbscan_module.np = StableNumpy()
    model = model(**parameters).fit(x)
    hdbscan_module.np = np
    out = {"matrix": name, "dtype": dtype, "algorithm": algorithm, "parameters": parameters, "labels": characters(model.labels_)}
    if algorithm == "hdbscan":
        out["ari_as_sorted_here"] = round(float(adjusted_rand_score(as_sorted_here, model.labels_)), 6)
        out["probabilities"] = [round(float(p), 6) for p in model.probabilities_[:40]]
    if algorithm == "optics":
        out["ordering"] = model.ordering_[:300].tolist()
        out["reachability"] = [repr(float(r)) for r in model.reachability_[:40]]
    if name == "digits":
        out["ari"] = round(float(adjusted_rand_score(CLASSES, model.labels_)), 6)
    return out


cases = []
for dtype in ("float64", "float32"):
    for eps, least in ((20, 10), (22, 5)):
        cases.append(case("digits", dtype, "dbscan", eps=eps, min_samples=least))
    cases.append(case("blobs-700-8-3", dtype, "dbscan", eps=0.5, min_samples=5))
    cases.append(case("blobs-400-30-4", dtype, "dbscan", eps=1.1, min_samples=3))
    cases.append(case("noise-300-2-1", dtype, "dbscan", eps=0.05, min_samples=4))
    cases.append(case("noise-300-2-1", dtype, "dbscan", eps=2, min_samples=4))
    cases.append(case("noise-60-5-1", dtype, "dbscan", eps=0.05, min_samples=1))
    cases.append(case("twins-300-3-6", dtype, "dbscan", eps=0.2, min_samples=20))
    for linkage in ("ward", "average", "complete", "single"):
        for metric in ("euclidean", "cosine") if linkage != "ward" else ("euclidean",):
            parameters = {"linkage": linkage, "metric": metric}
            if dtype == "float64":
                cases.append(case("digits", dtype, "agglomerative", n_clusters=10, **parameters))
            cases.append(case("blobs-300-9-3", dtype, "agglomerative", n_clusters=7, **parameters))
            cases.append(case("noise-500-40-2", dtype, "agglomerative", n_clusters=29, **parameters))
            cases.append(case("noise-5-3-2", dtype, "agglomerative", n_clusters=5, **parameters))
        cases.append(case("noise-200-3-5", dtype, "agglomerative", n_clusters=None, distance_threshold=0.4, linkage=linkage))
cases.append(case("digits", "float64", "hdbscan", min_cluster_size=15, min_samples=5))
cases.append(case("digits", "float64", "hdbscan", min_cluster_size=20, cluster_selection_method="leaf"))
for parameters in (
    {},
    {"min_cluster_size": 3, "min_samples": 1},
    {"min_cluster_size": 4, "cluster_selection_method": "leaf"},
    {"cluster_selection_epsilon": 0.35, "min_samples": 2},
    {"cluster_selection_epsilon": 0.35, "min_samples": 2, "cluster_selection_method": "leaf"},
    {"max_cluster_size": 60, "min_samples": 3},
    {"alpha": 1.5, "min_samples": 3},
    {"allow_single_cluster": True},
    {"allow_single_cluster": True, "cluster_selection_epsilon": 0.4, "min_samples": 2},
):
    for name in ("blobs-400-4-3", "noise-300-2-1"):
        cases.append(case(name, "float64", "hdbscan", **parameters))
cases.append(case("twins-300-3-6", "float64", "hdbscan"))
cases.append(case("digits", "float64", "optics", min_samples=10))
for parameters in (
    {},
    {"min_samples": 3, "xi": 0.1},
    {"min_samples": 8, "xi": 0.02, "min_cluster_size": 15},
    {"predecessor_correction": False},
    {"max_eps": 0.6},
    {"cluster_method": "dbscan", "eps": 0.45},
):
    for name, dtype in (("blobs-400-4-3", "float64"), ("blobs-400-9-5", "float32"), ("noise-300-2-1", "float64")):
        cases.append(case(name, dtype, "optics", **parameters))

curves = []
for name, k in (("digits", 9), ("blobs-400-9-5", 4), ("noise-60-5-1", 59), ("twins-300-3-6", 3)):
    distances = NearestNeighbors(n_neighbors=k, algorithm="kd_tree").fit(matrix(name)).kneighbors()[0][:, k - 1]
    curves.append({"matrix": name, "k": k, "sorted": [repr(float(d)) for d in np.sort(distances)[:: max(1, len(distances) // 50)]]})

with open(os.path.join(HERE, "distances.json"), "w") as f:
    f.write('{"cases": [\n' + ",\n".join(json.dumps(c) for c in cases) + '\n],\n"curves": [\n')
    f.write(",\n".join(json.dumps(c) for c in curves) + "\n]}\n")
