"""Fits the feature synapses (features/*.npy) on the fitting characters. Not needed to run the model.

    pip install torch==2.15.0 numpy==2.4.6
    python fit_features.py                      # 12000 + 3000 updates, about 8 minutes on one core
    python fit_features.py OUTDIR 60 15         # a short run elsewhere

Two stages: first the same net with clipped rates and batch normalisation; then, batch
normalisation folded into weights and biases, the spiking net itself with a surrogate gradient.
Both see episodes of N classes with two drawings each; the score of a pair is the plain dot product
of two feature counts, which is what the chip's read-out computes. One thread and fixed seeds:
the same versions give the same bytes.
"""

import gzip
import os
import sys

import numpy as np
import torch
import torch.nn.functional as F

HERE = os.path.dirname(os.path.abspath(__file__))
OUT = sys.argv[1] if len(sys.argv) > 1 else HERE
RATE_UPDATES = int(sys.argv[2]) if len(sys.argv) > 2 else 12000
SPIKE_UPDATES = int(sys.argv[3]) if len(sys.argv) > 3 else 3000
CHANNELS = (8, 16, 32)
FULL_INK = 160  # grey level that fires in every step; Scale(1.59375) in model.ron
SHOWN = 16  # steps of a picture
KEEP, FLOOR = 0.95, -1.0  # membrane constants of model.ron; the threshold is 1
ACTIVITY_PRICE = 0.3

torch.manual_seed(0)
torch.set_num_threads(1)
torch.use_deterministic_algorithms(True)


def idx(name, header):
    with gzip.open(os.path.join(HERE, "data", name)) as file:
        return file.read()[header:]


def load():
    """Images (characters, 20 drawers, 28, 28) and the id of each character."""
    images = np.frombuffer(idx("omniglot-images-28x28-idx3-ubyte.gz", 16), np.uint8)
    index = np.frombuffer(idx("omniglot-index-idx2-short.gz", 12), ">i2").reshape(-1, 4)
    return images.reshape(-1, 20, 28, 28), index[::20, 0].astype(int)


def centred(image):
    """Shifts the centre of mass to the middle by whole pixels."""
    w = image.astype(np.int64)
    mass, axis = max(int(w.sum()), 1), np.arange(28)
    dy = (28 * mass - 2 * int((w.sum(1) * axis).sum())) // (2 * mass)
    dx = (28 * mass - 2 * int((w.sum(0) * axis).sum())) // (2 * mass)
    out = np.zeros_like(image)
    y0, y1, x0, x1 = max(0, dy), min(28, 28 + dy), max(0, dx), min(28, 28 + dx)
    out[y0:y1, x0:x1] = image[y0 - dy : y1 - dy, x0 - dx : x1 - dx]
    return out


def episode(pictures, n):
    """n classes, two drawings each, slightly distorted. Shape: (2n, 1, 28, 28)."""
    classes = torch.randperm(len(pictures))[:n]
    drawers = torch.stack([torch.randperm(20)[:2] for _ in range(n)])
    x = pictures[classes[:, None], drawers].reshape(-1, 1, 28, 28)
    m = len(x)
    angle, scale, shear = torch.randn(m) * 0.1, 1 + torch.randn(m) * 0.08, torch.randn(m) * 0.1
    a = torch.zeros(m, 2, 3)
    a[:, 0, 0] = torch.cos(angle) * scale
    a[:, 0, 1] = -torch.sin(angle) + shear
    a[:, 1, 0] = torch.sin(angle)
    a[:, 1, 1] = torch.cos(angle) / scale * (1 + torch.randn(m) * 0.05)
    a[:, :, 2] = torch.randn(m, 2) * 0.05
    return F.grid_sample(x, F.affine_grid(a, x.shape, align_corners=False), align_corners=False)


