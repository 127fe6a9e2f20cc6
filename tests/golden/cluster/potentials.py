"""Writes potentials.json: column sums as scikit-learn's k-means++ takes them. Run: python potentials.py

The last bit is OpenBLAS's on a processor with AVX2 or AVX-512.
"""

import json
import os

import numpy as np


def case(seed, n_samples, count):
    rows = (np.random.RandomState(seed).random_sample((n_samples, count)) * 50).astype(np.float32)
    distances = np.ascontiguousarray(rows.T)
    sums = distances @ np.ones((n_samples, 1), dtype=np.float32)
    return {"seed": seed, "n_samples": n_samples, "count": count, "potentials": [repr(float(s[0])) for s in sums]}


sizes = [9, 40, 1797, 2000, 4099, 8192, 15000]
cases = [case(10 * count + i, n, count) for count in range(2, 9) for i, n in enumerate(sizes)]
with open(os.path.join(os.path.dirname(os.path.abspath(__file__)), "potentials.json"), "w") as f:
    f.write("[\n" + ",\n".join(json.dumps(c) for c in cases) + "\n]\n")
