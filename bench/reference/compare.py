"""How far two results agree: `compare.py labels A.npy B.npy` or `compare.py vectors A.npy B.npy`."""

import sys

import numpy as np

from common import emit, unit

a, b = np.load(sys.argv[2]), np.load(sys.argv[3])
if sys.argv[1] == "labels":
    emit(different=int((a.ravel() != b.ravel()).sum()), of=len(a.ravel()))
else:
    emit(least_cosine=float((unit(a.astype(np.float64)) * unit(b.astype(np.float64))).sum(axis=1).min()))
