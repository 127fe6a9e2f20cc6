"""EfficientNet-lite0 by ONNX Runtime: `efficientnet.py GRAPH BATCH ROUNDS` prints the median ms a picture."""

import sys

import numpy as np

from common import SEED, emit, median_ms, session

graph, batch, rounds = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
model = session(graph)
pixels = np.random.default_rng(SEED).uniform(-1, 1, (batch, 3, 224, 224)).astype(np.float32)
ms = median_ms(lambda: model.run(["features", "logits"], {"pixels": pixels}), rounds)
emit(ms=ms / batch)
