"""Where the published weights of each network lie, and how an image must be prepared for them.

Facts from torchvision 0.28.0, from timm 1.0.31 (and 0.6.13, where it still names files that carry
their hash) with its table of results, and from Cadene's pretrainedmodels 0.7.4. All three license
their code and say nothing separate about the weights, which were trained on ImageNet-1k, a set with
terms of its own. torchvision trained its own; the SENets, DPNs, Inceptions and NASNets are their
authors' weights, converted from Caffe, MXNet and TensorFlow.
"""

from dataclasses import dataclass
from functools import partial
from typing import Any

from models.card import Interpolation, Preprocessing

PYTORCH = "https://download.pytorch.org/models"
GITHUB = "https://github.com/rwightman"
WEIGHTS = f"{GITHUB}/pytorch-image-models/releases/download/v0.1-weights"
CADENE = f"{GITHUB}/pytorch-image-models/releases/download/v0.1-cadene"
DPN = f"{GITHUB}/pytorch-dpn-pretrained/releases/download/v0.1"


@dataclass(frozen=True, slots=True)
class Published:
    """One published file of weights.

    `sha256` is the file's hash or, as far as it is known, how that begins; empty where the
    publisher states none. `top1` and `top5` are the publisher's, in percent, on the validation set
    of ILSVRC 2012. `renames` turn the file's keys into ours (regular expression, replacement);
    keys in which one of `dropped` is found are left out. `background` names the layer whose first
    row is a class that ImageNet-1k does not have.
    """

    architecture: str
    url: str
    sha256: str
    preprocessing: Preprocessing
    top1: float
    top5: float
    name: str = "imagenet-v1"
    file: str = ""  # its name in the cache; empty: the last part of `url`
    renames: tuple[tuple[str, str], ...] = ()
    dropped: tuple[str, ...] = ()
    background: str = ""
    labels: str = "imagenet"
    trained_on: str = "ImageNet-1k"
    publisher: str = "torchvision 0.28.0"
    license: str = "BSD-3-Clause"

    @property
    def filename(self) -> str:
        return self.file or self.url.rsplit("/", 1)[-1]


def prepared(
    mean: tuple[float, ...],
    std: tuple[float, ...],
    interpolation: Interpolation = "bilinear",
    *,
    size: int = 224,
    resize: int = 256,
) -> Preprocessing:
    return Preprocessing(3, size, resize, interpolation, mean, std)


IMAGENET = prepared((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))
HALF = (0.5, 0.5, 0.5)
# MXNet's: (pixel - (124, 117, 104)) 0.0167, of pixels up to 255
MXNET = prepared((124 / 255, 117 / 255, 104 / 255), (1 / (0.0167 * 255),) * 3, "bicubic")

# torchvision's DenseNet files are older than its names: denselayer1.norm.1 became norm1
DENSENET_KEYS = ((r"(denselayer\d+\.(?:norm|conv))\.([12])\.", r"\1\2."),)


def row(
    folder: str,
    architecture: str,
    stem: str,
    top1: float,
    top5: float,
    preprocessing: Preprocessing = IMAGENET,
    **more: Any,
) -> Published:
    """A row whose file is named `<stem>.pth`; the stem ends in the first digits of the hash."""
    url, sha256 = f"{folder}/{stem}.pth", stem.rsplit("-", 1)[-1]
    return Published(architecture, url, sha256, preprocessing, top1, top5, **more)


torchvision = partial(row, PYTORCH)
timm = partial(row, publisher="timm 1.0.31", license="Apache-2.0")

MORE = "ImageNet-5k, then ImageNet-1k"

