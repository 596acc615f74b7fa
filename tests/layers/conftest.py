"""How many examples ran, told at the end."""

from __future__ import annotations

from collections import Counter

from _pytest.terminal import TerminalReporter


def pytest_terminal_summary(terminalreporter: TerminalReporter) -> None:
    """Examples of each kind of layer over all properties, from what the tests recorded."""
    ran: Counter[str] = Counter()
    for outcome in terminalreporter.stats.values():
        for report in outcome:
            if getattr(report, "when", "") == "call":
                ran.update({kind: count for name, (kind, count) in report.user_properties if name == "examples"})
    if ran:
        terminalreporter.section("examples of each kind of layer")
        terminalreporter.write_line(", ".join(f"{kind} {count:,}" for kind, count in sorted(ran.items())))
        terminalreporter.write_line(f"{sum(ran.values()):,} in all")
