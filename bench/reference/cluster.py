"""scikit-learn's clusterers: `cluster.py ALGORITHM DATA.npy ROWS LABELS.npy` prints the ms of one fit.

An algorithm is a line of ALGORITHMS; benches/cluster.rs has the same names with the same parameters.
"""

import sys
import time

import numpy as np
from sklearn.cluster import DBSCAN, HDBSCAN, OPTICS, AgglomerativeClustering, KMeans, MiniBatchKMeans, SpectralClustering
from sklearn.mixture import GaussianMixture

from common import SEED, emit

ALGORITHMS = {
    "kmeans": lambda: KMeans(30, n_init=1, random_state=SEED),
    "mini_batch_kmeans": lambda: MiniBatchKMeans(30, random_state=SEED),
    "gmm_diag": lambda: GaussianMixture(30, covariance_type="diag", random_state=SEED),
    "gmm_full": lambda: GaussianMixture(30, max_iter=2, random_state=SEED),
    "spectral": lambda: SpectralClustering(30, affinity="nearest_neighbors", random_state=SEED),
    "dbscan": lambda: DBSCAN(eps=0.85),
    "ward": lambda: AgglomerativeClustering(30),
    "average": lambda: AgglomerativeClustering(30, linkage="average"),
    "average_cosine": lambda: AgglomerativeClustering(30, linkage="average", metric="cosine"),
    "complete": lambda: AgglomerativeClustering(30, linkage="complete"),
    "single": lambda: AgglomerativeClustering(30, linkage="single"),
    "hdbscan": lambda: HDBSCAN(min_cluster_size=15, min_samples=5, copy=True),
    "optics": lambda: OPTICS(),
}

name, rows, out = sys.argv[1], int(sys.argv[3]), sys.argv[4]
data = np.ascontiguousarray(np.load(sys.argv[2])[:rows])
ALGORITHMS[name]().fit(data[:300])  # threads and lazy imports are ready
start = time.perf_counter()
labels = ALGORITHMS[name]().fit_predict(data)
ms = 1000 * (time.perf_counter() - start)
np.save(out, labels.astype(np.int32))
emit(ms=ms, clusters=int(labels.max()) + 1, noise=int((labels < 0).sum()))
