"""The two street networks. Plain convolutions and ReLU: what every execution provider runs fast."""
import torch
from torch import nn

WIDTH, HEIGHT = 384, 224
CLASSES = ["person", "bicycle", "car", "van", "bus", "sign"]
STRIDES = (8, 16, 32)
# Channels at strides 2, 4, 8, 16, 32.
WIDTHS = (12, 16, 40, 72, 104)


class Conv(nn.Sequential):
    """Convolution, batch norm (folded into it at export), ReLU."""

    def __init__(self, cin, cout, kernel=3, stride=1, groups=1, act=True):
        super().__init__(
            nn.Conv2d(cin, cout, kernel, stride, kernel // 2, groups=groups, bias=False),
            nn.BatchNorm2d(cout, eps=1e-3, momentum=0.03),
            *([nn.ReLU(inplace=True)] if act else []),
        )


class Block(nn.Module):
    """Residual pair of 3 x 3 convolutions at half width."""

    def __init__(self, width):
        super().__init__()
        self.body = nn.Sequential(Conv(width, width // 2), Conv(width // 2, width, act=False))
        self.act = nn.ReLU(inplace=True)

    def forward(self, x):
        return self.act(x + self.body(x))


class Backbone(nn.Module):
    def __init__(self, widths):
        super().__init__()
        w2, w4, w8, w16, w32 = widths
        # A third of all activations are the first layer's: a norm there costs a tenth of the training for nothing.
        first = nn.Sequential(nn.Conv2d(3, w2, 3, 2, 1), nn.ReLU(inplace=True))
        self.stem = nn.Sequential(first, Conv(w2, w4, 3, 2))
        self.s8 = nn.Sequential(Conv(w4, w8, 3, 2), Block(w8))
        self.s16 = nn.Sequential(Conv(w8, w16, 3, 2), Block(w16), Block(w16))
        self.s32 = nn.Sequential(Conv(w16, w32, 3, 2), Block(w32))

    def forward(self, x):
        x4 = self.stem(x)
        x8 = self.s8(x4)
        x16 = self.s16(x8)
        return x4, x8, x16, self.s32(x16)


class StreetYolo(nn.Module):
    """Output as YOLOv8's: [1, 4 + classes, anchors], centre x, y, width, height in px, class probabilities."""

    def __init__(self, widths=WIDTHS, neck=32):
        super().__init__()
        self.backbone = Backbone(widths)
        _, _, w8, w16, w32 = widths
        self.lateral = nn.ModuleList([Conv(w, neck, 1) for w in (w8, w16, w32)])
        self.smooth = nn.ModuleList([Conv(neck, neck) for _ in STRIDES])
        self.down = nn.ModuleList([Conv(neck, neck, 3, 2) for _ in STRIDES[1:]])
        # One head for both: at this size a convolution more is better spent before it.
        self.head = nn.ModuleList([nn.Sequential(Conv(neck, neck), nn.Conv2d(neck, 4 + len(CLASSES), 1)) for _ in STRIDES])
        for head in self.head:
            nn.init.constant_(head[-1].bias[:4], 1.0)
            nn.init.constant_(head[-1].bias[4:], -4.6)
        points, strides = grid()
        self.register_buffer("points", points, persistent=False)
        self.register_buffer("strides", strides, persistent=False)

    def raw(self, features):
        """Of what the backbone gives: distances to the four sides in strides [B, 4, N], class logits [B, C, N]."""
        _, x8, x16, x32 = features
        p = [lateral(x) for lateral, x in zip(self.lateral, (x8, x16, x32))]
        for i in (1, 0):
            p[i] = p[i] + nn.functional.interpolate(p[i + 1], scale_factor=2.0, mode="nearest")
        p = [smooth(x) for smooth, x in zip(self.smooth, p)]
        for i in (1, 2):
            p[i] = p[i] + self.down[i - 1](p[i - 1])
        sides, logits = torch.cat([head(x).flatten(2) for head, x in zip(self.head, p)], 2).split((4, len(CLASSES)), 1)
        return nn.functional.softplus(sides), logits

    def forward(self, x):
        sides, logits = self.raw(self.backbone(x))
        sides = sides * self.strides.T[None]
        left, top, right, bottom = sides.split(1, 1)
        px, py = self.points.T[None].split(1, 1)
        boxes = [px + (right - left) / 2, py + (bottom - top) / 2, left + right, top + bottom]
        return torch.cat([*boxes, logits.sigmoid()], 1)


class StreetDepth(nn.Module):
    """Relative inverse depth at half the input's size: [1, 1, HEIGHT / 2, WIDTH / 2], larger is nearer."""

    def __init__(self, widths=WIDTHS):
        super().__init__()
        self.backbone = Backbone(widths)
        _, w4, w8, w16, w32 = widths
        self.lateral = nn.ModuleList([Conv(w, 32, 1) for w in (w4, w8, w16, w32)])
        self.smooth = nn.ModuleList([Conv(32, 32) for _ in range(3)])
        self.last = nn.Sequential(Conv(32, 16), nn.Conv2d(16, 4, 1), nn.PixelShuffle(2), nn.ReLU())

    def forward(self, x):
        return self.map(self.backbone(x))

    def map(self, features):
        p = [lateral(x) for lateral, x in zip(self.lateral, features)]
        for i in (2, 1, 0):
            p[i] = self.smooth[i](p[i] + nn.functional.interpolate(p[i + 1], scale_factor=2.0, mode="nearest"))
        return self.last(p[0])


def grid():
    """Centres of all cells, px, [N, 2], and their strides, [N, 1]: stride after stride, row after row."""
    points, strides = [], []
    for stride in STRIDES:
        ys, xs = torch.meshgrid(torch.arange(HEIGHT // stride), torch.arange(WIDTH // stride), indexing="ij")
        points.append((torch.stack([xs, ys], -1).reshape(-1, 2) + 0.5) * stride)
        strides.append(torch.full((points[-1].shape[0], 1), float(stride)))
    return torch.cat(points).float(), torch.cat(strides)


def fold(model):
    """Batch norms folded into the convolutions before them, for export."""
    model.eval()
    for module in model.modules():
        if isinstance(module, Conv):
            module[0] = nn.utils.fusion.fuse_conv_bn_eval(module[0], module[1])
            module[1] = nn.Identity()
    return model
