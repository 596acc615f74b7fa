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
    """Raise `RequestError` where TensorBoard is not installed, without importing it."""
    if not installed():
        raise RequestError(f"--tensorboard needs the package tensorboard; install it: {CURE}")


def installed() -> bool:
    """Return whether TensorBoard is installed."""
    return find_spec("tensorboard") is not None


def make_event_folder(run: Path) -> None:
    """Make the folder for event files in the run folder `run`, by which the run knows that it has some; raises `DataError`."""
    with folder.written(run / FOLDER):
        (run / FOLDER).mkdir(exist_ok=True)


def event_file(run: Path) -> EventFile | None:
    """Return the event file of the run folder `run`, if it has one and TensorBoard is there to write it."""
    return EventFile(run) if (run / FOLDER).is_dir() and installed() else None


def event_files_left_behind(run: Path) -> str | None:
    """Return the note for a run whose event files cannot be continued, None where they can or there are none."""
    missing = (run / FOLDER).is_dir() and not installed()
    return f"{(run / FOLDER).as_posix()} is not gone on with: {CURE}" if missing else None


class EventFile:
    """The one event file of a run."""

    def __init__(self, run: Path) -> None:
        self.folder = run / FOLDER
        self._path = self.folder / "events.out.tfevents"
        self._began = 0.0

    def begin(self, recipe: str, epochs: list[Epoch], seconds: float) -> None:
        """Write what is known so far.

        Args:
            recipe: as YAML.
            epochs: those that are complete.
            seconds: how long the run has trained.

        Raises:
            DataError: the file cannot be written.
        """
        now = time()
        self._began = now - seconds  # so that TensorBoard's relative time is total_seconds
        text = "".join(f"    {line}\n" for line in recipe.splitlines())  # Markdown's way to leave it as it is
        records = [
            _record(self._began, file_version="brain.Event:2"),
            _record(self._began, session_log={"status": "START"}),  # a server that is running forgets what it had read
            _record(self._began, summary=_text("recipe", text)),
            *map(self._events, epochs),
        ]
        with folder.written(self.folder):
            self._path = self.folder / f"events.out.tfevents.{now:017.6f}"  # a server goes on to the last by name
            place(b"".join(records), self._path)
            for other in self.folder.glob("events.out.tfevents.*"):
                if other != self._path:
                    other.unlink()

    def add(self, epoch: Epoch) -> None:
        """Append one epoch; raises `DataError`."""
        folder.append(self._path, self._events(epoch))

    def _events(self, epoch: Epoch) -> bytes:
        """Encode an epoch: the numeric columns of metrics.csv as scalars at its step, then the columns of text."""
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
