"""Clustering quality in Python: `quality.py FOLDER GRAPHS TOKENIZER NAMES SEED...` prints, for image, text and fused,
the scores of K-Means (n_init 10) at each seed as one JSON line."""

import json
import sys

from sklearn.cluster import KMeans

from represent import represent, scores

folder, graphs, tokenizer, names = sys.argv[1:5]
_, labels, k, _, matrices, _ = represent(folder, graphs, tokenizer, names)
results = {}
for name, x in matrices.items():
    results[name] = [
        scores(labels, KMeans(k, n_init=10, random_state=int(seed)).fit_predict(x)) for seed in sys.argv[5:]
    ]
print(json.dumps(results))
