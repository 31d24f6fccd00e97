"""Writes an archive to bytes and reads it from bytes: for a network, a database, or data inside a package.

    python archive_in_memory.py
"""
import io

import numpy as np

import bitnpz


def main() -> None:
    images = np.random.default_rng(0).random((2000, 32, 32)) < 0.1
    buffer = io.BytesIO()
    bitnpz.save(buffer, {"images": images})
    content = buffer.getvalue()
    print(f"{len(content)} bytes for {len(images)} images")

    # A limit bounds what an archive from elsewhere may ask for.
    archive = bitnpz.load(content, limits={"image_bytes": 1 << 16})
    assert (archive["images"][17] == images[17]).all()
    try:
        bitnpz.load(content[:-1])
    except bitnpz.Error as error:
        print(f"the same, cut short: {error}")


if __name__ == "__main__":
    main()
