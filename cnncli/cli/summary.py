"""`cnncli summary`: a network layer by layer."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from cnncli.cli._options import Format, Input, Pairs
from cnncli.cli._values import amount, merge, pairs, shape

if TYPE_CHECKING:
    from cnncli.report import Report


def summary(
    source: Annotated[
        str, typer.Argument(metavar="SOURCE", help="A network (lenet, lenet@classic), a net.yaml or a run folder.")
    ],
    arguments: Pairs = None,
    *,
    input: Input = None,
    batch_size: Annotated[int, typer.Option("-b", "--batch-size", min=1, help="Examples at once, for the bytes.")] = 1,
    classes: Annotated[int | None, typer.Option("--classes", min=1, help="Outputs of the last layer.")] = None,
    columns: Annotated[
        str | None, typer.Option("--columns", metavar="A,B,…", help="Which columns: kernel, params, macs, rf, saved …")
    ] = None,
    depth: Annotated[int | None, typer.Option("--depth", min=1, help="Fold what lies deeper into its block.")] = None,
    all_rows: Annotated[bool, typer.Option("--all", help="Give activations and flatten their own rows.")] = False,
    explain: Annotated[bool, typer.Option("--explain", help="Show the formula behind every number.")] = False,
    row: Annotated[str | None, typer.Option("--row", metavar="NAME", help="Explain this row alone.")] = None,
    check: Annotated[
        bool, typer.Option("--check", help="Compare every row with torch; exit 1 where it differs.")
    ] = False,
    strict: Annotated[bool, typer.Option("--strict", help="Refuse to adapt the network to another input.")] = False,
    max_params: Annotated[str | None, typer.Option("--max-params", metavar="5M", help="Exit 1 above this.")] = None,
    max_macs: Annotated[str | None, typer.Option("--max-macs", metavar="1G", help="Exit 1 above this.")] = None,
    format: Format = "table",
) -> None:
    """Show a network layer by layer: output sizes, parameters, MACs and receptive fields.

    Example: cnncli summary lenet --input 1x28x28
    """
    from cnncli.render.summary import Findings, View, show_summary
    from cnncli.report import report
    from cnncli.sources import load

    limits = {
        name: amount(text, f"--max-{name}")
        for name, text in (("params", max_params), ("macs", max_macs))
        if text is not None
    }
    own = merge(pairs(arguments), {"classes": ("--classes", classes)})
    loaded = load(source, input=shape(input) if input else None, arguments=own, strict=strict)
    found = report(loaded.network, batch_size=batch_size)
    findings = Findings(adapted=loaded.adapted)
    if found.failure:
        from cnncli.solve import smallest_input

        findings = findings._replace(smallest=smallest_input(loaded.network))
    if explain or row:
        from cnncli.explain import explain as explanations

        findings = findings._replace(explanations=explanations(found, row, loaded.remarks))
    if check and not found.failure:
        from cnncli.check import disagreements

        findings = findings._replace(check=disagreements(found))
    show_summary(found, View(columns, all_rows, depth), format, findings)
    if found.failure:
        raise typer.Exit(2)
    _hold(found, limits, disagree=bool(findings.check))


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
