"""Writes sift_NAME.png, .bin and .descriptors.png: what OpenCV's SIFT finds in grey pictures. Run: python sift.py

Made with opencv-python-headless 4.14.0.94, scikit-image 0.26.0, numpy 2.4.6 (Python 3.11, x86-64 with AVX-512).

The pictures come with scikit-image: astronaut (NASA, public domain), coffee (Rachel Michetti, CC0) and chelsea (Stefan
van der Walt, CC0), as 224 x 224 pixels; `odd` is a part of coffee whose sides are odd and differ.

sift_NAME.bin: the number n of keypoints (u32), n keypoints (x, y, size, angle, response: f32; octave: i32), then the mean
descriptor of each quadrant (TL, TR, BL, BR; 4 x 128 f32, zeros where there is no keypoint), all little-endian.
sift_NAME.descriptors.png: n rows of 128 grey pixels.
"""

import os

import cv2
import numpy as np
import skimage.data

HERE = os.path.dirname(os.path.abspath(__file__))


def grey(rgb):
    small = cv2.resize(rgb[..., ::-1], (224, 224), interpolation=cv2.INTER_LINEAR)
    return cv2.cvtColor(small, cv2.COLOR_BGR2GRAY)


def pooled(keypoints, descriptors, shape):
    means = np.zeros((4, 128), "<f4")
    x, y = (np.array([k.pt[axis] for k in keypoints]) for axis in (0, 1))
    quadrants = 2 * (y >= shape[0] / 2) + (x >= shape[1] / 2)
    for quadrant in np.unique(quadrants):
        means[quadrant] = descriptors[quadrants == quadrant].mean(axis=0)
    return means


def write(name, image):
    keypoints, descriptors = cv2.SIFT_create().detectAndCompute(image, None)
    rows = [(*k.pt, k.size, k.angle, k.response, k.octave) for k in keypoints]
    record = np.dtype([(n, "<f4") for n in ("x", "y", "size", "angle", "response")] + [("octave", "<i4")])
    with open(os.path.join(HERE, f"sift_{name}.bin"), "wb") as file:
        file.write(np.uint32(len(rows)).astype("<u4").tobytes())
        file.write(np.array(rows, record).tobytes())
        file.write(pooled(keypoints, descriptors, image.shape).tobytes())
    best = [cv2.IMWRITE_PNG_COMPRESSION, 9]
    cv2.imwrite(os.path.join(HERE, f"sift_{name}.png"), image, best)
    cv2.imwrite(os.path.join(HERE, f"sift_{name}.descriptors.png"), descriptors.astype(np.uint8), best)


if __name__ == "__main__":
    cv2.setNumThreads(1)
    for name in ("astronaut", "coffee", "chelsea"):
        write(name, grey(getattr(skimage.data, name)()))
    write("odd", grey(skimage.data.coffee())[40:137, 30:91])
