"""What TensorBoard reads: the columns of metrics.csv as scalars, and the recipe as text. Needs the extra `cnncli[tensorboard]`.

The file is written anew whenever a run begins or goes on, from the epochs that its checkpoint holds, as metrics.csv is: no point
stands there twice, and none of an epoch that is trained once more.
"""

from __future__ import annotations

from importlib import import_module
from importlib.util import find_spec
from io import BytesIO
from pathlib import Path
from time import time

from cnncli.diagnostics.epoch import Epoch
from cnncli.errors import RequestError
from cnncli.files import place
from cnncli.files import run_folder as folder

FOLDER = "tensorboard"  # in the run folder
CURE = "pip install 'cnncli[tensorboard]'"


def required() -> None:
    """Raise `RequestError` where TensorBoard is not installed; it is not imported."""
    if not installed():
        raise RequestError(f"--tensorboard needs the package tensorboard; install it: {CURE}")


def installed() -> bool:
    """Whether TensorBoard is there."""
    return find_spec("tensorboard") is not None


def announce(run: Path) -> None:
    """Make the folder for event files in the run folder `run`, by which the run knows that it has some; raises `DataError`."""
    with folder.written(run / FOLDER):
        (run / FOLDER).mkdir(exist_ok=True)


def announced(run: Path) -> EventFile | None:
    """The event file of the run in the folder `run`, if it has one and TensorBoard is there to write it."""
    return EventFile(run) if (run / FOLDER).is_dir() and installed() else None


def left_behind(run: Path) -> str | None:
    """What a user should know of a run whose event files cannot be gone on with."""
    there = (run / FOLDER).is_dir() and not installed()
    return f"{(run / FOLDER).as_posix()} is not gone on with: {CURE}" if there else None


class EventFile:
    """The one event file of a run."""

    def __init__(self, run: Path) -> None:
        """run: its folder."""
        self.folder = run / FOLDER
        self._path = self.folder / "events.out.tfevents"
        self._began = 0.0

    def begin(self, recipe: str, epochs: list[Epoch], seconds: float) -> None:
        """Write what is known so far. recipe: as YAML · seconds: that the run has taken; raises `DataError`."""
        now = time()
        self._began = now - seconds  # so that TensorBoard's relative time is total_seconds
        text = "".join(f"    {line}\n" for line in recipe.splitlines())  # Markdown's way to leave it as it is
        records = [
            _record(self._began, file_version="brain.Event:2"),
            _record(self._began, session_log={"status": "START"}),  # a server that is running forgets what it had read
            _record(self._began, summary=_text("recipe", text)),
            *map(self._told, epochs),
        ]
        with folder.written(self.folder):
            self._path = self.folder / f"events.out.tfevents.{now:017.6f}"  # a server goes on to the last by name
            place(b"".join(records), self._path)
            for other in self.folder.glob("events.out.tfevents.*"):
                if other != self._path:
                    other.unlink()

    def add(self, epoch: Epoch) -> None:
        """Write what one more epoch came to; raises `DataError`."""
        folder.append(self._path, self._told(epoch))

    def _told(self, epoch: Epoch) -> bytes:
        """The columns of metrics.csv that hold numbers, but the step, which is the place on the axis; then those of words."""
        at = self._began + epoch.total_seconds
        numbers = [
            {"tag": tag, "simple_value": value}
            for tag, value in epoch.row.items()
            if tag != "step" and not isinstance(value, str)
        ]
        words = [(tag, value) for tag, value in epoch.row.items() if isinstance(value, str) and value]
        return b"".join(
            [
                _record(at, step=epoch.step, summary={"value": numbers}),
                *(_record(at, step=epoch.step, summary=_text(tag, value)) for tag, value in words),
            ]
        )


def _text(tag: str, markdown: str) -> object:
    """As TensorBoard's tab of texts wants it."""
    return import_module("torch.utils.tensorboard.summary").text(tag, markdown)


def _record(seconds: float, **content: object) -> bytes:
    """An event as it stands in the file. seconds: since 1970"""
    event = import_module("tensorboard.compat.proto.event_pb2").Event(wall_time=seconds, **content)
    buffer = BytesIO()
    import_module("tensorboard.summary.writer.record_writer").RecordWriter(buffer).write(event.SerializeToString())
    return buffer.getvalue()
