"""Reference values of the projections: scikit-learn's PCA and trustworthiness, openTSNE's divergence on the digits.

    python -m venv ref && ref/bin/pip install scikit-learn==1.9.1 openTSNE==1.0.4 && ref/bin/python make_golden.py

Writes beside itself: digits.u8 (1797 x 64 bytes, scikit-learn's digits) and golden.json.
"""

import json
import pathlib

import numpy as np
import openTSNE
from sklearn.datasets import load_digits
from sklearn.decomposition import PCA
from sklearn.manifold import trustworthiness

HERE = pathlib.Path(__file__).parent


def uniform(count, seed):
    """The tests draw the same numbers: a 64-bit linear congruential generator, its upper 53 bits."""
    out, state = [], seed
    for _ in range(count):
        state = (state * 6364136223846793005 + 1442695040888963407) % 2**64
        out.append((state >> 11) / 2**53)
    return np.array(out)


def pca(x, k):
    model = PCA(k, svd_solver="full").fit(x)
    return {
        "explained_variance": model.explained_variance_.tolist(),
        "explained_variance_ratio": model.explained_variance_ratio_.tolist(),
        "components": model.components_[:3].ravel().tolist(),
        "transformed": model.transform(x)[:5].ravel().tolist(),
    }


def true_kl(affinities, y):
    p = affinities.P.tocoo()
    squares = ((y[:, None, :] - y[None, :, :]) ** 2).sum(2)
    z = (1 / (1 + squares)).sum() - len(y)
    q = 1 / (1 + squares[p.row, p.col]) / z
    return float((p.data * np.log(p.data / q)).sum())


digits = load_digits().data
(HERE / "digits.u8").write_bytes(digits.astype(np.uint8).tobytes())
n, d = 400, 8
x = uniform(n * d, 1).reshape(n, d)
y = x[:, :2] + 0.5 * uniform(n * 2, 2).reshape(n, 2)
tsne = {}
for seed in (1, 2, 3):
    y_digits = np.asarray(openTSNE.TSNE(neighbors="exact", n_jobs=2, random_state=seed).fit(digits))
    affinities = openTSNE.affinity.PerplexityBasedNN(digits, perplexity=30, method="exact", n_jobs=2)
    tsne[str(seed)] = {"kl": true_kl(affinities, y_digits), "trustworthiness": float(trustworthiness(digits, y_digits))}
golden = {
    "pca_tall": pca(digits, 10),
    "pca_wide": pca(digits[:40], 10),
    "trustworthiness": {str(k): float(trustworthiness(x, y, n_neighbors=k)) for k in (1, 5, 12, 199)},
    "opentsne_digits": tsne,
}
(HERE / "golden.json").write_text(json.dumps(golden, indent=1) + "\n")
