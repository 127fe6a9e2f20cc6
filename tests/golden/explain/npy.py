"""A small array file as numpy writes it. Run: python3 npy.py (numpy 2.4)."""

from pathlib import Path

import numpy as np

np.save(Path(__file__).with_name("small.npy"), np.array([[0, 0.5, -1], [1e-30, 3e38, 2]], "<f4"))
