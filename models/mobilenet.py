"""MobileNet: every 3x3 convolution split into a depthwise and a pointwise one.

Howard, Zhu, Chen, Kalenichenko, Wang, Weyand, Andreetto, Adam 2017, "MobileNets: Efficient
Convolutional Neural Networks for Mobile Vision Applications", table 1 (whose last depthwise row
says stride 2 on a 7x7 input with a 7x7 output: it must be 1). Keys as in timm's
`mobilenetv1_100`: ReLU6, symmetric padding.
"""

from torch import Tensor, nn

from models.architecture import Architecture, Network

# one tuple a stage: (channels, stride) of each block
STAGES = (
    ((64, 1),),
    ((128, 2), (128, 1)),
    ((256, 2), (256, 1)),
    ((512, 2), *((512, 1),) * 5),
    ((1024, 2), (1024, 1)),
)


class DepthwiseSeparable(nn.Module):
    def __init__(self, channels: int, width: int, stride: int) -> None:
        super().__init__()
        self.conv_dw = nn.Conv2d(
            channels, channels, 3, stride, padding=1, groups=channels, bias=False
        )
        self.bn1 = nn.BatchNorm2d(channels)
        self.conv_pw = nn.Conv2d(channels, width, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(width)
        self.relu = nn.ReLU6(inplace=True)

    def forward(self, x: Tensor) -> Tensor:
        x = self.relu(self.bn1(self.conv_dw(x)))
        y: Tensor = self.relu(self.bn2(self.conv_pw(x)))
        return y


class MobileNetV1(Network):
    def __init__(self, classes: int = 1000) -> None:
        super().__init__()
        self.conv_stem = nn.Conv2d(3, 32, 3, stride=2, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(32)
        self.relu = nn.ReLU6(inplace=True)
        self.blocks = nn.Sequential()
        channels = 32
        for stage in STAGES:
            row = nn.Sequential()
            for width, stride in stage:
                row.append(DepthwiseSeparable(channels, width, stride))
                channels = width
            self.blocks.append(row)
        self.classifier = nn.Linear(channels, classes)

    def maps(self, x: Tensor) -> Tensor:  #            [n, 3, 224, 224]
        x = self.relu(self.bn1(self.conv_stem(x)))  #  [n, 32, 112, 112]
        y: Tensor = self.blocks(x)  #                  [n, 1024, 7, 7]
        return y

    @property
    def head(self) -> tuple[nn.Module, ...]:
        return (self.classifier,)


ARCHITECTURES = (
    Architecture(
        name="mobilenet_v1",
        family="MobileNet",
        year=2017,
        paper="MobileNets: Efficient Convolutional Neural Networks for Mobile Vision Applications",
        channels=3,
        size=224,
        classes=1000,
        parameters=4_231_976,
        macs=568_740_352,
        head="linear",
        build=MobileNetV1,
    ),
)
