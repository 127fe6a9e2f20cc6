"""Makes what the benches read: `make_data.py SHARED OUT [GRAPH]`, where SHARED is the folder of shared data.

`pictures768.npy` [15000, 768]: the 15,000 pictures of food101_30x500_64px at 16 x 16 pixels, float32 0..1 (a mixture of
Gaussians of the same shape where they are not there). `pictures50.npy` and `pictures50_5000.npy`: their first 50
principal components, all and every third. `features768.npy` [15000, 768]: like a network's pooled features, unit
vectors of positive numbers in 30 groups of unlike width and size, with every twentieth row in none;
`features768_60000.npy`: 60,000 such rows. `food50.npy`
[2000, 50]: the same of EfficientNet-lite0's features of food101_10, where GRAPH, its ONNX graph, is given.
`captions.txt`: 2,000 captions of Flickr8k.
"""

import csv
import os
import sys

import numpy as np
from PIL import Image

from common import SEED, encode_pictures, labelled, session

shared, out = sys.argv[1:3]
graph = sys.argv[3] if len(sys.argv) > 3 else None


def principal(x, count=50):
    x = (x - x.mean(axis=0)).astype(np.float64)
    values, vectors = np.linalg.eigh(x.T @ x / len(x))
    return (x @ vectors[:, ::-1][:, :count]).astype(np.float32)


def features(rows=15000, columns=768, groups=30):
    random = np.random.default_rng(SEED)
    centres = random.gamma(0.5, size=(groups, columns))
    sizes = random.dirichlet(np.full(groups, 4.0))
    group = random.choice(groups, rows, p=sizes)
    x = centres[group] + random.uniform(0.3, 1.2, groups)[group, None] * random.normal(size=(rows, columns))
    x[::20] = random.gamma(0.5, size=(len(x[::20]), columns))
    x = np.maximum(x, 0)
    return x / np.linalg.norm(x, axis=1, keepdims=True)


def small(path):
    with Image.open(path) as image:
        return np.asarray(image.convert("RGB").resize((16, 16), Image.Resampling.BOX), np.float32).ravel() / 255


def save(name, x):
    np.save(os.path.join(out, name + ".npy"), np.ascontiguousarray(x, np.float32))
    print(name, x.shape)


folder = os.path.join(shared, "data/food101_30x500_64px/images")
if os.path.isdir(folder):
    pixels = np.stack([small(path) for path in labelled(folder)[0]])
else:
    random = np.random.default_rng(SEED)
    centres = random.normal(size=(30, 768))
    pixels = centres[random.integers(30, size=15000)] + 2 * random.normal(size=(15000, 768))
save("pictures768", pixels)
components = principal(pixels)
save("pictures50", components)
save("pictures50_5000", components[::3])

save("features768", features())
save("features768_60000", features(60000))

folder = os.path.join(shared, "data/food101_10/images")
if graph and os.path.isdir(folder):
    features, _ = encode_pictures(session(graph), labelled(folder)[0])
    save("food50", principal(features))

captions = os.path.join(shared, "data/flickr8k_1000/captions.csv")
if os.path.isfile(captions):
    with open(captions, encoding="utf-8", newline="") as file:
        rows = list(csv.reader(file))[1:]
    texts = [row[-1].replace("\n", " ").strip() for row in rows][:2000]
    with open(os.path.join(out, "captions.txt"), "w", encoding="utf-8") as file:
        file.write("".join(text + "\n" for text in texts))
    print("captions", len(texts))
