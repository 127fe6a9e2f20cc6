"""Makes the golden pictures and values of `src/classical` with OpenCV and scikit-image.

    python make.py    # opencv-python-headless 4.14.0.94, scikit-image 0.26.0, numpy 2.4.6, scipy 1.17.1

golden.json names the cases. A case is a PNG of this folder or a pattern, which the test makes by the same formula. It
holds sha256 digests of
    resized  cv2.resize to 224 x 224, RGB, uint8
    grey     its cv2.COLOR_RGB2GRAY, uint8
    floats   cv2.COLOR_BGR2GRAY of the float32 BGR picture in [0, 1], little-endian float32
    edges    cv2.Canny(grey, 100, 200), uint8, 0 or 255
features.npy, float32 [cases, 494], holds hog 324, color 96, canny 64, lbp 10 side by side.

The photographs come with scikit-image, which states their licences in skimage/data/_fetchers.py: astronaut (NASA, public
domain), coffee (Rachel Michetti, CC0), chelsea (Stefan van der Walt, CC0), camera (Lav Varshney, CC0). They are cut or
made small here.

OpenCV adds float grey with fused multiplication and addition where the processor has it (x86 since 2013).
"""

import hashlib
import json
import pathlib
import warnings

import cv2
import numpy as np
from skimage import data
from skimage.feature import hog, local_binary_pattern

HERE = pathlib.Path(__file__).parent


def pattern(kind, width, height):
    """The same formulas as in `src/classical/tests.rs`; 32-bit arithmetic that wraps."""
    y, x, c = np.meshgrid(*(np.arange(n, dtype=np.uint32) for n in (height, width, 3)), indexing="ij")
    if kind == "noise":
        mixed = (x * np.uint32(73856093)) ^ (y * np.uint32(19349663)) ^ ((c + np.uint32(1)) * np.uint32(83492791))
        mixed = mixed * np.uint32(2654435761)
        value = (mixed ^ (mixed >> 15)) * np.uint32(2246822519) >> 24
    elif kind == "rings":
        value = (x * x + y * y * (c + 1)) // 97
    elif kind == "blocks":
        value = (x // 13 + y // 17 * 3 + c * 5) * 40
    elif kind == "flat":
        value = 77 + 50 * c
    return (value & 255).astype(np.uint8)


def photographs():
    def small(picture, width, height):
        return cv2.resize(picture, (width, height), interpolation=cv2.INTER_AREA)

    yield "astronaut", small(data.astronaut(), 131, 127)
    yield "coffee", small(data.coffee(), 171, 113)
    yield "chelsea", small(data.chelsea(), 151, 101)
    yield "camera", cv2.cvtColor(np.ascontiguousarray(data.camera()[40:264, 120:344]), cv2.COLOR_GRAY2RGB)


def sha256(array):
    return hashlib.sha256(np.ascontiguousarray(array).tobytes()).hexdigest()


def measure(rgb):
    bgr = cv2.resize(np.ascontiguousarray(rgb[..., ::-1]), (224, 224))
    grey = cv2.cvtColor(np.ascontiguousarray(bgr[..., ::-1]), cv2.COLOR_RGB2GRAY)
    scaled = bgr.astype(np.float32) / 255
    floats = cv2.cvtColor(scaled, cv2.COLOR_BGR2GRAY)
    edges = cv2.Canny(grey, 100, 200)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # scikit-image would rather have LBP of whole numbers
        patterns = local_binary_pattern(floats, P=8, R=1, method="uniform")
    features = np.concatenate(
        [
            hog(floats, orientations=9, pixels_per_cell=(56, 56), cells_per_block=(2, 2), block_norm="L2-Hys"),
            *(np.histogram(scaled[..., channel], bins=32, range=(0, 1))[0] for channel in range(3)),
            (edges > 0).reshape(8, 28, 8, 28).mean(axis=(1, 3)).ravel(),
            np.histogram(patterns, bins=10, range=(0, 10), density=True)[0],
        ]
    ).astype(np.float32)
    digests = {
        "resized": sha256(bgr[..., ::-1]),
        "grey": sha256(grey),
        "floats": sha256(floats.astype("<f4")),
        "edges": sha256(edges),
    }
    return digests, features


cases, rows = [], []
for name, picture in photographs():
    # PNG keeps every level; the camera's picture is grey and takes a third of the room so.
    grey = (picture == picture[..., :1]).all()
    stored = picture[..., 0] if grey else picture[..., ::-1]
    cv2.imwrite(str(HERE / f"{name}.png"), stored, [cv2.IMWRITE_PNG_COMPRESSION, 9])
    digests, features = measure(picture)
    cases.append({"png": f"{name}.png", **digests})
    rows.append(features)
for kind, width, height in [
    ("noise", 224, 224),
    ("rings", 224, 224),
    ("blocks", 224, 224),
    ("flat", 224, 224),
    ("noise", 448, 448),
    ("rings", 448, 448),
    ("noise", 448, 300),
    ("blocks", 224, 448),
    ("noise", 223, 225),
    ("noise", 1, 1),
    ("noise", 1, 300),
    ("noise", 301, 1),
    ("blocks", 2, 3),
    ("blocks", 97, 61),
    ("noise", 112, 112),
    ("rings", 640, 480),
    ("blocks", 672, 896),
]:
    digests, features = measure(pattern(kind, width, height))
    cases.append({"pattern": kind, "width": width, "height": height, **digests})
    rows.append(features)
(HERE / "golden.json").write_text(json.dumps(cases, indent=1) + "\n")
np.save(HERE / "features.npy", np.array(rows))
