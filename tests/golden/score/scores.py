"""Writes scores.json: scikit-learn's scores of random labelings. Run: python scores.py"""

import json
import os

import numpy as np
from scipy.optimize import linear_sum_assignment
from sklearn.cluster import KMeans
from sklearn.datasets import load_digits
from sklearn.metrics import (
    adjusted_rand_score, cohen_kappa_score, normalized_mutual_info_score, silhouette_score,
)
from sklearn.metrics.cluster import contingency_matrix


def accuracy(true, pred):
    table = contingency_matrix(true, pred)
    rows, columns = linear_sum_assignment(table, maximize=True)
    return table[rows, columns].sum() / len(true)


def kappa(true, pred):
    voted = np.empty_like(true)
    for cluster in np.unique(pred):
        classes, counts = np.unique(true[pred == cluster], return_counts=True)
        voted[pred == cluster] = classes[counts.argmax()]
    return cohen_kappa_score(true, voted)


def text(value):
    return None if value is None or np.isnan(value) else repr(float(value))


def scores(true, pred, x):
    k = len(np.unique(pred))
    return {
        "acc": text(accuracy(true, pred)), "nmi": text(normalized_mutual_info_score(true, pred)),
        "ari": text(adjusted_rand_score(true, pred)), "kappa": text(kappa(true, pred)),
        "silhouette": text(silhouette_score(x, pred)) if 2 <= k < len(true) else None,
    }


def random_case(seed):
    rng = np.random.RandomState(seed)
    n = int(rng.randint(2, 200))
    features = int(rng.randint(1, 9))
    x = rng.random_sample((n, features)) * 4
    true = rng.randint(0, int(rng.randint(1, 12)), n)
    pred = rng.randint(-1, int(rng.randint(0, 20)), n)
    if seed % 3 == 0:  # half right, as clusterings are
        pred = np.where(rng.random_sample(n) < 0.5, (true * 7) % 11, pred)
    if seed % 10 == 1:
        pred = true * 3 + 1
    if seed % 25 == 2:
        pred = np.arange(n)
    case = {"seed": seed, "features": features, "true": true.tolist(), "pred": pred.tolist()}
    return case | scores(true, pred, x)


def assignment(seed):
    rng = np.random.RandomState(seed)
    shape = (int(rng.randint(1, 12)), int(rng.randint(1, 12)))
    cost = rng.randint(-20, 20, shape) if seed % 2 else np.round(rng.standard_normal(shape), 3)
    rows, columns = linear_sum_assignment(cost)
    return {"cost": cost.tolist(), "columns": shape[1], "total": repr(float(cost[rows, columns].sum()))}


digits, classes = load_digits(return_X_y=True)
labels = KMeans(10, n_init=1, random_state=782).fit(digits).labels_
rng = np.random.RandomState(5)
out = {
    "digits": scores(classes, labels, digits)
    | {"sample_1000_seed_3": text(silhouette_score(digits, labels, sample_size=1000, random_state=3))},
    "random": [random_case(seed) for seed in range(50)],
    "assignments": [assignment(seed) for seed in range(40)],
}
with open(os.path.join(os.path.dirname(os.path.abspath(__file__)), "scores.json"), "w") as f:
    json.dump(out, f, separators=(",", ":"))
