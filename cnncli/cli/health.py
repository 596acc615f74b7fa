"""`cnncli health`: whether a run learns, and if not, why."""

from __future__ import annotations

from cnncli.cli._options import Format, Out, Run


def health(run: Run, *, out: Out = None, format: Format = "table") -> None:
    """Show what was seen of a run's layers as it trained, what is wrong with it, and what to try.

    A few steps of every epoch are looked at: outputs, dead ReLUs and saturated
    sigmoids, gradients, and how far a step moves each layer. The table is of the
    last of them; the picture, health.png in the run's folder unless --out says
    otherwise, shows them all, a row for each layer.

    Example: cnncli health runs/lenet-1
    """
    from cnncli.cli._values import picture_path
    from cnncli.files import run_folder as folder
    from cnncli.render.health import heading, show_health
    from cnncli.runs.health_request import log_of
    from cnncli.sources.run_folder import find_run

    wanted = picture_path(out)
    path = find_run(run)
    log = log_of(path)
    picture = None
    if log.history.observations:
        from cnncli.render.health import health_picture
        from cnncli.render.plots import placed

        picture = placed(health_picture(log.history, heading(path, log)), wanted or path / folder.HEALTH_PICTURE)
    show_health(path, log, picture, format)
