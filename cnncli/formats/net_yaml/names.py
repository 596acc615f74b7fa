"""Names in a net.yaml: which ones may be given, and what a name written there means."""

from __future__ import annotations

import re
from collections.abc import Container
from keyword import iskeyword

WORDS = ("from", "frozen", "again", "repeat")
"""Keys of a step that say something about it; nothing is called so."""
JOINS = {"concat": "Concat", "add": "Add", "mul": "Mul"}
"""Words for layers in which branches meet."""

MAX_NAME = 200
_PART = re.compile(r"[A-Za-z0-9_-]+", re.ASCII)

_OWN = """
T_destination add_module apply bfloat16 buffers call_super_init children compile cpu cuda double dump_patches eval
extra_repr float forward get_buffer get_extra_state get_parameter get_submodule half ipu load_state_dict modules mtia
_network named_buffers named_children named_modules named_parameters parameters register_backward_hook register_buffer
register_forward_hook register_forward_pre_hook register_full_backward_hook register_full_backward_pre_hook
register_load_state_dict_post_hook register_load_state_dict_pre_hook register_module register_parameter
register_state_dict_post_hook register_state_dict_pre_hook requires_grad_ set_extra_state set_submodule share_memory
state_dict to to_empty train training type xpu zero_grad _apply _backward_hooks _backward_pre_hooks _buffers
_call_impl _compiled_call_impl _entries _forward_hooks _forward_hooks_always_called _forward_hooks_with_kwargs
_forward_pre_hooks _forward_pre_hooks_with_kwargs _get_backward_hooks _get_backward_pre_hooks _get_name
_is_full_backward_hook _load_from_state_dict _load_state_dict_post_hooks _load_state_dict_pre_hooks
_maybe_warn_non_full_backward_hook _modules _named_members _non_persistent_buffers_set _parameters _place
_register_load_state_dict_pre_hook _register_state_dict_hook _replicate_for_data_parallel _results _save_to_state_dict
_slow_forward _state_dict_hooks _state_dict_pre_hooks _steps _version _wrapped_call_impl
"""
MODULE_OWN = frozenset(_OWN.split())
"""What torch.nn.Module, or the module that is built, has itself: a layer called so would hide it."""


def wrong_name(name: str) -> str:
    """Why `name`, a dotted path, cannot be given; empty where it can."""
    if len(name) > MAX_NAME:
        return f"is longer than {MAX_NAME} characters; shorten it"
    wrong = (_wrong_part(part) for part in name.split("."))
    return next(filter(None, wrong), "")


def _wrong_part(part: str) -> str:
    if not _PART.fullmatch(part):
        return "is no name; write letters, digits, _ and -"
    if iskeyword(part):
        return "is a word of Python; choose another name"
    if part in MODULE_OWN or part.startswith("__"):
        return "is something torch.nn.Module has itself; choose another name"
    if part in WORDS:
        return "is a word of this format; choose another name"
    return ""


def lookup(name: str, path: tuple[str, ...], floor: int, known: Container[str]) -> str | None:
    """The full path that `name` means to whoever stands at `path`, the nearest first; None where it means nothing.

    A dot in front means the outermost: `.conv1` is the block's or network's own. floor: how many leading parts of `path` lie
    outside the block, and are not looked into
    """
    if name.startswith("."):
        full = ".".join((*path[:floor], name[1:]))
        return full if full in known else None
    for depth in range(len(path), floor - 1, -1):
        full = ".".join((*path[:depth], name))
        if full in known:
            return full
    return None
