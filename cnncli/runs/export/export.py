"""Writing an export: beside its place, read back, compared with the network, and only then given its name."""

from __future__ import annotations

import os
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

from cnncli.data.progress import Progress
from cnncli.errors import CheckFailed, CnncliError
from cnncli.files import reason
from cnncli.files import run_folder as folder
from cnncli.runs.export.agreement import TOLERANCE, Agreement, agreement
from cnncli.runs.export.formats import FORMATS, takes
from cnncli.runs.export.request import GRAPHS, Wanted
from cnncli.runs.export.samples import Samples, samples
from cnncli.runs.load import Opened, opened
from cnncli.text import truncate


class Export(NamedTuple):
    """What was written.

    files: what was asked for first · images: what the network takes · agreement: None where there is nothing here to run it with ·
    samples: what it was compared on
    """

    wanted: Wanted
    run: Opened
    files: tuple[Path, ...]
    images: str
    agreement: Agreement | None
    samples: Samples


def export(wanted: Wanted, progress: Progress | None = None) -> Export:
    """Write what is wanted; raises `CheckFailed`, and leaves nothing, where it is not what the network is or cannot be written."""
    run = opened(wanted.run.path, wanted.run.which, "cpu")
    images = samples(run, progress or Progress())
    with folder.written(wanted.out), TemporaryDirectory(prefix=".export-", dir=wanted.out.parent) as draft:
        try:
            files, found = _compared(wanted, run, images, Path(draft))
        except (CnncliError, OSError):
            raise
        except Exception as error:  # whatever torch, onnx or the file itself has against it
            raise CheckFailed(_refusal(wanted, truncate(reason(error), 300))) from error
        if found is not None and not found.holds:
            raise CheckFailed(_refusal(wanted, _apart(found)))
        placed = [
            _placed(file, wanted.out, ending) for ending, file in reversed(files.items())
        ]  # what is asked for last
    return Export(wanted, run, tuple(reversed(placed)), takes(preprocess=wanted.preprocess), found, images)


def _compared(wanted: Wanted, run: Opened, images: Samples, draft: Path) -> tuple[dict[str, Path], Agreement | None]:
    """The files, by the ends of their names, in the folder `draft`; and how they compare with the network."""
    form = FORMATS[wanted.to]
    files = {
        ending: _flushed(draft / f"model{ending}", data) for ending, data in form.write(run, wanted.preprocess).items()
    }
    scores = form.scores(run, files, wanted.preprocess)
    return files, agreement(run, scores, images) if scores else None


def _flushed(path: Path, data: bytes) -> Path:
    with path.open("xb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    return path


def _placed(file: Path, out: Path, ending: str) -> Path:
    """Give a file that is whole its name."""
    return file.replace(out if out.suffix.lower() == ending else out.with_suffix(ending))


def _refusal(wanted: Wanted, why: str) -> str:
    other = next(each for each in (*GRAPHS, "code") if each != wanted.to)
    return f"{wanted.run.path.as_posix()} as {wanted.to}: {why}; nothing was written, --to {other} may do"


def _apart(found: Agreement) -> str:
    other = f"the first class is another on {found.images - found.same:,} of {found.images:,} images"
    return (
        f"it does not say what the network says: scores differ by up to {found.largest:.3g} "
        f"({found.bound:.3g} is let pass, {TOLERANCE:g} of the largest), {other}"
    )
