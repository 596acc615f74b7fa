"""The whole recipe. Every key is honoured by the training loop; any other is refused."""

from __future__ import annotations

from typing import Literal, Self

from pydantic import ConfigDict, Field, model_validator

from cnncli.formats.yaml_scalar import Scalar
from cnncli.recipe.data import Data
from cnncli.recipe.optimizer import AnyOptimizer, Sgd
from cnncli.recipe.schedule import AnySchedule, Constant, WarmSchedule
from cnncli.recipe.section import Section, clash


class Model(Section):
    """The network to train; keys other than `name` are its own arguments, as in `activation: relu`."""

    model_config = ConfigDict(extra="allow")
    __pydantic_extra__: dict[str, Scalar]

    name: str = Field(
        description="a built-in network and, where it is not the default, its edition: lenet@classic; torchvision:NAME, "
        "timm:NAME, or the path of a net.yaml"
    )
    weights: str | None = Field(
        default=None,
        description="first weights: torchvision:resnet18, a .safetensors or .pt file, or a run folder; null: drawn as train.init "
        "says, as is a last layer that was made for another number of classes",
    )
    frozen: tuple[str, ...] = Field(
        default=(),
        strict=False,  # a list may stand for the tuple
        max_length=1000,
        description="layers that are not trained, by name: conv1, conv*, or block1 for all that is in it",
    )

    @property
    def arguments(self) -> dict[str, Scalar]:
        """The network's own arguments."""
        return dict(self.__pydantic_extra__)


class Train(Section):
    """The loop."""

    epochs: int = Field(default=10, ge=1, le=100_000, description="passes over the training images")
    label_smoothing: float = Field(default=0.0, ge=0, lt=1, description="share of the target spread over all classes")
    clip_norm: float | None = Field(
        default=None, gt=0, description="longest gradient allowed, as the 2-norm over all weights; null: any"
    )
    accumulate: int = Field(
        default=1, ge=1, le=10_000, description="batches that one step of the optimizer learns from"
    )
    mixup: float = Field(
        default=0.0,
        ge=0,
        le=100,
        description="mix each image with another of its batch, in shares from a beta distribution with this alpha; 0: do not",
    )
    cutmix: float = Field(
        default=0.0,
        ge=0,
        le=100,
        description="put a rectangle of another image into each, its size from a beta distribution with this alpha; 0: do not. "
        "With mixup too, each batch gets one of the two",
    )
    ema: float | None = Field(
        default=None,
        gt=0,
        lt=1,
        description="classify and keep a running mean of the weights, of which each step keeps this share, as in 0.99; null: the "
        "weights themselves",
    )
    init: Literal["xavier", "kaiming", "positive", "default"] = Field(
        default="xavier",
        description="first weights: xavier and kaiming draw uniformly, positive is xavier with scores at 1 that go through a ReLU, "
        "default is what torch or the library does; without, a library's network keeps its own",
    )
    precision: Literal["auto", "float32", "bfloat16", "float16"] = Field(
        default="auto",
        description="numbers of the forward pass; auto: bfloat16 where the device has instructions for it and, on a CPU, a short "
        "race at the start shows that it gains, else float32. float16, for GPUs that have none for bfloat16, scales the loss so "
        "that small gradients do not vanish",
    )
    memory_format: Literal["auto", "channels_last", "contiguous"] = Field(
        default="auto", description="order of a batch in memory; auto: as suits the device"
    )
    compile: bool = Field(
        default=False,
        description="run the network through torch.compile: some seconds more at first, less at every step",
    )
    checkpoint_steps: int | None = Field(
        default=None,
        ge=1,
        description="steps from one checkpoint to the next within an epoch; null: seconds alone decide",
    )
    checkpoint_seconds: float | None = Field(
        default=60.0,
        gt=0,
        description="seconds from one checkpoint to the next within an epoch, or 50 times what writing one takes if that is more; "
        "null: steps alone decide",
    )


class Stop(Section):
    """When to stop before the last epoch."""

    patience: int | None = Field(
        default=None,
        ge=1,
        le=100_000,
        description="stop after so many epochs without a lower validation loss; null: never",
    )
    target_acc: float | None = Field(
        default=None,
        gt=0,
        le=1,
        description="stop at this accuracy on the validation split, or on the test split where there is none; null: never",
    )
    when_dead: bool = Field(
        default=False,
        description="stop after two epochs or more that are no better than guessing, with exit code 1",
    )


class Recipe(Section):
    """A training run; with the machine it runs on, it decides every number that comes out."""

    kind: Literal["recipe"] = Field(default="recipe", description="what the file is")
    model: Model = Field(description="the network to train, and its own arguments")
    data: Data = Field(description="the images to train on")
    optimizer: AnyOptimizer = Field(default=Sgd(), description="how a gradient moves the weights")
    schedule: AnySchedule = Field(default=Constant(), description="how the learning rate changes")
    train: Train = Field(default=Train(), description="the loop")
    stop: Stop = Field(default=Stop(), description="when to stop before the last epoch")
    seed: int = Field(default=0, ge=0, lt=2**32, description="decides first weights, order of images, augmentation")

    @model_validator(mode="after")
    def _sections_agree(self) -> Self:
        warmup = self.schedule.warmup_epochs if isinstance(self.schedule, WarmSchedule) else 0.0
        if warmup > self.train.epochs:
            wrong = f"{warmup:g} is longer than the training; write at most train.epochs, {self.train.epochs}"
            clash(("schedule", "warmup_epochs"), wrong)
        return self
