"""Every kind of layer against torch, on random arguments and shapes.

A kind without cases fails. Examples are few by default and many where slow tests run; how many ran for each kind stands at the
end of the test run.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields
from math import prod
from typing import Any

import pytest
import torch
from hypothesis import HealthCheck, assume, given, settings
from torch.utils.flop_counter import FlopCounterMode

from cnncli.arithmetic.receptive_field import Field, entry
from cnncli.arithmetic.unit_boxes import Boxes
from cnncli.errors import RequestError
from cnncli.layers import Call, Layer, Saved, Tensor, layer_kind, layer_kinds, make
from tests.layers.cases import CASES, cases
from tests.layers.draws import Case
from tests.layers.evaluate import evaluate
from tests.layers.torch_says import BATCH, accepts, quiet
from tests.saved_bytes import saved_by_torch

KINDS = sorted(layer_kinds())
FEW_AND_MANY = pytest.mark.parametrize("examples", [pytest.param(60), pytest.param(500, marks=pytest.mark.slow)])
EVERY_KIND = pytest.mark.parametrize("kind", KINDS)
Record = Callable[[str, object], None]


@pytest.fixture(autouse=True)
def _one_thread() -> None:
    """Tensors this small are faster on one thread."""
    torch.set_num_threads(1)


def every(kind: str, examples: int, record: Record, check: Callable[[Case], None], *, wild: bool = False) -> None:
    """Check random cases of a kind, the same in every run where they are few; record how many there were."""
    ran = 0

    @settings(
        max_examples=examples,
        deadline=None,
        database=None,
        derandomize=examples < 100,
        suppress_health_check=list(HealthCheck),
    )
    @given(cases(kind, wild=wild))
    def checked(case: Case) -> None:
        nonlocal ran
        check(case)
        ran += 1

    checked()
    record("examples", (kind, ran))


def used(case: Case, grads: tuple[bool, ...] = (), *, frozen: bool = False) -> tuple[Layer, Call]:
    """The case's resolved spec and one use of it; raises `RequestError`."""
    inputs = tuple(Tensor(shape) for shape in case.shapes)
    layer = make(layer_kind(case.kind), case.arguments).resolve(inputs)
    return layer, Call(inputs, layer.outputs(inputs), grads, frozen)


def taken(case: Case, grads: tuple[bool, ...] = (), *, frozen: bool = False) -> tuple[Layer, Call]:
    """As `used`; an example that the layer refuses is given up."""
    try:
        return used(case, grads, frozen=frozen)
    except RequestError:
        assume(condition=False)
        raise


def on_meta(case: Case) -> list[torch.Tensor]:
    """Inputs of the case without memory behind them."""
    return [torch.empty(BATCH, *shape, device="meta") for shape in case.shapes]


def test_every_kind_has_cases() -> None:
    """A new kind of layer needs a strategy in cases.py."""
    assert set(CASES) == set(KINDS)


@FEW_AND_MANY
@EVERY_KIND
def test_refuses_what_torch_refuses(kind: str, examples: int, record_property: Record) -> None:
    """On the CPU, in train mode: the same cases are refused, all others come out in the same shape."""

    def check(case: Case) -> None:
        try:
            found = used(case)[1].y.shape
        except RequestError as error:
            assert "\n" not in str(error)
            found = None
        assert found == accepts(case)

    every(kind, examples, record_property, check, wild=True)


@FEW_AND_MANY
@EVERY_KIND
def test_shapes_weights_and_macs(kind: str, examples: int, record_property: Record) -> None:
    """The built module on the meta device has the spec's output, parameters, state dict and MACs."""

    def check(case: Case) -> None:
        layer, call = taken(case)
        with torch.device("meta"), quiet():
            module = layer.module().eval()
            with FlopCounterMode(display=False) as counter:
                output = module(*on_meta(case))
        assert tuple(output.shape) == (BATCH, *call.y.shape)
        assert layer.params == sum(parameter.numel() for parameter in module.parameters())
        state = {name: tuple(value.shape) for name, value in module.state_dict().items()}
        assert state == layer.weights | layer.buffers
        assert {name for name, _ in module.named_parameters()} == set(layer.weights)
        if kind not in {
            "partial-conv",
            "rbf",
        }:  # one counts no zeros, the other distances, which torch's counter does not
            assert layer.macs(call) == counter.get_total_flops() // 2 // BATCH

    every(kind, examples, record_property, check)


