"""The steps of `gistmap run` in Python: `run.py FOLDER GRAPHS TOKENIZER NAMES OUT`.

Decode and resize (Pillow), EfficientNet-lite0 and MiniLM (ONNX Runtime), K-Means with n_init 10 on image, text and
fused with all scores (scikit-learn), a t-SNE of the fused rows (openTSNE), tables as CSV and NPY.
"""

import csv
import os
import sys

import numpy as np
from openTSNE import TSNE
from sklearn.cluster import KMeans

from common import SEED, THREADS
from represent import represent, scores

folder, graphs, tokenizer, names, out = sys.argv[1:6]
os.makedirs(out, exist_ok=True)


def table(name, header, rows):
    with open(os.path.join(out, name), "w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(header)
        writer.writerows(rows)


paths, labels, k, texts, matrices, features = represent(folder, graphs, tokenizer, names)
files = [os.path.relpath(path, folder) for path in paths]
np.save(os.path.join(out, "features.npy"), features)
table("features.csv", ["file"] + [f"f{i}" for i in range(features.shape[1])], ([f, *row] for f, row in zip(files, features)))
table("texts.csv", ["file", "text"], zip(files, texts))
np.save(os.path.join(out, "vectors.npy"), matrices["text"])

found, rows = {}, []
for name, x in matrices.items():
    found[name] = KMeans(k, n_init=10, random_state=SEED).fit_predict(x)
    result = scores(labels, found[name], x)
    rows.append([name, *result.values()])
table("scores.csv", ["representation", "acc", "nmi", "ari", "silhouette"], rows)
table("labels.csv", ["file", "label", *found], zip(files, labels, *found.values()))
layout = TSNE(perplexity=30, initialization="pca", n_jobs=THREADS, random_state=SEED).fit(matrices["fused"])
table("layout.csv", ["file", "x", "y"], ([f, *row] for f, row in zip(files, np.asarray(layout))))
for row in rows:
    print(*row, file=sys.stderr)
