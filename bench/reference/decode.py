"""Pillow on all threads: `decode.py FOLDER` prints the ms to decode every JPEG, resize its short side to 256 and cut
the centre 224 x 224."""

import sys
import time
from concurrent.futures import ThreadPoolExecutor

from PIL import Image

from common import THREADS, emit, labelled


def decode(path):
    with Image.open(path) as image:
        image = image.convert("RGB")
        scale = 256 / min(image.size)
        image = image.resize([max(1, round(side * scale)) for side in image.size], Image.Resampling.BILINEAR)
        left, top = (image.width - 224) // 2, (image.height - 224) // 2
        return image.crop((left, top, left + 224, top + 224)).tobytes()


paths, _, _ = labelled(sys.argv[1])
with ThreadPoolExecutor(THREADS) as pool:
    list(pool.map(decode, paths[:100]))
    start = time.perf_counter()
    sizes = {len(data) for data in pool.map(decode, paths)}
    ms = 1000 * (time.perf_counter() - start)
assert sizes == {224 * 224 * 3}, sizes
emit(ms=ms, pictures=len(paths))
