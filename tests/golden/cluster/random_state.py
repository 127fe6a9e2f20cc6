"""Writes random_state.json: numpy's legacy RandomState streams. Run: python random_state.py"""

import json
import os

import numpy as np


def text(values):
    """Shortest decimal that gives the same double; as text, so that no JSON reader rounds it."""
    return [repr(float(v)) for v in values]


def case(seed):
    new = lambda: np.random.RandomState(seed)
    weights = np.array([0.1, 0.0, 0.25, 0.4, 0.05, 0.2])
    samples = new().random_sample(700)
    letters = list("abcdefghijklmnopqrstuvwxyz")
    new().shuffle(letters)
    rng = new()
    rng2 = new()
    ranges = [(0, 10), (0, 1), (-5, 17), (3, 3 + 2**32), (0, 2**40 + 12345), (-(2**62), 2**62)]

    def integers(low, high):
        r = new()
        return [int(r.randint(low, high, dtype=np.int64)) for _ in range(12)]

    return {
        "seed": seed,
        "random_sample": text(samples[:5]) + text(samples[695:]),
        "uniform": text(new().uniform(-2.5, 7.0, 6)),
        "weights": text(weights),
        "choice": [int(rng.choice(6, p=weights)) for _ in range(20)],
        "randint": [{"low": a, "high": b, "values": integers(a, b)} for a, b in ranges],
        "permutation": [int(i) for i in new().permutation(50)],
        "shuffle": "".join(letters),
        "standard_normal": text(rng2.standard_normal() for _ in range(9)),
        "after_normal": text(rng2.random_sample() for _ in range(2)),
    }


path = os.path.join(os.path.dirname(os.path.abspath(__file__)), "random_state.json")
with open(path, "w") as f:
    json.dump([case(s) for s in (0, 1, 782, 2**32 - 1)], f, indent=1)
