"""Code on stdout or in a file, as it is or within JSON."""

from __future__ import annotations

import json
import sys
from pathlib import Path

from cnncli.render.table import write_json


def show_code(text: str, format: str, file: Path | None) -> None:
    """Write `text`; `json` makes it the `cnncli/code/1` object. Raises `OSError` where the file cannot be written."""
    found = {"schema": "cnncli/code/1", "source": text}
    if file is not None:
        content = json.dumps(found) + "\n" if format == "json" else text
        file.write_text(content, encoding="utf-8", newline="\n")
    elif format == "json":
        write_json(found)
    else:
        sys.stdout.write(text)
