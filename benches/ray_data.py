"""Reads and writes through Ray Data: `python benches/ray_data.py FILE.npz [IMAGES [RUNS]]` prints tables.

FILE.npz holds `packed` (`np.packbits(images, axis=-1)`) and `shape` (N, H, W), which are extended to IMAGES (default: 8,000,000) as
by `scale.py`. All pipelines run on one cluster of as many workers as there are cores, in turns, and yield batches of images and
labels to this process. Times are medians, and include what Ray takes to plan and to start.

The pipelines of NumPy read the files that people write: one for each image, and one for 1,000 images. They have fewer images,
as they would take hours; bitnpz is also measured on the same few.
"""

import os

# Workers would give way to this process, which only takes what they read.
os.environ.setdefault("RAY_worker_niceness", "0")

import shutil  # noqa: E402
import statistics  # noqa: E402
import subprocess  # noqa: E402
import sys  # noqa: E402
import tempfile  # noqa: E402
import time  # noqa: E402
from pathlib import Path  # noqa: E402

import numpy as np  # noqa: E402
import ray  # noqa: E402

import bitnpz  # noqa: E402
import bitnpz.ray  # noqa: E402
from scale import extended  # noqa: E402

IMAGES = 8_000_000
RUNS = 5
BATCH = 1024
#: The images that NumPy reads: one in a file, and 1,000.
FILES = 100_000
IN_A_FILE = 1000
OF_NUMPY = 1_000_000
CORES = len(os.sched_getaffinity(0))


def rates(pipelines, runs):
    """Runs each of these functions, which return a number of images, in turns. Returns the median of images per second."""
    seen = {name: [] for name in pipelines}
    for run in range(runs + 1):
        for name, work in pipelines.items():
            start = time.perf_counter()
            images = work()
            if run:
                seen[name].append(images / (time.perf_counter() - start))
    return {name: statistics.median(each) for name, each in seen.items()}


def consume(batches, expected):
    """Takes all batches, and checks that they have so many images."""
    images = sum(len(batch["label"]) for batch in batches)
    assert images == expected, (images, expected)
    return images


def of_ray(dataset, expected):
    return consume(dataset.iter_batches(batch_size=BATCH, batch_format="numpy"), expected)


def of_loader(path, expected, **options):
    archive = bitnpz.load(path)
    loader = bitnpz.Loader(archive["glyph"], archive["label"], batch_size=BATCH, **options)
    return consume(({"label": labels} for _, labels in loader), expected)


def load_one(row):
    with np.load(row["item"]) as file:
        return {"glyph": file["glyph"], "label": file["label"]}


def load_many(batch):
    with np.load(batch["item"][0]) as file:
        return {"glyph": file["glyph"], "label": file["label"]}


def write_files(folder, source):
    """Writes the archives, and NumPy's files of the first images. Returns the paths of both kinds of those."""
    with bitnpz.Writer(folder / "all.npz") as writer:
        for images in extended(source, IMAGES):
            writer.extend("glyph", images)
        writer["label"] = np.arange(IMAGES)
    first = np.concatenate([images for images in extended(source, OF_NUMPY)])
    for count in (FILES, OF_NUMPY):
        bitnpz.save(folder / f"{count}.npz", {"glyph": first[:count], "label": np.arange(count)})
    single, many = [], []
    for number in range(FILES):
        single.append(str(folder / f"one-{number:06}.npz"))
        np.savez_compressed(single[-1], glyph=first[number], label=number)
    for start in range(0, OF_NUMPY, IN_A_FILE):
        many.append(str(folder / f"many-{start:08}.npz"))
        labels = np.arange(start, start + IN_A_FILE)
        np.savez_compressed(many[-1], glyph=first[start : start + IN_A_FILE], label=labels)
    return single, many


def read(path, expected, **options):
    return lambda: of_ray(bitnpz.ray.read(path, **options), expected)


