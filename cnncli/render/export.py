"""What was exported, and how it compared."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cnncli.layers import dims
from cnncli.render.table import Cell, Column, write_csv, write_json, write_markdown
from cnncli.runs.export.formats import described
from cnncli.sources.networks import title_of
from cnncli.text import complain, inert, say

if TYPE_CHECKING:
    from cnncli.runs.export.export import Export

RUNNERS = {
    "onnx": "run with onnxruntime",
    "pt2": "loaded with torch.export",
    "safetensors": "loaded into the network",
    "code": "executed",
}


def show_export(found: Export, format: str) -> None:
    """The files, what they take, and the comparison; remarks go to stderr."""
    for note in (found.run.note, _noise(found), _not_run(found)):
        if note:
            complain(note)
    values = _values(found)
    if format == "json":
        write_json({"schema": "cnncli/export/1", **values, "metadata": described(found.run)})
    elif format == "table":
        say(*_lines(found))
    else:
        columns = [
            Column(key, key.replace("_", " "), left=isinstance(value, str | list)) for key, value in values.items()
        ]
        line = [Cell(_flat(value), str(_flat(value))) for value in values.values()]
        (write_csv if format == "csv" else write_markdown)(columns, [line])


def _values(found: Export) -> dict[str, object]:
    agreed = found.agreement
    return {
        "run": found.run.path.as_posix(),
        "which": found.run.which,
        "epochs": found.run.epochs,
        "to": found.wanted.to,
        "files": [file.as_posix() for file in found.files],
        "bytes": sum(file.stat().st_size for file in found.files),
        "images": found.images,
        "verified": agreed is not None,
        "compared_on": found.samples.about,
        "compared": agreed and agreed.images,
        "largest_difference": agreed and agreed.largest,
        "same_top1": agreed and agreed.same,
        "tolerance": agreed and agreed.bound,
    }


def _flat(value: object) -> object:
    return " ".join(map(str, value)) if isinstance(value, list) else value


def _lines(found: Export) -> list[str]:
    """Four lines: file, input, output, comparison."""
    run, files = found.run, " and ".join(inert(file.as_posix()) for file in found.files)
    size = sum(file.stat().st_size for file in found.files) / 1024
    batch = f"batch×{dims(run.size)}"
    return [
        f"{files} · {size:,.1f} KiB",
        f"network  {_title(found)}, {run.which} weights, after epoch {run.epochs}",
        f"images   {batch}, {found.images.replace(' - ', ' − ')}",
        f"scores   batch×{len(run.classes)}; their names are in {_metadata(found)}",
        *_comparison(found),
    ]


def _title(found: Export) -> str:
    return inert(title_of(found.run.recipe.model.name, found.run.network))


def _metadata(found: Export) -> str:
    return "class_names" if found.wanted.to == "code" else "the metadata, with mean and deviation"


def _comparison(found: Export) -> list[str]:
    agreed = found.agreement
    if agreed is None:
        return []
    return [
        f"checked  {RUNNERS[found.wanted.to]} on {agreed.images:,} {found.samples.about}",
        f"         largest difference {agreed.largest:.2g}; up to {agreed.bound:.2g} is let pass",
        f"         the same first class on {agreed.same:,} of {agreed.images:,}",
    ]


def _noise(found: Export) -> str:
    return f"{found.samples.why}: compared on noise instead" if found.samples.noise and found.agreement else ""


def _not_run(found: Export) -> str:
    if found.agreement is not None:
        return ""
    return "checked by onnx.checker, but not run: onnxruntime is not installed; pip install 'cnncli[export]'"
