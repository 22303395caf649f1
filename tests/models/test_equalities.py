"""Two ways to write one layer give the same numbers; the papers' formulas beside our modules."""

import pytest
import torch
from torch import Tensor, nn
from torch.nn.functional import batch_norm, conv2d, linear

from models.mobilenet import DepthwiseSeparable
from models.resnet import X32x4
from models.senet import SqueezeExcitation


@pytest.fixture(autouse=True)
def seed() -> None:
    torch.manual_seed(1)


def prepare(module: nn.Module) -> None:
    """Double precision, and normalisation that is not the identity, so that a lost one shows."""
    module.double().eval().requires_grad_(requires_grad=False)
    for tensor in module.state_dict().values():
        if tensor.dim() == 1:
            tensor.uniform_(0.5, 2)


def images(channels: int) -> Tensor:
    return torch.randn(2, channels, 9, 7, dtype=torch.float64)


def normed(x: Tensor, norm: nn.BatchNorm2d, own: slice) -> Tensor:
    """Some channels of what `norm` would do."""
    of = {name: tensor[own] for name, tensor in norm.state_dict().items() if tensor.dim()}
    mean, var = of["running_mean"], of["running_var"]
    return batch_norm(x, mean, var, of["weight"], of["bias"], eps=norm.eps)


def test_a_resnext_block_is_the_sum_of_its_32_paths() -> None:
    """Xie et al. 2016, equation 3: figure 3(c), as it is built, computes figure 3(a)."""
    block = X32x4(256, 64, 1)
    prepare(block)
    x = images(256)
    total = torch.zeros_like(x)
    for path in range(32):
        own = slice(4 * path, 4 * path + 4)
        y = normed(conv2d(x, block.conv1.weight[own]), block.bn1, own).relu()
        y = normed(conv2d(y, block.conv2.weight[own], padding=1), block.bn2, own).relu()
        total += conv2d(y, block.conv3.weight[:, own])
    assert torch.allclose(block(x), (block.bn3(total) + x).relu())


@pytest.mark.parametrize("stride", [1, 2])
def test_a_depthwise_separable_block_is_a_filter_a_channel_and_a_matrix(stride: int) -> None:
    """Howard et al. 2017, section 3.1 and figure 3."""
    block = DepthwiseSeparable(6, 10, stride)
    prepare(block)
    x = images(6)
    w = block.conv_dw.weight
    channels = [conv2d(x[:, c, None], w[c, None], None, stride, padding=1) for c in range(6)]
    y = block.bn1(torch.cat(channels, 1)).clamp(0, 6)
    y = torch.einsum("oc,nchw->nohw", block.conv_pw.weight[:, :, 0, 0], y)
    assert torch.allclose(block(x), block.bn2(y).clamp(0, 6))


@pytest.mark.parametrize("stride", [1, 2])
def test_without_a_nonlinearity_between_them_the_two_are_one_convolution(stride: int) -> None:
    """Its kernel is of rank one: o, c, i, j -> pointwise[o, c] depthwise[c, i, j]."""
    block = DepthwiseSeparable(6, 10, stride)
    prepare(block)
    x = images(6)
    kernel = torch.einsum(
        "oc,cij->ocij", block.conv_pw.weight[:, :, 0, 0], block.conv_dw.weight[:, 0]
    )
    assert torch.allclose(
        block.conv_pw(block.conv_dw(x)), conv2d(x, kernel, stride=stride, padding=1)
    )


@pytest.mark.parametrize("reduction", [4, 8, 16, 32])
def test_squeeze_and_excitation_is_its_three_formulas(reduction: int) -> None:
    """Hu et al. 2017, equations 2, 3 and 4, with the biases of the published weights."""
    module = SqueezeExcitation(64, reduction)
    prepare(module)
    x = images(64)
    z = x.sum((2, 3)) / (9 * 7)
    hidden = linear(z, module.fc1.weight.flatten(1), module.fc1.bias).clamp(min=0)
    s = 1 / (1 + torch.exp(-linear(hidden, module.fc2.weight.flatten(1), module.fc2.bias)))
    assert hidden.shape == (2, 64 // reduction)
    assert torch.allclose(module(x), s[:, :, None, None] * x)
