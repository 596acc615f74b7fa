"""`schedule:` how the learning rate changes from step to step; a class for each name, with the keys that it honours."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, Tag

from cnncli.recipe.section import Section, by_name


class Schedule(Section):
    """What all schedules have."""

    name: str


class WarmSchedule(Schedule):
    """A schedule that can begin with a warm-up."""

    warmup_epochs: float = Field(default=0.0, ge=0, description="epochs over which lr first rises from 0, linearly")


class Constant(WarmSchedule):
    """The same learning rate throughout."""

    name: Literal["constant"] = Field(default="constant", description="the same learning rate throughout")


class Linear(WarmSchedule):
    """Down to zero in a straight line."""

    name: Literal["linear"] = Field(default="linear", description="falls from lr to 0 in a straight line")


class Cosine(WarmSchedule):
    """Down to zero along half a cosine (Loshchilov and Hutter, 2016, without restarts)."""

    name: Literal["cosine"] = Field(default="cosine", description="falls from lr to 0 along half a cosine")


class Step(WarmSchedule):
    """Down in steps: lr · gamma^⌊epochs since the warm-up / step_epochs⌋."""

    name: Literal["step"] = Field(default="step", description="gamma times smaller every step_epochs epochs")
    step_epochs: int = Field(default=10, ge=1, le=100_000, description="epochs from one step down to the next")
    gamma: float = Field(default=0.1, gt=0, le=1, description="what each step multiplies the learning rate by")


class OneCycle(Schedule):
    """Up to lr and down to zero once in a run (Smith and Topin, 2017); it warms up by itself."""

    name: Literal["onecycle"] = Field(
        default="onecycle",
        description="rises from lr/25 to lr over the first 30 % of the steps, then falls to lr/250,000, along cosines",
    )


AnySchedule = Annotated[
    Annotated[Constant, Tag("constant")]
    | Annotated[Linear, Tag("linear")]
    | Annotated[Cosine, Tag("cosine")]
    | Annotated[Step, Tag("step")]
    | Annotated[OneCycle, Tag("onecycle")],
    by_name("constant"),
]
