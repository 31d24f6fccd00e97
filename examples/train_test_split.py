"""Splits an archive of labelled images into a training set and a test set, and reads both in batches.

    python train_test_split.py

The archive is written once. A split is a list of image numbers: nothing is copied.
"""
import tempfile
from pathlib import Path

import numpy as np

import bitnpz

COUNT, SIZE = 5000, 28


def rectangles() -> tuple[np.ndarray, np.ndarray]:
    """Draws rectangles, labelled 1 if they are wider than high."""
    random = np.random.default_rng(0)
    images = np.zeros((COUNT, SIZE, SIZE), bool)
    sizes = random.integers(2, 14, (COUNT, 2))
    for image, (height, width), (top, left) in zip(images, sizes, random.integers(0, 14, (COUNT, 2))):
        image[top : top + height, left : left + width] = True
    return images, (sizes[:, 1] > sizes[:, 0]).astype(np.int64)


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "training.npz"
        images, labels = rectangles()
        bitnpz.save(path, {"images": images, "labels": labels})

        archive = bitnpz.load(path)
        order = np.random.default_rng(7).permutation(COUNT)
        parts = {"train": order[: COUNT * 9 // 10], "test": order[COUNT * 9 // 10 :]}
        for name, indices in parts.items():
            subset = archive["images"].subset(indices)  # a view: reads nothing
            loader = bitnpz.Loader(
                subset, archive["labels"][indices], batch_size=256, shuffle=name == "train", dtype=np.float32
            )
            ink = wide = 0
            for batch, wanted in loader:
                ink += batch.sum()
                wide += (wanted == 1).sum()
            share = 100 * ink / (len(indices) * SIZE * SIZE)
            print(f"{name}: {len(indices)} images in {len(loader)} batches, {share:.1f} % of the pixels set, {wide} labelled 1")


if __name__ == "__main__":
    main()
