"""Pillow's own resized pictures, by hash: python pillow.py > pillow.json (Pillow 12, blake3 1.0)."""

import json

import blake3
import numpy as np
from PIL import Image

SIZES = [((37, 53), (24, 24)), ((53, 37), (96, 96)), ((256, 341), (224, 224)), ((341, 256), (298, 224)), ((24, 24), (24, 24)),
         ((500, 17), (64, 64)), ((64, 64), (64, 31)), ((640, 427), (384, 384)), ((3, 2), (16, 16))]


def picture(width, height):
    i = np.arange(width * height * 3, dtype=np.uint64)
    levels = ((i * 7919 + i // 3 * 104729) % (1 << 32)) % 251 + i % 5
    return Image.fromarray(levels.astype(np.uint8).reshape(height, width, 3))


cases = []
for (width, height), (new_width, new_height) in SIZES:
    for name, resample in [("bilinear", Image.BILINEAR), ("bicubic", Image.BICUBIC)]:
        resized = picture(width, height).resize((new_width, new_height), resample)
        cases.append({"width": width, "height": height, "new_width": new_width, "new_height": new_height, "filter": name,
                      "blake3": blake3.blake3(np.asarray(resized).tobytes()).hexdigest()})
print(json.dumps(cases, indent=1))
