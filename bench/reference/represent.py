"""A folder of pictures to the three matrices that are clustered, in Python; used by `run.py` and `quality.py`."""

import numpy as np

from common import Sentences, class_names, encode_pictures, labelled, session, softmax, unit

# How much of a fused row is the picture's and how much the text's: gistmap's own weights (src/engine/run.rs).
WEIGHTS = (0.8, 0.2)


def represent(folder, graphs, tokenizer, names):
    """Paths, labels, texts, `{"image": [n, 1280], "text": [n, 384], "fused": [n, 1664]}` and the raw features."""
    paths, labels, classes = labelled(folder)
    features, logits = encode_pictures(session(f"{graphs}/efficientnet-lite0.onnx"), paths)
    names = class_names(names)
    best = np.argsort(-softmax(logits), axis=1, kind="stable")[:, :3]
    texts = ["a photo of {}, {} or {}".format(*(names[c] for c in row)) for row in best]
    unique = sorted(set(texts))
    row = {text: i for i, text in enumerate(unique)}
    vectors = Sentences(f"{graphs}/minilm.onnx", tokenizer).encode(unique)[[row[text] for text in texts]]
    image = unit(features - features.mean(axis=0))
    text = unit(vectors)
    matrices = {"image": image, "text": text, "fused": np.hstack([WEIGHTS[0] * image, WEIGHTS[1] * text])}
    return paths, labels, len(classes), texts, matrices, features


def scores(labels, found, x=None):
    """ACC (Hungarian), NMI, ARI, and the silhouette where the matrix is given."""
    from scipy.optimize import linear_sum_assignment
    from sklearn.metrics import adjusted_rand_score, normalized_mutual_info_score, silhouette_score
    from sklearn.metrics.cluster import contingency_matrix

    table = contingency_matrix(labels, found)
    accuracy = table[linear_sum_assignment(-table)].sum() / len(labels)
    result = {
        "acc": float(accuracy),
        "nmi": float(normalized_mutual_info_score(labels, found)),
        "ari": float(adjusted_rand_score(labels, found)),
    }
    if x is not None:
        result["silhouette"] = float(silhouette_score(x, found))
    return result
