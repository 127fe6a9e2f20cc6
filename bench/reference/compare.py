"""How far two results agree: `compare.py labels A.npy B.npy` or `compare.py vectors A.npy B.npy`."""

import sys

import numpy as np

from common import emit, unit

a, b = np.load(sys.argv[2]), np.load(sys.argv[3])
if sys.argv[1] == "labels":
    from sklearn.metrics import adjusted_rand_score

    a, b = a.ravel().astype(int), b.ravel().astype(int)
    emit(different=int((a != b).sum()), of=len(a), ari=adjusted_rand_score(b, a))
else:
    emit(least_cosine=float((unit(a.astype(np.float64)) * unit(b.astype(np.float64))).sum(axis=1).min()))
