"""Writes gmm.json: scikit-learn 1.9.1's GaussianMixture with two threads, and its ARI to the classes of digits.
Run: python gmm.py

numpy 2.4.6, scipy 1.17.1.
"""

import json
import os

import threadpoolctl
from sklearn.datasets import load_digits
from sklearn.metrics import adjusted_rand_score
from sklearn.mixture import GaussianMixture

from matrices import HERE, letters, matrix

CLASSES = load_digits().target


def case(name, dtype, k, covariance_type, seed, **params):
    x = matrix(name).astype(dtype)
    model = GaussianMixture(k, covariance_type=covariance_type, random_state=seed, **params)
    labels = model.fit_predict(x)
    return {
        "matrix": name, "dtype": dtype, "k": k, "covariance_type": covariance_type, "seed": seed, "params": params,
        "n_iter": int(model.n_iter_), "converged": bool(model.converged_), "lower_bound": repr(float(model.lower_bound_)),
        "weights": [repr(float(v)) for v in model.weights_], "first_mean": [repr(float(v)) for v in model.means_[0][:6]],
        "probability": [repr(float(v)) for v in model.predict_proba(x)[7]], "labels": letters(labels),
        "ari": repr(float(adjusted_rand_score(CLASSES, labels))) if name == "digits" else None,
    }


with threadpoolctl.threadpool_limits(2):
    cases = []
    for covariance_type in ("full", "diag", "tied", "spherical"):
        cases.append(case("digits", "float64", 10, covariance_type, 782))
        cases.append(case("corners-600-6-3", "float64", 6, covariance_type, 1, n_init=3))
        cases.append(case("corners-300-150-4", "float64", 3, covariance_type, 2, reg_covar=1e-3))
        cases.append(case("noise-400-5-2", "float64", 4, covariance_type, 3, max_iter=7))
    for covariance_type in ("diag", "tied", "spherical"):
        cases.append(case("corners-600-6-3", "float32", 6, covariance_type, 1))

with open(os.path.join(HERE, "gmm.json"), "w") as f:
    f.write("[\n" + ",\n".join(json.dumps(c) for c in cases) + "\n]\n")
