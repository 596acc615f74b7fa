"""The whole file: what it imports, the classes it needs, the network."""

from __future__ import annotations

import builtins
import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import NamedTuple

from cnncli.analysis.report import Report, Row, report
from cnncli.errors import ShapeError
from cnncli.formats.python.classes import Writer, check_names, is_attribute
from cnncli.formats.python.expressions import CODES
from cnncli.formats.python.held import Weights
from cnncli.formats.python.own import OWN
from cnncli.formats.python.recorded import Recorded
from cnncli.layers import dims
from cnncli.layers._bitmaps import bitmaps
from cnncli.models import model
from cnncli.network import Network
from cnncli.network.definitions import Definitions


class Written(NamedTuple):
    """A network as a Python file. tables: the module's buffers whose numbers go into a file beside it"""

    text: str
    tables: tuple[str, ...] = ()


def to_python(network: Network, weights: Weights = MappingProxyType({})) -> str:
    """The text alone of what needs no file beside it; as `written`."""
    return written(network, weights).text


def written(network: Network, weights: Weights = MappingProxyType({}), beside: str = "") -> Written:
    """The network as a Python file: plain nn.Module classes, formatted as ruff format does, shapes in comments.

    Its state dict has the keys of `build(network)`, and it computes the same to the bit. weights: for a recorded network, what its
    module holds (`held_by`), which the state dict then has the keys of · beside: the name of a file for numbers that no state dict
    holds. Raises `ShapeError` where the network cannot take its input and `RequestError` where a layer or a name cannot be written
    as code, or needs that file.
    """
    check_names(network)
    found = report(network)
    if found.failure:
        raise ShapeError(str(found.failure))
    recorded = Recorded(network, {row.name: row for row in found.rows}, weights, beside)
    recorded.check()
    return Written(_file(network, found, recorded), tuple(recorded.tables))


def _file(network: Network, found: Report, recorded: Recorded) -> str:
    rows, whole = recorded.rows, recorded.whole
    name = class_name(network)
    taken = {name, CODES, "nn", "torch", "functional", "OrderedDict", "Path", *OWN, *dir(builtins)}
    classes = [part for part in whole.parts() if part.kind or not recorded.is_chain(part)]
    definitions = Definitions(classes, recorded.made, taken, recorded.written)
    writer = Writer(network, rows, definitions, recorded)
    written = [writer.class_of(each) for each in definitions.all]
    written.append(writer.network_class(name, _about(network, found), whole))
    own = [OWN[each].strip("\n").split("\n") for each in OWN if each in writer.used]
    text = "\n\n\n".join("\n".join(lines) for lines in [*own, *written])
    header = _header(text, recorded)
    return "\n".join([*header, *_drawings(rows, text), "", "", f"{text}\n"])


def _header(text: str, recorded: Recorded) -> list[str]:
    """The file's docstring and imports; parameters that no layer of torch's starts are zeros."""
    besides = f" and {recorded.beside}" if recorded.tables else ""
    zeros = " Parameters of zeros come with a state dict." if any(each.kept for each in recorded.bare.values()) else ""
    found = [f'"""Written by cnncli code; needs nothing but torch{besides}.{zeros}"""', ""]
    standard = ["from collections import OrderedDict"] if "OrderedDict(" in text else []
    standard += ["from pathlib import Path"] if recorded.tables else []
    found += [*standard, ""] if standard else []
    found += ["import torch"] if re.search(r"(?<![.\w])torch\.", text) else []
    found += ["from torch import nn"]
    return [*found, "from torch.nn import functional"] if "functional." in text else found


def _drawings(rows: Mapping[str, Row], text: str) -> list[str]:
    """The drawings of an RBF layer's classes, 84 bits each, where there is one."""
    if f"{CODES}[" not in text:
        return []
    classes = max(row.layer.config["out_features"] for row in rows.values() if row.layer.torch_name == "RBF")
    codes = [int("".join("1" if pixel > 0 else "0" for pixel in drawing), 2) for drawing in bitmaps(classes)]
    return ["", f"{CODES} = [", *(f"    0x{code:021X}," for code in codes), "]"]


def _title(network: Network) -> str:
    return model(network.name).title if network.edition else network.name  # only built-in networks have editions


def class_name(network: Network) -> str:
    """What the network's class is called: LeNet, ResNet18, TinyResnet for tiny-resnet."""
    words = re.findall(r"[A-Za-z0-9]+", _title(network))
    name = "".join(word[:1].upper() + word[1:] for word in words)
    return name if is_attribute(name) and name not in _RESERVED else f"Network{name}"


_RESERVED = {"OrderedDict", "Path", CODES, *OWN, *dir(builtins)}


def _about(network: Network, found: Report) -> str:
    """`LeNet, d2l edition, for inputs of 1×28×28: 61,706 parameters.`, whatever the network is called."""
    title = _title(network) + (f", {network.edition} edition" if network.edition else "")
    inert = "".join(letter if letter.isalnum() or letter in " .,-_+" else "?" for letter in title)
    sizes = " and ".join(dims(tensor.shape) for tensor in network.inputs.values())
    return f"{inert}, for inputs of {sizes}: {found.totals.params:,} parameters."
