"""scikit-learn's K-Means: `kmeans.py DATA.npy K LABELS.npy` prints the ms of one fit (n_init 1)."""

import sys
import time

import numpy as np
from sklearn.cluster import KMeans

from common import SEED, emit

data, k, out = np.load(sys.argv[1]), int(sys.argv[2]), sys.argv[3]
KMeans(k, n_init=1, max_iter=2, random_state=SEED).fit(data[:2000])
start = time.perf_counter()
model = KMeans(k, n_init=1, random_state=SEED).fit(data)
ms = 1000 * (time.perf_counter() - start)
np.save(out, model.labels_.astype(np.int32))
emit(ms=ms, iterations=int(model.n_iter_), inertia=float(model.inertia_))
