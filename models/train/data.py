"""The rendered frames as tensors, with what a camera and a codec would do to them."""
import io
import json
import pathlib

import numpy as np
import torch
from PIL import Image
from torch.utils.data import Dataset

from nets import CLASSES, HEIGHT, WIDTH

# Sizes in px of the network's input, where 4 px are 10 of a 960 px wide frame.
LEAST_SIDE, LEAST_VISIBLE, MOST_BOXES = 3, 0.3, 40
RARE = (CLASSES.index("bicycle"), CLASSES.index("bus"))


class Street(Dataset):
    """Items: picture [3, H, W] uint8, boxes [40, 5] (class, x1, y1, x2, y2; class -1 where there is none), inverse
    depth [H / 2, W / 2] in 1/m, -1 where there is none."""

    def __init__(self, folder, train):
        self.train = train
        shards = sorted(pathlib.Path(folder).glob("*.ndjson"))
        self.items = []
        for shard in shards:
            count = len(shard.read_text().splitlines())
            pictures = np.memmap(shard.with_suffix(".rgb"), np.uint8, "r", shape=(count, HEIGHT, WIDTH, 3))
            depths = np.memmap(shard.with_suffix(".depth"), np.float32, "r", shape=(count, HEIGHT // 2, WIDTH // 2))
            for i, line in enumerate(shard.read_text().splitlines()):
                self.items.append((pictures, depths, i, json.loads(line)))

    def weights(self):
        """How often each frame is to be drawn: those with what is rare twice as often."""
        return [2.0 if any(t["classId"] in RARE for t in line["truth"]) else 1.0 for *_, line in self.items]

    def __len__(self):
        return len(self.items)

    def __getitem__(self, index):
        pictures, depths, i, line = self.items[index]
        picture = np.array(pictures[i])
        depth = np.array(depths[i])
        boxes = np.array(
            [
                [t["classId"], t["box"][0], t["box"][1], t["box"][0] + t["box"][2], t["box"][1] + t["box"][3]]
                for t in line["truth"]
                if t["visible"] >= LEAST_VISIBLE and min(t["box"][2:]) >= LEAST_SIDE and t["box"][3] >= 6
            ],
            np.float32,
        ).reshape(-1, 5)
        if self.train:
            picture, boxes, depth = augment(picture, boxes, depth)
        full = np.full((MOST_BOXES, 5), -1, np.float32)
        # The largest first, should there be more than fit.
        order = np.argsort(-(boxes[:, 3] - boxes[:, 1]) * (boxes[:, 4] - boxes[:, 2]))[:MOST_BOXES]
        full[: len(order)] = boxes[order]
        return torch.from_numpy(picture.transpose(2, 0, 1).copy()), torch.from_numpy(full), torch.from_numpy(depth)


def augment(picture, boxes, depth):
    random = np.random.default_rng(torch.randint(0, 2**31, (1,)).item())
    if random.random() < 0.5:
        picture, depth = picture[:, ::-1], depth[:, ::-1]
        boxes = boxes.copy()
        boxes[:, [1, 3]] = WIDTH - boxes[:, [3, 1]]
    if random.random() < 0.25:
        picture, boxes, depth = zoom(picture, boxes, depth, random)
    picture = picture.astype(np.float32)
    if random.random() < 0.8:
        gain = random.uniform(0.75, 1.25) * (1 + random.uniform(-0.08, 0.08, 3))
        picture = (picture - 114) * np.float32(random.uniform(0.8, 1.2) * gain) + np.float32(114 * random.uniform(0.8, 1.2))
    if random.random() < 0.3:
        grey = picture.mean(2, keepdims=True)
        picture = grey + (picture - grey) * random.uniform(0, 1.5)
    if random.random() < 0.3:
        picture = picture + random.standard_normal(picture.shape, np.float32) * random.uniform(1, 8)
    picture = np.clip(picture, 0, 255).astype(np.uint8)
    if random.random() < 0.25:
        buffer = io.BytesIO()
        Image.fromarray(np.ascontiguousarray(picture)).save(buffer, "JPEG", quality=int(random.uniform(35, 95)))
        picture = np.asarray(Image.open(buffer))
    return np.ascontiguousarray(picture), boxes, np.ascontiguousarray(depth)


def zoom(picture, boxes, depth, random):
    """A part of the same shape, enlarged to the whole: other sizes and places for the same things."""
    bar = (HEIGHT - WIDTH * 9 // 16) // 2
    width = int(random.uniform(0.6, 1) * WIDTH / 16) * 16
    height = width * 9 // 16
    x = int(random.integers(0, WIDTH - width + 1)) // 2 * 2
    y = bar + int(random.integers(0, HEIGHT - 2 * bar - height + 1)) // 2 * 2
    whole = (WIDTH, HEIGHT - 2 * bar)
    part = Image.fromarray(np.ascontiguousarray(picture[y : y + height, x : x + width]))
    larger = np.full_like(picture, 114)
    larger[bar : HEIGHT - bar] = np.asarray(part.resize(whole, Image.BILINEAR))
    part = Image.fromarray(np.ascontiguousarray(depth[y // 2 : (y + height) // 2, x // 2 : (x + width) // 2]))
    farther = np.full_like(depth, -1)
    farther[bar // 2 : (HEIGHT - bar) // 2] = np.asarray(part.resize((whole[0] // 2, whole[1] // 2), Image.NEAREST))
    moved = boxes.copy()
    moved[:, [1, 3]] = ((boxes[:, [1, 3]] - x) * WIDTH / width).clip(0, WIDTH)
    moved[:, [2, 4]] = ((boxes[:, [2, 4]] - y) * WIDTH / width + bar).clip(bar, HEIGHT - bar)
    area = (boxes[:, 3] - boxes[:, 1]) * (boxes[:, 4] - boxes[:, 2]) * (WIDTH / width) ** 2
    left = (moved[:, 3] - moved[:, 1]) * (moved[:, 4] - moved[:, 2])
    return larger, moved[left > 0.4 * area], farther
