"""Task-aligned assignment (TOOD, Feng et al. 2021) and the losses of both networks."""
import torch
from torch.nn import functional as F

from nets import CLASSES


# px; a cell of the finest stride and its neighbours.
LEAST_REACH = 18


def iou(a, b, complete=False):
    """IoU of boxes x1, y1, x2, y2, broadcast; CIoU (Zheng et al. 2020) where `complete`."""
    left_top = torch.maximum(a[..., :2], b[..., :2])
    right_bottom = torch.minimum(a[..., 2:], b[..., 2:])
    inter = (right_bottom - left_top).clamp(0).prod(-1)
    size_a, size_b = a[..., 2:] - a[..., :2], b[..., 2:] - b[..., :2]
    union = size_a.prod(-1) + size_b.prod(-1) - inter + 1e-7
    overlap = inter / union
    if not complete:
        return overlap
    hull = torch.maximum(a[..., 2:], b[..., 2:]) - torch.minimum(a[..., :2], b[..., :2])
    away = ((a[..., :2] + a[..., 2:] - b[..., :2] - b[..., 2:]) / 2).pow(2).sum(-1)
    shape = (torch.atan(size_b[..., 0] / (size_b[..., 1] + 1e-7)) - torch.atan(size_a[..., 0] / (size_a[..., 1] + 1e-7))) ** 2
    shape = shape * 4 / torch.pi**2
    with torch.no_grad():
        weight = shape / (1 - overlap + shape + 1e-7)
    return overlap - away / (hull.pow(2).sum(-1) + 1e-7) - weight * shape


@torch.no_grad()
def assign(scores, boxes, points, truth, topk=9, alpha=0.5, beta=4.0):
    """Which cell answers for which object. Returns target classes [B, N, C] and boxes [B, N, 4], chosen cells [B, N]."""
    classes, corners = truth[..., 0].long(), truth[..., 1:]
    real = classes >= 0
    # Small things would have a cell or none to answer for them: theirs are those around them too.
    grown = corners.clone()
    room = (LEAST_REACH - (corners[..., 2:] - corners[..., :2])).clamp(0) / 2
    grown[..., :2] -= room
    grown[..., 2:] += room
    inside = torch.cat([points[None, None] - grown[:, :, None, :2], grown[:, :, None, 2:] - points[None, None]], -1)
    inside = (inside.min(-1).values > 0) & real[..., None]
    overlap = iou(corners[:, :, None], boxes[:, None]).clamp(0)
    likely = scores.gather(2, classes.clamp(0)[:, None].expand(-1, scores.shape[1], -1)).transpose(1, 2)
    metric = likely.pow(alpha) * overlap.pow(beta) * inside
    # An object too small to hold a cell's centre is answered for by the nearest one.
    centre = (corners[..., :2] + corners[..., 2:]) / 2
    nearest = (points[None, None] - centre[:, :, None]).pow(2).sum(-1).argmin(-1, keepdim=True)
    best = metric.topk(topk, -1)
    chosen = torch.zeros_like(metric, dtype=torch.bool).scatter_(2, best.indices, best.values > 1e-9)
    lonely = real & ~chosen.any(-1)
    chosen |= torch.zeros_like(chosen).scatter_(2, nearest, lonely[..., None])
    # A cell answers for one object only: for the one it overlaps most.
    rivals = chosen.sum(1) > 1
    winner = torch.zeros_like(chosen).scatter_(1, (overlap * chosen).argmax(1, keepdim=True), True)
    chosen = torch.where(rivals[:, None], chosen & winner, chosen)
    of = chosen.float().argmax(1)
    positive = chosen.any(1)
    target_boxes = corners.gather(1, of[..., None].expand(-1, -1, 4))
    metric = metric * chosen
    # The root: small and half hidden things never reach a high IoU, and their score, which a tracker's thresholds read,
    # should say more of whether they are there than of how well they are framed.
    quality = metric / (metric.amax(-1, keepdim=True) + 1e-9) * (overlap * chosen).amax(-1, keepdim=True).sqrt()
    quality = quality.amax(1)
    quality = torch.where(positive, quality.clamp(0.05), quality)
    target_classes = F.one_hot(classes.gather(1, of).clamp(0), len(CLASSES)) * (quality * positive)[..., None]
    return target_classes, target_boxes, positive


def yolo_loss(model, features, truth):
    sides, logits = model.raw(features)
    truth = truth[:, : max(1, int((truth[..., 0] >= 0).sum(1).max()))]
    sides, logits = sides.transpose(1, 2), logits.transpose(1, 2)
    points, strides = model.points, model.strides
    boxes = torch.cat([points - sides[..., :2] * strides, points + sides[..., 2:] * strides], -1)
    target_classes, target_boxes, positive = assign(logits.sigmoid(), boxes.detach(), points, truth)
    total = target_classes.sum().clamp(1)
    cls = F.binary_cross_entropy_with_logits(logits, target_classes, reduction="sum") / total
    weight = target_classes.sum(-1)[positive]
    box = ((1 - iou(boxes[positive], target_boxes[positive], complete=True)) * weight).sum() / total
    return cls + 5 * box


def depth_loss(predicted, inverse):
    """Scale and shift are nobody's business (Ranftl et al. 2020): both sides are set to median 0 and mean deviation 1,
    then compared, with their slopes at four scales."""
    inverse, mask = inverse[:, None], (inverse >= 0)[:, None].float()
    inverse = inverse.clamp(0, 0.5)
    a, b = normal(predicted, mask), normal(inverse, mask)
    # Far things differ little in inverse depth, and the error that counts is relative.
    weight = mask * (0.05 / (inverse + 0.02)).clamp(0.3, 2)
    loss = ((a - b).abs() * weight).sum() / weight.sum()
    for scale in (1, 2, 4, 8):
        d = (a - b)[..., ::scale, ::scale]
        m = mask[..., ::scale, ::scale]
        across = (d[..., 1:] - d[..., :-1]).abs() * m[..., 1:] * m[..., :-1]
        down = (d[..., 1:, :] - d[..., :-1, :]).abs() * m[..., 1:, :] * m[..., :-1, :]
        loss = loss + 0.25 * (across.sum() + down.sum()) / m.sum().clamp(1)
    return loss


def normal(x, mask):
    count = mask.sum((1, 2, 3), keepdim=True).clamp(1)
    mean = (x * mask).sum((1, 2, 3), keepdim=True) / count
    deviation = ((x - mean).abs() * mask).sum((1, 2, 3), keepdim=True) / count
    return (x - mean) / (deviation + 1e-4)