PUBLISHED = (
    torchvision("alexnet", "alexnet-owt-7be5be79", 56.522, 79.066),
    torchvision("vgg11", "vgg11-8a719046", 69.02, 88.628),
    torchvision("vgg11_bn", "vgg11_bn-6002323d", 70.37, 89.81),
    torchvision("vgg13", "vgg13-19584684", 69.928, 89.246),
    torchvision("vgg13_bn", "vgg13_bn-abd245e5", 71.586, 90.374),
    torchvision("vgg16", "vgg16-397923af", 71.592, 90.382),
    torchvision("vgg16_bn", "vgg16_bn-6c64b313", 73.36, 91.516),
    torchvision("vgg19", "vgg19-dcbb9e9d", 72.376, 90.876),
    torchvision("vgg19_bn", "vgg19_bn-c79401a0", 74.218, 91.842),
    torchvision(  # trained on (pixel - 0.5) / 0.5, which torchvision makes inside the network
        "googlenet",
        "googlenet-1378be20",
        69.778,
        89.53,
        prepared(HALF, HALF),
        dropped=(r"^aux[12]\.",),
    ),
    torchvision("resnet18", "resnet18-f37072fd", 69.758, 89.078),
    torchvision("resnet34", "resnet34-b627a593", 73.314, 91.42),
    torchvision("resnet50", "resnet50-0676ba61", 76.13, 92.862),
    torchvision("resnet101", "resnet101-63fe2227", 77.374, 93.546),
    torchvision("resnet152", "resnet152-394f9c45", 78.312, 94.046),
    torchvision("wide_resnet50_2", "wide_resnet50_2-95faca4d", 78.468, 94.086),
    torchvision("wide_resnet101_2", "wide_resnet101_2-32ee1156", 78.848, 94.284),
    torchvision("resnext50_32x4d", "resnext50_32x4d-7cdf4587", 77.618, 93.698),
    torchvision("resnext101_32x8d", "resnext101_32x8d-8ba56ff5", 79.312, 94.526),
    torchvision("densenet121", "densenet121-a639ec97", 74.434, 91.972, renames=DENSENET_KEYS),
    torchvision("densenet161", "densenet161-8d451a50", 77.138, 93.56, renames=DENSENET_KEYS),
    torchvision("densenet169", "densenet169-b2777c0a", 75.6, 92.806, renames=DENSENET_KEYS),
    torchvision("densenet201", "densenet201-c1103571", 76.896, 93.37, renames=DENSENET_KEYS),
    torchvision("squeezenet1_0", "squeezenet1_0-b66bff10", 58.092, 80.42),
    torchvision("squeezenet1_1", "squeezenet1_1-b8a52dc0", 58.178, 80.624),
    timm(CADENE, "se_resnet50", "se_resnet50-ce0d4300", 77.65, 93.732),
    timm(WEIGHTS, "senet154", "legacy_senet154-e9eb9fe6", 81.32, 95.502),
    timm(DPN, "dpn68", "dpn68-66bebafa7", 76.304, 92.994, MXNET),
    timm(DPN, "dpn68b", "dpn68b_extra-84854c156", 77.494, 93.834, MXNET, trained_on=MORE),
    timm(DPN, "dpn92", "dpn92_extra-b040e4a9b", 80.032, 94.876, MXNET, trained_on=MORE),
    timm(DPN, "dpn98", "dpn98-5b90dec4d", 79.664, 94.644, MXNET),
    timm(DPN, "dpn131", "dpn131-71dfe43e0", 79.836, 94.708, MXNET),
    timm(
        CADENE,
        "inception_v4",
        "inceptionv4-8e4777a0",
        80.144,
        94.982,
        prepared(HALF, HALF, "bicubic", size=299, resize=341),
        background="last_linear",
    ),
    timm(
        WEIGHTS,
        "inception_resnet_v2",
        "inception_resnet_v2-940b1cd6",
        80.434,
        95.312,
        prepared(HALF, HALF, "bicubic", size=299, resize=333),
        background="classif",
    ),
    timm(
        WEIGHTS,
        "nasnet_a_large",
        "nasnetalarge-dc4a7b8b",
        82.638,
        96.066,
        prepared(HALF, HALF, "bicubic", size=331, resize=363),
        background="last_linear",
    ),
    Published(
        architecture="nasnet_a_mobile",
        url="https://github.com/veronikayurchuk/pretrained-models.pytorch/releases/download/v1.0/"
        "nasnetmobile-7e03cead.pth.tar",  # plain .pth, whatever it is called
        sha256="7e03cead",
        file="nasnetamobile-7e03cead.pth",
        preprocessing=prepared(HALF, HALF),
        top1=74.08,
        top5=91.74,
        publisher="pretrainedmodels 0.7.4",
    ),
    Published(
        architecture="mobilenet_v1",
        name="imagenet-ra4",
        # no hash is published beside it, but the address names one commit for good
        url="https://huggingface.co/timm/mobilenetv1_100.ra4_e3600_r224_in1k/resolve/"
        "dda9ab42e23f3061aa191630817df76e8fe9cace/model.safetensors",
        sha256="",
        file="mobilenetv1_100.ra4_e3600_r224_in1k.safetensors",
        preprocessing=prepared(HALF, HALF, "bicubic"),
        top1=75.388,
        top5=92.31,
        publisher="timm 1.0.31",
        license="Apache-2.0",
    ),
)


def published(architecture: str) -> Published | None:
    """The published weights of that network; None where there are none."""
    return next((row for row in PUBLISHED if row.architecture == architecture), None)
