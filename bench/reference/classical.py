"""OpenCV, scikit-image and NumPy: `classical.py FOLDER OUT.npy` prints, for each classical feature and for all together
(`classical`), the processor's milliseconds a picture on one thread, from the whole picture to the numbers, and wall
milliseconds a picture for all features in as many processes as there are threads. Decoding is not counted."""

import sys
import time
import warnings
from multiprocessing import get_context

import cv2
import numpy as np
from PIL import Image, ImageOps
from skimage.feature import hog, local_binary_pattern

from common import THREADS, emit, labelled

cv2.setNumThreads(1)
SIFT = cv2.SIFT_create()
warnings.simplefilter("ignore")  # scikit-image would rather have LBP of whole numbers


class Picture:
    """A picture at 224 x 224; each kind of grey is made when it is first asked for."""

    def __init__(self, bgr):
        self.bgr = cv2.resize(bgr, (224, 224))
        self.made = {}

    def once(self, name, make):
        if name not in self.made:
            self.made[name] = make()
        return self.made[name]

    def grey(self):
        return self.once("grey", lambda: cv2.cvtColor(self.bgr, cv2.COLOR_BGR2GRAY))

    def scaled(self):
        return self.once("scaled", lambda: self.bgr.astype(np.float32) / 255)

    def floats(self):
        return self.once("floats", lambda: cv2.cvtColor(self.scaled(), cv2.COLOR_BGR2GRAY))


def keypoints(picture):
    found, descriptors = SIFT.detectAndCompute(picture.grey(), None)
    out = np.zeros((4, 128), np.float32)
    if found:
        places = np.array([point.pt for point in found])
        quadrant = 2 * (places[:, 1] >= 112) + (places[:, 0] >= 112)
        for number in range(4):
            if (quadrant == number).any():
                out[number] = descriptors[quadrant == number].mean(axis=0)
    return out.ravel()


def gradients(picture):
    return hog(picture.floats(), orientations=9, pixels_per_cell=(56, 56), cells_per_block=(2, 2), block_norm="L2-Hys")


def colors(picture):
    scaled = picture.scaled()
    return np.concatenate([np.histogram(scaled[..., c], bins=32, range=(0, 1))[0] for c in range(3)])


def edges(picture):
    found = cv2.Canny(picture.grey(), 100, 200)
    return (found > 0).reshape(8, 28, 8, 28).mean(axis=(1, 3)).ravel()


def patterns(picture):
    found = local_binary_pattern(picture.floats(), P=8, R=1, method="uniform")
    return np.histogram(found, bins=10, range=(0, 10), density=True)[0]


KINDS = {"sift": keypoints, "hog": gradients, "color": colors, "canny": edges, "lbp": patterns}


def read(path):
    with Image.open(path) as image:
        rgb = np.asarray(ImageOps.exif_transpose(image).convert("RGB"))
    return np.ascontiguousarray(rgb[..., ::-1])


def extract(bgr, kinds):
    picture = Picture(bgr)
    return np.concatenate([kind(picture) for kind in kinds]).astype(np.float32)


def everything(index):
    return extract(pictures[index], KINDS.values())


def one_thread(kinds, pictures):
    for bgr in pictures[:20]:
        extract(bgr, kinds)
    start = time.process_time()
    features = [extract(bgr, kinds) for bgr in pictures]
    return 1000 * (time.process_time() - start) / len(pictures), np.stack(features)


paths, _, _ = labelled(sys.argv[1])
pictures = [read(path) for path in paths]
ms = {name: one_thread([kind], pictures[::4])[0] for name, kind in KINDS.items()}
ms["classical"], features = one_thread(KINDS.values(), pictures)
np.save(sys.argv[2], features)
# Processes, because scikit-image holds Python's lock; they share the pictures, and send back numbers alone.
with get_context("fork").Pool(THREADS) as pool:
    pool.map(everything, range(min(40, len(pictures))))
    start = time.perf_counter()
    pool.map(everything, range(len(pictures)), chunksize=25)
    ms["threads"] = 1000 * (time.perf_counter() - start) / len(pictures)
emit(**ms)
