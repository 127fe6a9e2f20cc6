"""Reference values of models/src/resnet.rs, blocks of two layers; see torchvision_networks.py.

IMAGENET1K_V1: resized to 256, bilinear.
"""

from torchvision.models import resnet18
from torchvision.models.resnet import BasicBlock, ResNet

import torchvision_networks


def tiny():
    model = ResNet(BasicBlock, [2, 1, 1, 1], num_classes=12)
    return model, model.avgpool


def full():
    model = resnet18()
    return model, model.avgpool


torchvision_networks.main("resnet18", tiny, full, 256, 2)
