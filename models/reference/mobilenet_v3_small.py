"""Reference values of models/src/mobilenet_v3_small.rs; see torchvision_networks.py.

IMAGENET1K_V1: resized to 256, bilinear.
"""

from torchvision.models import mobilenet_v3_small
from torchvision.models.mobilenetv3 import InvertedResidualConfig, MobileNetV3

import torchvision_networks


def tiny():
    rows = [
        (16, 3, 16, 16, True, "RE", 2),
        (16, 3, 72, 24, False, "RE", 2),
        (24, 3, 88, 24, False, "RE", 1),
        (24, 5, 96, 40, True, "HS", 2),
        (40, 5, 240, 40, True, "HS", 1),
    ]
    return MobileNetV3([InvertedResidualConfig(*row, 1, 1.0) for row in rows], 1024, num_classes=12)


torchvision_networks.main("mobilenet_v3_small", tiny, mobilenet_v3_small, 256, 2)
