"""The picture of a bottleneck: what each width costs."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from cnncli.lessons.bottleneck import ASKED, Bottleneck
from cnncli.render.bottleneck import heading
from cnncli.render.plots import blank_figure, placed, png_of

if TYPE_CHECKING:
    from matplotlib.axes import Axes

POINTS = 200  # widths at which the cost is counted


def draw(found: Bottleneck, path: Path) -> Path:
    """Parameters and MACs by the bottleneck's width, beside those of the path without one, as PNG. Raises `DataError`."""
    return placed(cost_by_width(found), path)


def cost_by_width(found: Bottleneck) -> bytes:
    """The picture's bytes."""
    figure = blank_figure(10, 5)
    last = max(1.25 * max(each.value for each in found.break_even), 1.5 * found.mid, 4)
    widths = sorted({1, found.mid, *(max(1, round(last * place / POINTS)) for place in range(1, POINTS + 1))})
    costs = [found.costs(mid) for mid in widths]
    direct = (found.direct.totals.params, found.direct.totals.macs)
    for axis, (axes, name) in enumerate(zip(figure.subplots(1, 2), ASKED, strict=True)):
        _curve(axes, widths, [cost[axis] for cost in costs], direct[axis])
        _marks(axes, found, found.costs(found.mid)[axis], direct[axis], found.break_even[axis].value)
        axes.set(xlabel="channels of the 1×1 convolution", ylabel=name, xlim=(0, last), ylim=(0, None))
        axes.legend(loc="upper center", bbox_to_anchor=(0.5, -0.15), ncols=2, frameon=False, fontsize=9)
    figure.suptitle(heading(found), fontsize=11)
    return png_of(figure)


def _curve(axes: Axes, widths: list[int], costs: list[int], direct: int) -> None:
    from matplotlib.ticker import EngFormatter, MaxNLocator

    axes.axhline(direct, color="tab:gray", linestyle="--", label=f"without: {direct:,}")
    axes.plot(widths, costs, color="tab:blue", label="with a bottleneck")
    axes.yaxis.set_major_formatter(EngFormatter(sep=" "))
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.grid(visible=True, alpha=0.3)


def _marks(axes: Axes, found: Bottleneck, cost: int, direct: int, even: int) -> None:
    times = f"{direct / cost:,.1f} times less" if cost <= direct else f"{cost / direct:,.1f} times as much"
    axes.plot([found.mid], [cost], "o", color="tab:orange", label=f"{found.mid:,} channels: {cost:,}, {times}")
    if even:
        axes.axvline(even, color="tab:green", linestyle=":", label=f"break-even: {even:,} channels")
