"""Every built-in network and edition, by the name that a command line gives it."""

from __future__ import annotations

from cnncli.models import models

SOURCES = [f"{name}@{edition}" for name, model in models().items() for edition in model.editions]
