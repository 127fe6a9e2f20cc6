"""A network by ONNX Runtime: `networks.py GRAPH BATCH ROUNDS` prints the median ms of one row of a batch."""

import sys

import numpy as np

from common import SEED, emit, median_ms, session

graph, batch, rounds = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
model = session(graph)
random = np.random.default_rng(SEED)


def given(wanted):
    shape = (batch, *wanted.shape[1:])
    if wanted.type == "tensor(int64)":
        return random.integers(1000, 2000, shape)
    return random.uniform(-1, 1, shape).astype(np.float32)


inputs = {wanted.name: given(wanted) for wanted in model.get_inputs()}
emit(ms=median_ms(lambda: model.run(None, inputs), rounds) / batch)
