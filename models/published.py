"""Where the published weights of each network lie, and how an image must be prepared for them.

Facts from the weight tables of torchvision 0.28.0 and the configuration of timm 1.0.31. Both
publishers license their code (BSD-3-Clause, Apache-2.0); torchvision says nothing separate about
its weights, which were trained on ImageNet-1k, a set with terms of its own.
"""

from dataclasses import dataclass

from models.card import Interpolation, Preprocessing


@dataclass(frozen=True, slots=True)
class Published:
    """One published file of weights.

    `sha256` is the file's hash or, as far as it is known, how that begins; empty where the
    publisher states none. `top1` and `top5` are the publisher's, in percent, on the validation set
    of ILSVRC 2012. `renames` turn the file's keys into ours (regular expression, replacement);
    keys in which one of `dropped` is found are left out.
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
    labels: str = "imagenet"
    trained_on: str = "ImageNet-1k"
    publisher: str = "torchvision 0.28.0"
    license: str = "BSD-3-Clause"

    @property
    def filename(self) -> str:
        return self.file or self.url.rsplit("/", 1)[-1]


def prepared(
    mean: tuple[float, ...], std: tuple[float, ...], interpolation: Interpolation = "bilinear"
) -> Preprocessing:
    return Preprocessing(3, 224, 256, interpolation, mean, std)


IMAGENET = prepared((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))
HALF = (0.5, 0.5, 0.5)

# torchvision's DenseNet files are older than its names: denselayer1.norm.1 became norm1
DENSENET_KEYS = ((r"(denselayer\d+\.(?:norm|conv))\.([12])\.", r"\1\2."),)


def torchvision(  # noqa: PLR0913  the columns of the table below
    architecture: str,
    stem: str,
    top1: float,
    top5: float,
    *,
    preprocessing: Preprocessing = IMAGENET,
    renames: tuple[tuple[str, str], ...] = (),
    dropped: tuple[str, ...] = (),
) -> Published:
    """A row whose file is named `<stem>.pth`; the stem ends in the first 8 digits of the hash."""
    return Published(
        architecture=architecture,
        url=f"https://download.pytorch.org/models/{stem}.pth",
        sha256=stem.rsplit("-", 1)[-1],
        preprocessing=preprocessing,
        top1=top1,
        top5=top5,
        renames=renames,
        dropped=dropped,
    )


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
        preprocessing=prepared(HALF, HALF),
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


def published(architecture: str) -> Published:
    """The published weights of that network; a `ValueError` says that there are none."""
    for row in PUBLISHED:
        if row.architecture == architecture:
            return row
    raise ValueError(
        f"no published weights are known for {architecture}: "
        "give --weights random, or --weights FILE with weights of your own"
    )
