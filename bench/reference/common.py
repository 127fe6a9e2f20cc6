"""What the reference scripts share: threads, pictures, sentences, and the one JSON line that each prints."""

import json
import os
import re
import resource
import statistics
import time
from concurrent.futures import ThreadPoolExecutor

import numpy as np

THREADS = int(os.environ.get("GISTMAP_BENCH_THREADS", "2"))
SEED = 782


def emit(**values):
    """The last line on standard output: `ms` and whatever else the bench compares."""
    print(json.dumps(values))


def peak_mib():
    """Peak resident memory of this process, MiB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def median_ms(work, rounds, warm=1):
    """Median wall milliseconds of `work()`."""
    for _ in range(warm):
        work()
    times = []
    for _ in range(rounds):
        start = time.perf_counter()
        work()
        times.append(1000 * (time.perf_counter() - start))
    return statistics.median(times)


def session(path):
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = THREADS
    return onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])


def labelled(folder):
    """Paths of a folder-per-class tree in order, and the class number of each."""
    classes = sorted(entry.name for entry in os.scandir(folder) if entry.is_dir())
    paths, labels = [], []
    for number, name in enumerate(classes):
        for file in sorted(os.listdir(os.path.join(folder, name))):
            paths.append(os.path.join(folder, name, file))
            labels.append(number)
    return paths, np.array(labels), classes


def picture(path):
    """`[3, 224, 224]` float32 as EfficientNet-lite0 wants it: short side to 256, centre 224, (x - 127) / 128."""
    from PIL import Image

    with Image.open(path) as image:
        image = image.convert("RGB")
        scale = 256 / min(image.size)
        size = [max(1, round(side * scale)) for side in image.size]
        image = image.resize(size, Image.Resampling.BILINEAR)
        left, top = (image.width - 224) // 2, (image.height - 224) // 2
        image = image.crop((left, top, left + 224, top + 224))
        pixels = np.asarray(image, np.float32)
    return ((pixels - 127) / 128).transpose(2, 0, 1)


def pictures(paths):
    """`[n, 3, 224, 224]`, decoded on all threads (Pillow lets go of Python's lock while it decodes and resizes)."""
    with ThreadPoolExecutor(THREADS) as pool:
        return np.stack(list(pool.map(picture, paths)))


def encode_pictures(model, paths, batch=32):
    """`[n, 1280]` features and `[n, 1000]` logits; the next batch is decoded while the network computes this one."""
    features, logits = [], []
    with ThreadPoolExecutor(1) as ahead:
        starts = range(0, len(paths), batch)
        waiting = ahead.submit(pictures, paths[:batch])
        for start in starts:
            pixels = waiting.result()
            waiting = ahead.submit(pictures, paths[start + batch : start + 2 * batch]) if start + batch < len(paths) else None
            f, l = model.run(["features", "logits"], {"pixels": pixels})
            features.append(f)
            logits.append(l)
    return np.concatenate(features), np.concatenate(logits)


class Sentences:
    """all-MiniLM-L6-v2 by ONNX Runtime: tokenized in batches of sentences of like length, unit vectors out."""

    def __init__(self, graph, tokenizer):
        from tokenizers import Tokenizer

        self.tokenizer = Tokenizer.from_file(tokenizer)
        self.tokenizer.enable_truncation(256)
        self.tokenizer.enable_padding()
        self.model = session(graph)

    def encode(self, sentences, batch=32):
        order = sorted(range(len(sentences)), key=lambda i: len(sentences[i]))
        vectors = None
        for start in range(0, len(order), batch):
            chosen = order[start : start + batch]
            encoded = self.tokenizer.encode_batch([sentences[i] for i in chosen])
            ids = np.array([e.ids for e in encoded], np.int64)
            mask = np.array([e.attention_mask for e in encoded], np.int64)
            inputs = {"input_ids": ids, "attention_mask": mask, "token_type_ids": np.zeros_like(ids)}
            wanted = {node.name for node in self.model.get_inputs()}
            (out,) = self.model.run(["vectors"], {name: value for name, value in inputs.items() if name in wanted})
            if vectors is None:
                vectors = np.zeros((len(sentences), out.shape[1]), np.float32)
            vectors[chosen] = out / np.linalg.norm(out, axis=1, keepdims=True)
        return vectors


def class_names(path):
    """The 1000 ImageNet names, one a line; the first of several synonyms."""
    with open(path, encoding="utf-8") as file:
        return [re.split(r",", line.strip())[0] for line in file if line.strip()]


def softmax(logits):
    e = np.exp(logits - logits.max(axis=1, keepdims=True))
    return e / e.sum(axis=1, keepdims=True)


def unit(x):
    return x / np.maximum(np.linalg.norm(x, axis=1, keepdims=True), 1e-12)
