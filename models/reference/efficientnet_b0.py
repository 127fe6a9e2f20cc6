"""Reference values of models/src/efficientnet_b0.rs; see torchvision_networks.py.

IMAGENET1K_V1: resized to 256, bicubic.
"""

from torchvision.models import efficientnet_b0
from torchvision.models.efficientnet import EfficientNet, MBConvConfig

import torchvision_networks


def tiny():
    stages = [(1, 3, 1, 16, 8, 1), (6, 5, 2, 8, 24, 2), (6, 3, 2, 24, 32, 2)]
    return EfficientNet([MBConvConfig(*stage) for stage in stages], dropout=0.2, num_classes=12)


torchvision_networks.main("efficientnet_b0", tiny, efficientnet_b0, 256, 3, conv=2.5)
