"""python3 train.py yolo|depth DATA OUT.onnx [--minutes 40]: seeded; the same data and minutes give about the same net."""
import argparse
import copy
import math
import time

import torch
from torch.utils.data import DataLoader

from data import Street
from export import export
from losses import depth_loss, yolo_loss
from nets import StreetDepth, StreetYolo

BATCH, RATE = 16, 2e-3


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("net", choices=["yolo", "depth"])
    parser.add_argument("data")
    parser.add_argument("out")
    parser.add_argument("--minutes", type=float, default=40)
    parser.add_argument("--threads", type=int, default=2)
    args = parser.parse_args()
    torch.manual_seed(1)
    torch.set_num_threads(args.threads)
    model = StreetYolo() if args.net == "yolo" else StreetDepth()
    model.to(memory_format=torch.channels_last).train()
    average = copy.deepcopy(model)
    optimizer = torch.optim.AdamW(model.parameters(), RATE, weight_decay=1e-3)
    loader = DataLoader(Street(args.data, train=True), BATCH, shuffle=True, drop_last=True, num_workers=1)
    print(f"{len(loader.dataset)} frames, {sum(p.numel() for p in model.parameters())} weights", flush=True)
    began, step, mean = time.time(), 0, None
    while (share := (time.time() - began) / 60 / args.minutes) < 1:
        for pictures, truth, inverse in loader:
            share = (time.time() - began) / 60 / args.minutes
            if share >= 1:
                break
            # Warm-up, then a cosine over the minutes that there are.
            rate = RATE * min(1, step / 200) * (0.02 + 0.98 * (1 + math.cos(math.pi * share)) / 2)
            for group in optimizer.param_groups:
                group["lr"] = rate
            pictures = (pictures.float() / 255).contiguous(memory_format=torch.channels_last)
            loss = yolo_loss(model, pictures, truth) if args.net == "yolo" else depth_loss(model(pictures), inverse)
            optimizer.zero_grad()
            loss.backward()
            torch.nn.utils.clip_grad_norm_(model.parameters(), 10)
            optimizer.step()
            step += 1
            keep = min(0.999, 1 - 1 / (step + 1))
            with torch.no_grad():
                for a, b in zip(average.state_dict().values(), model.state_dict().values()):
                    a.mul_(keep).add_(b, alpha=1 - keep) if a.dtype.is_floating_point else a.copy_(b)
            mean = loss.item() if mean is None else 0.98 * mean + 0.02 * loss.item()
            if step % 100 == 0:
                print(f"{(time.time() - began) / 60:5.1f} min  step {step}  loss {mean:.4f}", flush=True)
                torch.save(average.state_dict(), args.out + ".pt")
    export(average, args.out)


if __name__ == "__main__":
    main()
