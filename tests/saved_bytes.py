"""What autograd saves, asked of torch itself."""

from __future__ import annotations

import torch
from torch import nn


def saved_by_torch(module: nn.Module, *inputs: torch.Tensor) -> int:
    """Bytes of the storages that one forward pass in train mode saves for backward, parameters and buffers left out."""
    own = {tensor.untyped_storage().data_ptr() for tensor in (*module.parameters(), *module.buffers())}
    kept: list[torch.Tensor] = []  # held, so that no storage's address is used again

    def pack(tensor: torch.Tensor) -> torch.Tensor:
        kept.append(tensor)
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor):
        output = module.train()(*inputs)
    storages = {tensor.untyped_storage().data_ptr(): tensor.untyped_storage().nbytes() for tensor in kept}
    del output
    return sum(nbytes for address, nbytes in storages.items() if address not in own)
