"""A module that raises while it is recorded: where, at which line of whose file, with which shapes, and what would help."""

from __future__ import annotations

import linecache
import sysconfig
import traceback
from pathlib import Path
from typing import NamedTuple

import torch

from cnncli.errors import CnncliError, RequestError, ShapeError
from cnncli.layers import Layer, Shape, Tensor
from cnncli.layers.traced import Failed
from cnncli.tracing.draft import Draft, identifier
from cnncli.tracing.recorder import Recorder
from cnncli.tracing.tags import Flow

_PACKAGE = str(Path(__file__).parent.parent)
_RUNNING = ("recorder.py", "modules.py", "examples.py")


class Fault(NamedTuple):
    """Why a module could not be recorded to its end.

    row: the node that failed, the network's last · message: what was wrong · fix: what would help, or "" · path: of the innermost
    module · file, line, code: where in the user's file · shapes: of the call's tensors, for one example · certain: it does not
    depend on how the module was run · ours: the error, where it was not the module that raised it
    """

    row: str
    message: str
    fix: str
    path: str
    file: str
    line: int
    code: str
    shapes: tuple[Shape, ...]
    certain: bool
    ours: BaseException | None = None


def fault(error: BaseException, recorder: Recorder) -> Fault:
    """The fault that `error` is; the call that failed becomes the recorder's last row."""
    noted = recorder.failed
    file, line = place_of(error)
    code = linecache.getline(file, line).strip() if file else ""
    if noted is None or noted.error is not error:
        noted = None
    call, says = (noted.call, noted.says) if noted else (None, None)
    visit = noted.visit if noted else recorder.drafts.root
    tensors = _examples(recorder, call.tensors if call else ())
    refused = _refused(says.layer, _examples(recorder, says.reads)) if says else None
    message, fix = (refused.reason, refused.fix) if refused else (one_line(error), "")
    layer: Layer = Failed(operation=call.operation.name if call else type(error).__name__, message=message, fix=fix)
    reads = says.reads if says and refused else call.tensors if call else ()
    flows = [tag for each in reads if isinstance(tag := recorder.marks.tag(each), Flow)]
    if says and refused and len(flows) == len(reads):
        layer = says.layer  # a constant among them, and the spec would refuse another number of inputs
    hint = identifier(call.operation.name if call else type(recorder.lent.modules[visit.path]).__name__)
    recorder.drafts.add(Draft(hint, layer, recorder.rows.settled(flows), visit))
    shapes = tuple(each.shape for each in tensors)
    ours = error if not isinstance(error, CnncliError) and _ours(error) else None
    return Fault("", message, fix, visit.path, file, line, code, shapes, refused is not None, ours)


def _examples(recorder: Recorder, tensors: tuple[torch.Tensor, ...]) -> tuple[Tensor, ...]:
    tags = [(recorder.marks.tag(each), each) for each in tensors]
    return tuple(tag.tensor if isinstance(tag, Flow) else recorder.marks.seen(each).tensor for tag, each in tags)


def _refused(layer: object, inputs: tuple[Tensor, ...]) -> ShapeError | None:
    """What the layer's spec has against these inputs."""
    try:
        layer.resolve(inputs).outputs(inputs)  # type: ignore[attr-defined]
    except ShapeError as error:
        return error
    except (RequestError, IndexError):
        return None
    return None


def one_line(error: BaseException) -> str:
    """`ValueError: what it said`; what is said in our words, without its kind."""
    text = " ".join(str(error).split())
    if isinstance(error, CnncliError):
        return text
    return f"{type(error).__name__}: {text}" if text else type(error).__name__


def place_of(error: BaseException) -> tuple[str, int]:
    """File and line of the innermost frame that is not torch's, Python's or ours."""
    own = (str(Path(torch.__file__).parent), _PACKAGE, sysconfig.get_paths()["stdlib"])
    frames = [(frame.filename, frame.lineno or 0) for frame in traceback.extract_tb(error.__traceback__)]
    users = [(file, line) for file, line in frames if not _within(file, own) and not file.startswith("<frozen")]
    return users[-1] if users else ("", 0)


def _ours(error: BaseException) -> bool:
    """Whether the innermost frame is ours, but none of those in which a call that the module made is run."""
    file = traceback.extract_tb(error.__traceback__)[-1].filename
    return file.startswith(_PACKAGE) and Path(file).name not in _RUNNING


def _within(file: str, folders: tuple[str, ...]) -> bool:
    packages = "site-packages"
    return any(file.startswith(folder) and (packages in folder or packages not in file) for folder in folders)
