"""python3 train.py DATA OUT [--minutes 90]: both networks on one backbone. Seeded; the same data and minutes give about
the same networks."""
import argparse
import copy
import math
import pathlib
import time

import torch
from torch import nn
from torch.utils.data import DataLoader, WeightedRandomSampler

from data import Street
from export import export
from losses import depth_loss, yolo_loss
from nets import StreetDepth, StreetYolo

BATCH = 16


class Both(nn.Module):
    """Depth teaches the backbone what detection needs as well, and it is trained once; each network gets a copy of it."""

    def __init__(self):
        super().__init__()
        self.yolo, self.depth = StreetYolo(), StreetDepth()
        self.depth.backbone = self.yolo.backbone

    def loss(self, pictures, truth, inverse, with_depth):
        features = self.yolo.backbone(pictures)
        loss = yolo_loss(self.yolo, features, truth)
        return loss + 3 * depth_loss(self.depth.map(features), inverse) if with_depth else loss

    def export(self, folder):
        for net, name in ((self.yolo, "street-yolo"), (self.depth, "street-depth")):
            export(copy.deepcopy(net), str(folder / f"{name}.onnx"))


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("data")
    parser.add_argument("out", type=pathlib.Path)
    parser.add_argument("--minutes", type=float, default=90)
    parser.add_argument("--rate", type=float, default=2e-3)
    parser.add_argument("--resume", help="a street.pt to go on from")
    parser.add_argument("--threads", type=int, default=2)
    args = parser.parse_args()
    args.out.mkdir(parents=True, exist_ok=True)
    torch.manual_seed(1)
    torch.set_num_threads(args.threads)
    model = Both().to(memory_format=torch.channels_last).train()
    if args.resume:
        # Of a network that has since been changed, what still fits.
        mine = model.state_dict()
        known = {k: v for k, v in torch.load(args.resume).items() if k in mine and v.shape == mine[k].shape}
        print(f"{len(known)} of {len(mine)} tensors taken over from {args.resume}", flush=True)
        model.load_state_dict(known, strict=False)
    average = copy.deepcopy(model)
    # Not `state_dict`, which names the shared backbone twice.
    pairs = [*zip(average.parameters(), model.parameters()), *zip(average.buffers(), model.buffers())]
    optimizer = torch.optim.AdamW(model.parameters(), args.rate, weight_decay=1e-3)
    data = Street(args.data, train=True)
    sampler = WeightedRandomSampler(data.weights(), len(data))
    loader = DataLoader(data, BATCH, sampler=sampler, drop_last=True, num_workers=1)
    print(f"{len(data)} frames, {sum(p.numel() for p in model.parameters())} weights", flush=True)
    began, step, means = time.time(), 0, [None, None]
    while (share := (time.time() - began) / 60 / args.minutes) < 1:
        for pictures, truth, inverse in loader:
            share = (time.time() - began) / 60 / args.minutes
            if share >= 1:
                break
            # Warm-up, then a cosine over the minutes that there are.
            rate = args.rate * min(1, step / 200) * (0.02 + 0.98 * (1 + math.cos(math.pi * share)) / 2)
            for group in optimizer.param_groups:
                group["lr"] = rate
            pictures = (pictures.float() / 255).contiguous(memory_format=torch.channels_last)
            # Depth is learnt sooner than detection: every third step is enough.
            with_depth = step % 3 == 0
            loss = model.loss(pictures, truth, inverse, with_depth)
            optimizer.zero_grad()
            loss.backward()
            nn.utils.clip_grad_norm_(model.parameters(), 10)
            optimizer.step()
            step += 1
            keep = min(0.999, 1 - 1 / (step / 4 + 1))
            with torch.no_grad():
                for a, b in pairs:
                    a.mul_(keep).add_(b, alpha=1 - keep) if a.dtype.is_floating_point else a.copy_(b)
            mean = means[with_depth]
            means[with_depth] = loss.item() if mean is None else 0.97 * mean + 0.03 * loss.item()
            if step % 100 == 0:
                minutes, both = (time.time() - began) / 60, means[1]
                print(f"{minutes:5.1f} min  step {step}  loss {means[0]:.3f}, with depth {both:.3f}", flush=True)
                torch.save(average.state_dict(), args.out / "street.pt")
    average.export(args.out)


if __name__ == "__main__":
    main()
