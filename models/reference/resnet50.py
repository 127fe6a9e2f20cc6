"""Reference values of models/src/resnet.rs, bottlenecks; see torchvision_networks.py.

IMAGENET1K_V2: resized to 232, bilinear.
"""

from torchvision.models import resnet50
from torchvision.models.resnet import Bottleneck, ResNet

import torchvision_networks


def tiny():
    return ResNet(Bottleneck, [1, 1, 1, 1], num_classes=12)


torchvision_networks.main("resnet50", tiny, resnet50, 232, 2, n=1, conv=1.8)
