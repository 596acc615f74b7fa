"""The first signal is noted, the second is obeyed."""

from __future__ import annotations

import os
import signal
from concurrent.futures import ThreadPoolExecutor

import pytest

from cnncli.training.process import Interruption

pytestmark = pytest.mark.skipif(os.name == "nt", reason="os.kill delivers no signals there")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_the_first_is_noted_and_the_second_ends_the_program(number: signal.Signals) -> None:
    """With the exit code of the signal; afterwards both are ignored, until the program has ended."""
    before = {each: signal.getsignal(each) for each in (signal.SIGINT, signal.SIGTERM)}
    try:
        with Interruption() as interruption:
            assert not interruption
            assert interruption.exit_code == 0
            os.kill(os.getpid(), number)
            assert interruption
            assert interruption.exit_code == 128 + number
            with pytest.raises(SystemExit, match="130"):
                os.kill(os.getpid(), signal.SIGINT)
        assert signal.getsignal(number) == signal.SIG_IGN
    finally:
        for each, handler in before.items():
            signal.signal(each, handler)


def test_handlers_come_back() -> None:
    """Whatever they were."""
    before = signal.getsignal(signal.SIGINT)
    with Interruption():
        assert signal.getsignal(signal.SIGINT) != before
    assert signal.getsignal(signal.SIGINT) == before


def test_another_thread_has_no_signals_to_watch() -> None:
    """Training in a thread works, and leaves the handlers alone."""

    def enter() -> bool:
        with Interruption() as interruption:
            return bool(interruption)

    with ThreadPoolExecutor(1) as pool:
        assert pool.submit(enter).result() is False
