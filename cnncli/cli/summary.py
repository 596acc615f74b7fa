"""`cnncli summary`: a network layer by layer."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from cnncli.cli._options import Format, Inputs, NoBatch, Pairs, Source
from cnncli.cli._values import amount, merge, pairs
from cnncli.layers.parsing import inputs

if TYPE_CHECKING:
    from cnncli.analysis.report import Report
    from cnncli.build.verify import Disagreement
    from cnncli.sources import Loaded


def summary(
    source: Source,
    arguments: Pairs = None,
    *,
    input: Inputs = None,
    no_batch: NoBatch = False,
    batch_size: Annotated[int, typer.Option("-b", "--batch-size", min=1, help="Examples at once, for the bytes.")] = 1,
    classes: Annotated[int | None, typer.Option("--classes", min=1, help="Outputs of the last layer.")] = None,
    columns: Annotated[
        str | None, typer.Option("--columns", metavar="A,B,…", help="Which columns: kernel, params, macs, rf, saved …")
    ] = None,
    depth: Annotated[int | None, typer.Option("--depth", min=1, help="Fold what lies deeper into its block.")] = None,
    collapse: Annotated[
        bool, typer.Option("--collapse", help="Show blocks that repeat once, with their number.")
    ] = False,
    all_rows: Annotated[bool, typer.Option("--all", help="Give activations and flatten their own rows.")] = False,
    explain: Annotated[bool, typer.Option("--explain", help="Show the formula behind every number.")] = False,
    row: Annotated[str | None, typer.Option("--row", metavar="NAME", help="Explain this row alone.")] = None,
    check: Annotated[
        bool, typer.Option("--check", help="Compare every row with torch; exit 1 where it differs.")
    ] = False,
    strict: Annotated[bool, typer.Option("--strict", help="Refuse to adapt the network to another input.")] = False,
    optimizer: Annotated[
        Literal["sgd", "momentum", "adam"], typer.Option("--optimizer", help="What training memory is counted for.")
    ] = "sgd",
    device: Annotated[
        Literal["meta", "cpu"],
        typer.Option("--device", help="Where a module of one's own is run; meta takes no memory."),
    ] = "meta",
    training: Annotated[bool, typer.Option("--train", help="Run a module of one's own as it trains.")] = False,
    max_params: Annotated[str | None, typer.Option("--max-params", metavar="5M", help="Exit 1 above this.")] = None,
    max_macs: Annotated[str | None, typer.Option("--max-macs", metavar="1G", help="Exit 1 above this.")] = None,
    format: Format = "table",
) -> None:
    """Show a network layer by layer: output sizes, parameters, MACs and receptive fields.

    A module of PyTorch is run once without memory, on the meta device, and what
    it does is written down. FILE.py:Class and package.module:factory execute that
    code. A file of tensors (.safetensors, .pt) is listed; nothing in it is ever
    executed.

    Example: cnncli summary lenet --input 1x28x28
    """
    from cnncli.analysis.report import report
    from cnncli.render.folding import View
    from cnncli.render.summary import Findings, show_summary
    from cnncli.sources import Request, is_tensor_table, load

    if is_tensor_table(source):
        from cnncli.render.tensors import show_tensors

        show_tensors(Path(source), format, depth)
        return
    limits = {
        name: amount(text, f"--max-{name}")
        for name, text in (("params", max_params), ("macs", max_macs))
        if text is not None
    }
    own = merge(pairs(arguments), {"classes": ("--classes", classes)})
    loaded = load(Request(source, inputs(input), own, strict, device, training, not no_batch))
    found = report(loaded.network, batch_size=batch_size, optimizer=optimizer)
    findings = Findings(adapted=loaded.adapted, fault=loaded.fault)
    if found.failure and not loaded.module:
        from cnncli.analysis.solve_network import smallest_input

        findings = findings._replace(smallest=smallest_input(loaded.network))
    if explain or row:
        from cnncli.analysis.explain import explain as explanations

        findings = findings._replace(explanations=explanations(found, row, loaded.remarks))
    if check and not found.failure:
        findings = findings._replace(check=_disagreements(found, loaded))
    show_summary(found, View(columns, all_rows, depth, collapse), format, findings)
    if found.failure:
        raise typer.Exit(2)
    _hold(found, limits, disagree=bool(findings.check))


def _disagreements(report: Report, loaded: Loaded) -> list[Disagreement]:
    """What torch counts otherwise, running the module that was recorded, or building the network."""
    if loaded.module is not None:
        from cnncli.tracing.verify import differences

        return differences(report, loaded.module, loaded.ran_on)
    from cnncli.build.verify import disagreements

    return disagreements(report)


def _hold(report: Report, limits: dict[str, int], *, disagree: bool) -> None:
    """Raise `CheckFailed` where a check that was asked for does not hold."""
    from cnncli.errors import CheckFailed

    for name, limit in limits.items():
        value: int = getattr(report.totals, name)
        if value > limit:
            words = "parameters" if name == "params" else "MACs"
            raise CheckFailed(f"{report.network.name} has {value:,} {words}, more than --max-{name} {limit:,}")
    if disagree:
        raise CheckFailed("torch disagrees, see above; please report it with the command line")
