"""A network of `cnncli/models/`: `lenet`, `alexnet@paper`. Free of torch."""

from __future__ import annotations

from cnncli.errors import RequestError
from cnncli.models import adaptations, edition, network
from cnncli.sources.request import Loaded, Request
from cnncli.written import typed


def read(request: Request) -> Loaded:
    """The network, adapted to the input and the classes that were asked for."""
    name, own, shape = request.source, dict(request.arguments), request.shape()
    if "input" in own:
        raise RequestError("input is an option, not an argument of the network; write --input CxHxW")
    found = network(name, input=shape, **own)
    adapted = tuple(adaptations(name, shape, own)) if shape or "classes" in own else ()
    if request.strict and adapted:
        raise RequestError(
            f"{name}: {adapted[0]}; leave --strict out to adapt it, or write --input {typed(edition(name)[2].input)}"
        )
    return Loaded(found, adapted, {} if adapted else edition(name)[2].remarks)
