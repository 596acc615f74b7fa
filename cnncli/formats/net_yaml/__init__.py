"""A network as text: `net.yaml`, in the words of `models/`.

    kind: network
    name: lenet
    input: 1x28x28
    layers:
      - conv1: {Conv2d: {out_channels: 6, kernel_size: 5, padding: 2}}
      - Sigmoid
      …

A step is a layer with PyTorch's name and arguments, called as `name: layer` or numbered as in nn.Sequential. Steps run one after
the other; `concat:`, `add:` and `mul:` join branches, `from:` goes on from an earlier value, `again:` calls a layer once
more, a list below a name is a group, `repeat:` and `blocks:` save writing. Reading is strict and bounded: nothing is built before
the file and what it expands to have been counted.
"""

from __future__ import annotations

from cnncli.formats.net_yaml.json_schema import schema
from cnncli.formats.net_yaml.reading import Written, parse, read
from cnncli.formats.net_yaml.writing import dump

__all__ = ["Written", "dump", "parse", "read", "schema"]
