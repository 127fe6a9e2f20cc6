"""What the scripts of this folder cluster: scikit-learn's digits, and numpy's RandomState by name."""

import os

import numpy as np
from sklearn.datasets import load_digits

HERE = os.path.dirname(os.path.abspath(__file__))


def letters(values):
    return "".join(chr(ord("A" if v >= 26 else "a") + v % 26) for v in values)


def matrix(name):
    """`digits` [1797, 64], `noise-ROWS-COLUMNS-SEED` in [0, 1), `twins-...`: 23 rows of it many
    times, or `blobs-...`: the same about one of 6 corners."""
    if name == "digits":
        return load_digits(return_X_y=True)[0]
    kind, rows, columns, seed = name.split("-")
    rng = np.random.RandomState(int(seed))
    x = rng.random_sample((int(rows), int(columns)))
    if kind == "twins":
        return x[np.arange(len(x)) ** 2 % 23]
    if kind == "blobs":
        x[np.arange(len(x)), np.arange(len(x)) % 6] += 1.5
    return x