@FEW_AND_MANY
@EVERY_KIND
def test_what_autograd_saves(kind: str, examples: int, record_property: Record) -> None:
    """In train mode on the CPU, with and without a gradient into the input, with and without trained weights, at two batch sizes."""

    def check(case: Case) -> None:
        for grad in (True, False):
            for frozen in (False, True):
                layer, call = taken(case, (grad,) * len(case.shapes), frozen=frozen)
                for batch in (1, 3):
                    if not _has_variance(layer, call, batch):
                        continue
                    module = layer.module().requires_grad_(not frozen)
                    inputs = [torch.rand(batch, *shape).requires_grad_(grad).clone() for shape in case.shapes]
                    with quiet():
                        measured = saved_by_torch(module, *inputs)
                    assert _bytes(layer, call, layer.saved(call), batch) == measured, (grad, frozen, batch)

    every(kind, examples, record_property, check)


def _bytes(layer: Layer, call: Call, saved: Saved, batch: int) -> int:
    storages = {f"input {place}": call.inputs[place].nbytes for place in saved.inputs}
    if saved.output:
        storages["input 0" if layer.aliases else "output"] = call.y.nbytes
    return (sum(storages.values()) + saved.per_example) * batch + saved.constant


def _has_variance(layer: Layer, call: Call, batch: int) -> bool:
    """Whether torch finds more than one number to normalise over."""
    if layer.kind.startswith("batch-norm"):
        return batch * prod(call.x.shape[1:]) > 1
    return layer.kind != "group-norm" or batch * call.x.numel > getattr(layer, "num_groups", 1)


@FEW_AND_MANY
@EVERY_KIND
def test_memory_of_its_own(kind: str, examples: int, record_property: Record) -> None:
    """`aliases` in train mode, `idle` in eval mode: whether the output lies in the first input's memory."""

    def check(case: Case) -> None:
        layer, _ = taken(case)
        module = layer.module().requires_grad_(requires_grad=False)
        for training, expected in ((True, layer.aliases), (False, layer.idle)):
            inputs = [torch.rand(BATCH, *shape) for shape in case.shapes]
            with quiet():
                output = module.train(training)(*inputs)
            same = output.untyped_storage().data_ptr() == inputs[0].untyped_storage().data_ptr()
            assert same == expected, training

    every(kind, examples, record_property, check)


@FEW_AND_MANY
@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind != "rbf"])  # it takes a vector, which has no positions
def test_receptive_fields(kind: str, examples: int, record_property: Record) -> None:
    """By gradient in float64 and eval mode, for a unit in the middle and the first and last: the smallest box around it."""

    def check(case: Case) -> None:
        assume(len(case.shapes[0]) > 1)
        layer, call = taken(case._replace(shapes=case.shapes[:1] * len(case.shapes)))
        field = layer.field(tuple(entry(tensor.shape[1:]) for tensor in call.inputs), call)
        assume(field is not None)
        for unit in ("first", "middle", "last"):
            _check_unit(layer, call, field, unit)

    every(kind, examples, record_property, check)