def show(found, base):
    for name, rate in found.items():
        print(f"| {name} | {rate:,.0f} | {rate / found[base]:.2f} |", flush=True)


def measure_reading(folder, single, many, runs):
    few, some, path = (str(folder / f"{name}.npz") for name in (FILES, OF_NUMPY, "all"))
    print("\n| reading | images/s | of the first |\n|---|---:|---:|")
    name = f"Ray, np.load, {FILES:,} files of one image"
    pipelines = {
        name: lambda: of_ray(ray.data.from_items(single).map(load_one), FILES),
        f"bitnpz.ray.read, the same {FILES:,} images": read(few, FILES),
    }
    show(rates(pipelines, runs), name)
    name = f"Ray, np.load, {len(many):,} files of {IN_A_FILE:,} images"
    pipelines = {
        name: lambda: of_ray(ray.data.from_items(many).map_batches(load_many, batch_size=1), OF_NUMPY),
        f"bitnpz.ray.read, the same {OF_NUMPY:,} images": read(some, OF_NUMPY),
    }
    show(rates(pipelines, runs), name)
    for kind, options, shuffled in (
        ("bools", {}, False),
        ("packed rows", {"packed": True}, False),
        ("packed rows, shuffled", {"packed": True}, True),
    ):
        name = f"Loader, {IMAGES:,} images, {kind}"
        order = {"shuffle": "blocks", "seed": 1} if shuffled else {}
        pipelines = {
            name: lambda: of_loader(path, IMAGES, **options, **order),
            f"bitnpz.ray.read, {kind}": read(path, IMAGES, **options, shuffle=1 if shuffled else None),
        }
        show(rates(pipelines, runs), name)


def start(cores):
    """Starts a cluster of a worker for each of so many cores."""
    os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:cores])
    ray.init(num_cpus=cores, include_dashboard=False, log_to_driver=False, logging_level="ERROR", object_store_memory=2 << 30)
    ray.data.DataContext.get_current().enable_progress_bars = False


def write(folder, cores, runs):
    """Prints the images per second that a cluster of so many cores writes."""
    start(cores)
    dataset = bitnpz.ray.read(str(folder / "all.npz"), override_num_blocks=8 * CORES).materialize()

    def write_all():
        target = folder / "written"
        bitnpz.ray.write(dataset, target / "glyphs.bitnpz.json")
        shutil.rmtree(target)
        return dataset.count()

    print(rates({"": write_all}, runs)[""])


def measure_writing(folder, runs):
    print("\n| writing, training included | images/s | of the first |\n|---|---:|---:|")
    found = {}
    for cores in sorted({1, CORES}):
        # What one worker does uses other cores, too, unless the whole cluster has one.
        command = [sys.executable, __file__, "--write", folder, str(cores), str(runs)]
        found[f"bitnpz.ray.write, workers and cores: {cores}"] = float(subprocess.check_output(command).split()[-1])
    show(found, next(iter(found)))


def main():
    global IMAGES, FILES, OF_NUMPY
    if sys.argv[1] == "--write":
        write(Path(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4]))
        return
    source = sys.argv[1]
    IMAGES = int(sys.argv[2]) if len(sys.argv) > 2 else IMAGES
    FILES, OF_NUMPY = min(FILES, IMAGES // 40), min(OF_NUMPY, IMAGES) // IN_A_FILE * IN_A_FILE
    runs = int(sys.argv[3]) if len(sys.argv) > 3 else RUNS
    start(CORES)
    print(f"Ray {ray.__version__}, {CORES} cores, batches of {BATCH:,}, medians of {runs}")
    with tempfile.TemporaryDirectory(prefix="bitnpz-ray-") as name:
        folder = Path(name)
        single, many = write_files(folder, source)
        measure_reading(folder, single, many, runs)
        ray.shutdown()
        measure_writing(folder, runs)


if __name__ == "__main__":
    main()
