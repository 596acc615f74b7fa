"""`net.onnx`: the graph of an ONNX file; needs the extra `cnncli[onnx]`. Free of torch."""

from __future__ import annotations

from pathlib import Path

from cnncli.sources.request import Loaded, Request


def read(request: Request) -> Loaded:
    """The network that the graph is, at the input that was asked for."""
    from cnncli.formats.onnx import read as graph_in

    request.takes_no_arguments(request.source, "an ONNX file", "leave it out")
    return Loaded(graph_in(Path(request.source), request.inputs, batch=request.batch))
