"""`optimizer:` how a gradient moves the weights; a class for each name, with the keys that it honours."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, Tag, model_validator

from cnncli.recipe.section import Section, by_name, clash


class Optimizer(Section):
    """What all optimizers have."""

    name: str
    lr: float
    weight_decay: float = Field(default=0.0, ge=0, description="this share of each weight joins its gradient")


class Sgd(Optimizer):
    """Stochastic gradient descent: against the gradient, `lr` times its size."""

    name: Literal["sgd"] = Field(default="sgd", description="stochastic gradient descent")
    lr: float = Field(default=0.1, gt=0, description="learning rate, the largest that the schedule reaches")
    momentum: float = Field(default=0.0, ge=0, lt=1, description="share of the last step carried over into the next")
    nesterov: bool = Field(default=False, description="look ahead along the momentum; needs a momentum")

    @model_validator(mode="after")
    def _nesterov_has_momentum(self) -> Self:
        if self.nesterov and not self.momentum:
            clash(("nesterov",), "needs a momentum; write momentum: 0.9 as well, or nesterov: false")
        return self


class Moments(Optimizer):
    """What Adam and its kin have."""

    beta1: float = Field(default=0.9, ge=0, lt=1, description="share of the running mean of gradients kept at a step")
    beta2: float = Field(default=0.999, ge=0, lt=1, description="the same for the running mean of their squares")
    eps: float = Field(default=1e-8, ge=0, description="joins the root of that mean, so that no step divides by 0")


class Adam(Moments):
    """Steps scaled for each weight by running means of its gradient and the square (Kingma and Ba, 2014)."""

    name: Literal["adam"] = Field(default="adam", description="a step size for each weight")
    lr: float = Field(default=1e-3, gt=0, description="learning rate, the largest that the schedule reaches")


class AdamW(Moments):
    """Adam with weight decay apart from the gradient (Loshchilov and Hutter, 2017)."""

    name: Literal["adamw"] = Field(default="adamw", description="Adam with weight decay apart from the gradient")
    lr: float = Field(default=1e-3, gt=0, description="learning rate, the largest that the schedule reaches")
    weight_decay: float = Field(default=1e-2, ge=0, description="a step takes lr times this share off each weight")


class RMSprop(Optimizer):
    """Steps scaled for each weight by a running mean of its squared gradient (Hinton's course, 2012)."""

    name: Literal["rmsprop"] = Field(default="rmsprop", description="a step size for each weight, older than adam")
    lr: float = Field(default=1e-3, gt=0, description="learning rate, the largest that the schedule reaches")
    momentum: float = Field(default=0.0, ge=0, lt=1, description="share of the last step carried over into the next")
    alpha: float = Field(default=0.99, ge=0, lt=1, description="share of the running mean of squares kept at a step")
    eps: float = Field(default=1e-8, ge=0, description="joins the root of that mean, so that no step divides by 0")


class Adadelta(Optimizer):
    """Steps scaled by running means of squared gradients and of squared steps (Zeiler, 2012)."""

    name: Literal["adadelta"] = Field(default="adadelta", description="finds its own step size")
    lr: float = Field(default=1.0, gt=0, description="factor on the step that it finds")
    rho: float = Field(default=0.9, ge=0, lt=1, description="share of the running means of squares kept at a step")
    eps: float = Field(default=1e-6, gt=0, description="joins both means, so that the first step is not 0")


AnyOptimizer = Annotated[
    Annotated[Sgd, Tag("sgd")]
    | Annotated[Adam, Tag("adam")]
    | Annotated[AdamW, Tag("adamw")]
    | Annotated[RMSprop, Tag("rmsprop")]
    | Annotated[Adadelta, Tag("adadelta")],
    by_name("sgd"),
]