def loss_of(features, log_scale, activity):
    f = features.reshape(len(features) // 2, 2, -1)
    score = f[:, 0] @ f[:, 1].T * torch.exp(log_scale)
    truth = torch.arange(len(f))
    both = F.cross_entropy(score, truth) + F.cross_entropy(score.T, truth)
    return 0.5 * both + ACTIVITY_PRICE * sum(activity)


def train(net, pictures, updates, n, rate):
    optimiser = torch.optim.Adam(net.parameters(), rate)
    for update in range(updates):
        for group in optimiser.param_groups:
            group["lr"] = rate * max(0.02, 1 - update / updates)
        features, activity = net(episode(pictures, n))
        loss = loss_of(features, net.log_scale, activity)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        if update % 250 == 249:
            print(update + 1, round(loss.item(), 3), flush=True)


class Rates(torch.nn.Module):
    """The net with clipped rates in place of spikes."""

    def __init__(self):
        super().__init__()
        shapes = zip((1,) + CHANNELS[:-1], CHANNELS)
        self.conv = torch.nn.ModuleList(
            torch.nn.Conv2d(i, o, 5 if k == 0 else 3, 2, 2 if k == 0 else 1, bias=False)
            for k, (i, o) in enumerate(shapes)
        )
        self.norm = torch.nn.ModuleList(torch.nn.BatchNorm2d(o) for o in CHANNELS)
        self.log_scale = torch.nn.Parameter(torch.tensor(0.5))

    def forward(self, x):
        activity = []
        for conv, norm in zip(self.conv, self.norm):
            x = torch.clamp(0.5 * norm(conv(x)), 0, 1)
            activity.append(x.mean())
        return x.flatten(1), activity


class Spike(torch.autograd.Function):
    """Strict threshold at 1; a triangle stands in for its derivative."""

    @staticmethod
    def forward(ctx, v):
        ctx.save_for_backward(v)
        return (v > 1).float()

    @staticmethod
    def backward(ctx, gradient):
        (v,) = ctx.saved_tensors
        return gradient * torch.clamp(1 - (v - 1).abs(), min=0)


class Spikes(torch.nn.Module):
    """The net as the chip runs it: one step of latency per projection."""

    def __init__(self, rates):
        super().__init__()
        self.kernel, self.bias = torch.nn.ParameterList(), torch.nn.ParameterList()
        for conv, norm in zip(rates.conv, rates.norm):
            gain = (0.5 * norm.weight / torch.sqrt(norm.running_var + norm.eps)).detach()
            self.kernel.append(torch.nn.Parameter(conv.weight.detach() * gain[:, None, None, None]))
            self.bias.append(
                torch.nn.Parameter(0.5 * norm.bias.detach() - gain * norm.running_mean)
            )
        self.log_scale = torch.nn.Parameter(rates.log_scale.detach().clone())

    def forward(self, x):
        phase, spikes = torch.zeros_like(x), []
        for step in range(SHOWN + len(CHANNELS)):
            out = torch.zeros_like(x)
            if step < SHOWN:
                phase = phase + x
                out = (phase >= 1 - 1e-6).float()
                phase = phase - out
            spikes.append(out)
        spikes, activity = torch.stack(spikes), []
        for kernel, bias in zip(self.kernel, self.bias):
            late = torch.cat([torch.zeros_like(spikes[:1]), spikes[:-1]])
            q = F.conv2d(late.flatten(0, 1), kernel, None, 2, kernel.shape[-1] // 2)
            q = q.reshape(*late.shape[:2], *q.shape[1:])
            v, spikes = torch.zeros_like(q[0]), []
            for step in range(len(q)):
                v = torch.clamp(KEEP * v + q[step] + bias[:, None, None], min=FLOOR)
                out = Spike.apply(v)
                v = v * (1 - out.detach())
                spikes.append(out)
            spikes = torch.stack(spikes)
            activity.append(spikes.mean())
        return spikes.sum(0).flatten(1) / SHOWN, activity


def main():
    images, ids = load()
    # 461 of the characters are set aside as test characters before anything is looked at.
    order = np.random.Generator(np.random.PCG64(20260)).permutation(len(ids))
    fitted = np.sort(np.concatenate([np.sort(order[:850]), np.sort(order[850:1000])]))
    flat = images[fitted].reshape(-1, 28, 28)
    shifted = np.stack([centred(image) for image in flat]).reshape(-1, 20, 28, 28)
    pictures = torch.from_numpy(np.minimum(shifted.astype(np.float32) / FULL_INK, 1))
    pictures = torch.cat([torch.rot90(pictures, k, (2, 3)) for k in range(4)])
    rates = Rates()
    train(rates, pictures, RATE_UPDATES, 64, 2e-3)
    net = Spikes(rates)
    train(net, pictures, SPIKE_UPDATES, 32, 1e-3)
    os.makedirs(os.path.join(OUT, "features"), exist_ok=True)
    for k, side in enumerate((14, 7, 4)):
        kernel = net.kernel[k].detach().numpy().astype(np.float32)
        bias = net.bias[k].detach().numpy().astype(np.float32)
        np.save(os.path.join(OUT, "features", f"kernel{k + 1}.npy"), kernel)
        np.save(os.path.join(OUT, "features", f"bias{k + 1}.npy"), np.repeat(bias, side * side))
    os.makedirs(os.path.join(OUT, "data"), exist_ok=True)
    with open(os.path.join(OUT, "data", "fitted-characters.txt"), "w") as file:
        file.write("\n".join(str(i) for i in sorted(ids[fitted])) + "\n")


main()
