"""Sizes of src/image/proportional.rs: what ViltImageProcessor makes of pictures of any size.

Versions: transformers 4.40.2, numpy 1.26.4. Writes vilt.json.
"""

import json
import os

import numpy as np
from transformers.models.vilt.image_processing_vilt import get_resize_output_image_size

SIZES = [
    (500, 375), (375, 500), (384, 384), (2, 2), (33, 31), (640, 480), (1024, 333), (333, 1024), (2000, 1000), (217, 361),
    (361, 217), (639, 384), (640, 384), (641, 385), (300, 299), (4000, 3000), (97, 403), (1333, 800), (32, 32), (512, 200),
]
sizes = []
for width, height in SIZES:
    new = get_resize_output_image_size(np.zeros((height, width, 3), np.uint8), 384, int(1333 / 800 * 384), 32)
    sizes.append([width, height, int(new[1]), int(new[0])])
with open(os.path.join(os.path.dirname(os.path.abspath(__file__)), "vilt.json"), "w") as file:
    file.write(json.dumps(sizes) + "\n")
