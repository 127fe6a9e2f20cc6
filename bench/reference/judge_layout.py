"""Judges layouts of the same data by one measure: `judge_layout.py DATA.npy LAYOUT.npy...` prints one JSON list.

KL is the divergence of P (perplexity 30 over the 90 exact nearest neighbours, symmetrized, as van der Maaten's
Barnes-Hut t-SNE defines it) from the layout's Q with its exact normalizer over all pairs; no optimizer's own figure is
taken. Trustworthiness is scikit-learn's definition with 5 neighbours, computed in blocks of rows.
"""

import json
import sys

import numpy as np
from sklearn.neighbors import NearestNeighbors

PERPLEXITY, NEIGHBOURS, BLOCK = 30, 5, 500


def affinities(x):
    k = min(3 * PERPLEXITY, len(x) - 1)
    distances, indices = NearestNeighbors(n_neighbors=k, algorithm="brute").fit(x).kneighbors()
    squared = distances**2
    squared -= squared[:, :1]
    low, high, beta = np.zeros(len(x)), np.full(len(x), np.inf), np.ones(len(x))
    for _ in range(200):
        p = np.exp(-squared * beta[:, None])
        total = p.sum(axis=1)
        entropy = np.log(total) + beta * (squared * p).sum(axis=1) / total
        above = entropy > np.log(PERPLEXITY)
        low, high = np.where(above, beta, low), np.where(above, high, beta)
        beta = np.where(np.isinf(high), beta * 2, (low + high) / 2)
    p /= total[:, None]
    rows = np.repeat(np.arange(len(x)), k)
    from scipy.sparse import csr_matrix

    sparse = csr_matrix((p.ravel(), (rows, indices.ravel())), shape=(len(x), len(x)))
    joint = (sparse + sparse.T).tocoo()
    return joint.row, joint.col, joint.data / joint.data.sum()


def kl(p, y):
    rows, columns, values = p
    y = y.astype(np.float64)
    normalizer = 0.0
    for start in range(0, len(y), BLOCK):
        d = ((y[start : start + BLOCK, None, :] - y[None]) ** 2).sum(axis=2)
        normalizer += (1 / (1 + d)).sum()
    normalizer -= len(y)
    w = 1 / (1 + ((y[rows] - y[columns]) ** 2).sum(axis=1))
    keep = values > 0
    return float((values[keep] * np.log(values[keep] / (w[keep] / normalizer))).sum())


def trustworthiness(x, y):
    n = len(x)
    near = NearestNeighbors(n_neighbors=NEIGHBOURS).fit(y).kneighbors(return_distance=False)
    x = x.astype(np.float64)
    norms = (x**2).sum(axis=1)
    penalty = 0
    for start in range(0, n, BLOCK):
        rows = np.arange(start, min(start + BLOCK, n))
        d = norms[rows, None] + norms[None] - 2 * x[rows] @ x.T
        d[np.arange(len(rows)), rows] = -np.inf
        chosen = np.take_along_axis(d, near[rows], axis=1)
        # The rank of a neighbour in the layout among all neighbours in the data; 1 is the nearest.
        ranks = np.stack([(d < chosen[:, [j]]).sum(axis=1) for j in range(NEIGHBOURS)], axis=1)
        penalty += np.maximum(ranks - NEIGHBOURS, 0).sum()
    return float(1 - penalty * 2 / (n * NEIGHBOURS * (2 * n - 3 * NEIGHBOURS - 1)))


if __name__ == "__main__":
    data = np.load(sys.argv[1])
    p = affinities(data)
    results = []
    for path in sys.argv[2:]:
        layout = np.load(path)
        results.append({"kl": kl(p, layout), "trustworthiness": trustworthiness(data, layout)})
    print(json.dumps(results))
