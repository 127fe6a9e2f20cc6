"""What the scripts of this folder cluster: scikit-learn's digits, and numpy's RandomState by name."""

import os

import numpy as np
from sklearn.datasets import load_digits

HERE = os.path.dirname(os.path.abspath(__file__))


def letters(values):
    return "".join(chr(ord("A" if v >= 26 else "a") + v % 26) for v in values)


def matrix(name):
    """`digits` [1797, 64], or by kind `KIND-ROWS-COLUMNS-SEED`, from numbers in [0, 1): `noise`, nothing else; `twins`, 23
    rows of it many times; `corners`, about one of 6 corners; `blobs`, seven groups around corners of the cube, unlike in
    size and width."""
    if name == "digits":
        return load_digits(return_X_y=True)[0]
    kind, rows, columns, seed = name.split("-")
    x = np.random.RandomState(int(seed)).random_sample((int(rows), int(columns)))
    i = np.arange(len(x))
    if kind == "twins":
        return x[i**2 % 23]
    if kind == "corners":
        x[i, i % 6] += 1.5
    if kind == "blobs":
        group = i**2 % 7
        corner = (group[:, None] >> np.arange(x.shape[1]) % 3) % 2
        return corner + (x - 0.5) * (0.5 + group[:, None] * 0.125)
    return x
