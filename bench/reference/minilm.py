"""MiniLM by ONNX Runtime: `minilm.py GRAPH TOKENIZER SENTENCES` prints the ms for all sentences of the file (one a
line), tokenizing included, and writes the vectors beside it."""

import sys
import time

import numpy as np

from common import Sentences, emit

graph, tokenizer, path = sys.argv[1:4]
with open(path, encoding="utf-8") as file:
    sentences = [line.rstrip("\n") for line in file]
encoder = Sentences(graph, tokenizer)
encoder.encode(sentences[:32])
start = time.perf_counter()
vectors = encoder.encode(sentences)
ms = 1000 * (time.perf_counter() - start)
np.save(path + ".reference.npy", vectors)
emit(ms=ms, sentences=len(sentences))
