"""How far two results agree: `compare.py labels|vectors A.npy B.npy`, or
`compare.py blocks A.npy B.npy WIDTH...` for features that stand side by side."""

import sys

import numpy as np

from common import emit, unit

a, b = np.load(sys.argv[2]), np.load(sys.argv[3])
if sys.argv[1] == "labels":
    from sklearn.metrics import adjusted_rand_score

    a, b = a.ravel().astype(int), b.ravel().astype(int)
    emit(different=int((a != b).sum()), of=len(a), ari=adjusted_rand_score(b, a))
elif sys.argv[1] == "blocks":
    ends = np.cumsum([int(width) for width in sys.argv[4:]])
    assert a.shape == b.shape and a.shape[1] == ends[-1], (a.shape, b.shape, ends)
    agreement = []
    for x, y in zip(np.split(a, ends[:-1], axis=1), np.split(b, ends[:-1], axis=1)):
        distance = np.linalg.norm(x - y, axis=1) / np.maximum(np.linalg.norm(y, axis=1), 1e-12)
        equal = int((x == y).all(axis=1).sum())
        agreement.append({"worst": float(np.abs(x - y).max()), "relative": float(distance.mean()), "equal": equal})
    emit(blocks=agreement, of=len(a))
else:
    emit(least_cosine=float((unit(a.astype(np.float64)) * unit(b.astype(np.float64))).sum(axis=1).min()))