def _check_unit(layer: Layer, call: Call, field: Field | None, unit: str) -> None:
    assert field is not None
    if isinstance(field, Boxes):
        place = tuple(_place(size, unit) for size in call.y.shape)
        assert seen(layer, call, (slice(None), *place)) == list(field.of(place)), unit
        return
    assert len(field.places) == len(call.y.shape)
    places = [_place(reach.units, unit) for reach in field.axes]
    index: list[Any] = [slice(None)]
    expected = [reach.span() for reach in field.axes]
    for size, lying in zip(call.y.shape, field.places, strict=True):
        apart = len(lying) == 1 and field.axes[lying[0]].units == size
        index.append(places[lying[0]] if apart else slice(None))
        if apart:
            expected[lying[0]] = field.axes[lying[0]].of(places[lying[0]])
    box = seen(layer, call, tuple(index))
    if not box:
        assert any(first > last for first, last in expected) or _dilated(layer) or layer.kind in DEAD
    elif _dilated(layer):
        assert all(first <= low and high <= last for (low, high), (first, last) in zip(box, expected, strict=True))
    else:
        assert box == expected, unit


DEAD = {"softmax", "log-softmax", "layer-norm", "instance-norm", "group-norm", "batch-norm1d"}
"""Over a single number these are constant: nothing reaches them."""


def _place(units: int, unit: str) -> int:
    return {"first": 0, "middle": units // 2, "last": units - 1}[unit]


def _dilated(layer: Layer) -> bool:
    dilation = getattr(layer, "dilation", 1)
    return dilation != 1 and set(dilation) != {1}


def seen(layer: Layer, call: Call, index: tuple[Any, ...]) -> list[tuple[int, int]]:
    """For each axis of an image, the first and last element that reach the outputs at `index`; empty where nothing does.

    Many random examples at once for a maximum, so that every element of a window is the largest in some of them.
    """
    torch.manual_seed(0)
    module = layer.module().double().eval()
    examples = 64 if "max" in layer.kind else 8
    leaves = [torch.randn(examples, *tensor.shape, dtype=torch.float64, requires_grad=True) for tensor in call.inputs]
    with quiet():
        output = module(*(leaf.clone() for leaf in leaves))[index]
    (output * torch.rand_like(output)).sum().backward()
    reached = torch.stack([leaf.grad.abs().sum((0, 1)) for leaf in leaves if leaf.grad is not None]).sum(0)
    places = torch.nonzero(reached > 1e-10 * max(1.0, float(reached.max())))
    return [(int(axis.min()), int(axis.max())) for axis in places.T] if len(places) else []


@FEW_AND_MANY
@EVERY_KIND
def test_formulas(kind: str, examples: int, record_property: Record) -> None:
    """Every formula's numbers evaluate to its value, and every figure that is not zero has one."""

    def check(case: Case) -> None:
        layer, call = taken(case)
        formulas = {found.of: found for found in layer.formulas(call)}
        assert len(formulas) == len(layer.formulas(call))
        for found in (*formulas.values(), *layer.formulas(Call((), ()))):
            assert evaluate(found.numbers) == found.value, found
        figures = {"parameters": layer.params, "MACs": layer.macs(call), "connections": layer.connections(call)}
        for name, value in figures.items():
            assert value == (formulas[name].value if name in formulas else 0), name
        changed = sorted(call.x.shape) != sorted(call.y.shape)
        assert not changed or set(formulas) & SIZES or kind in GIVEN
        values = {found.value for found in formulas.values() if found.of in SIZES - {"size"}}
        assert values <= set(call.y.shape)

    every(kind, examples, record_property, check)


SIZES = {"size", "length", "height", "width", "depth", "channels"}
GIVEN = {"linear", "rbf", "add", "mul"}
"""Kinds whose size is an argument, or broadcast."""


@FEW_AND_MANY
@EVERY_KIND
def test_words_and_values(kind: str, examples: int, record_property: Record) -> None:
    """A spec is a value: equal to itself written out, usable as a key; its words are one line."""

    def check(case: Case) -> None:
        layer, call = taken(case)
        again = type(layer)(**layer.config)
        assert again == layer
        assert hash(again) == hash(layer)
        assert again.resolve(call.inputs) is again
        assert list(layer.config) == [field.name for field in fields(layer)]
        for words in (layer.brief, layer.sentence, layer.folded):
            assert "\n" not in words
        assert layer.brief
        assert layer.sentence

    every(kind, examples, record_property, check)
