"""Reference values of models/src/resnet.rs, blocks of two layers; see torchvision_networks.py.

IMAGENET1K_V1: resized to 256, bilinear.
"""

from torchvision.models import resnet18
from torchvision.models.resnet import BasicBlock, ResNet

import torchvision_networks


def tiny():
    return ResNet(BasicBlock, [2, 1, 1, 1], num_classes=12)


torchvision_networks.main("resnet18", tiny, resnet18, 256, 2)
