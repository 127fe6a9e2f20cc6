"""openTSNE with its defaults: `tsne.py DATA.npy LAYOUT.npy` prints the ms of one layout (perplexity 30, PCA start)."""

import sys
import time

import numpy as np
from openTSNE import TSNE

from common import SEED, THREADS, emit

data = np.load(sys.argv[1])
start = time.perf_counter()
layout = TSNE(perplexity=30, initialization="pca", n_jobs=THREADS, random_state=SEED).fit(data)
ms = 1000 * (time.perf_counter() - start)
np.save(sys.argv[2], np.asarray(layout, np.float32))
emit(ms=ms)
