"""Small arrays and windows drawn at random."""

from __future__ import annotations

import numpy as np
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

sides = st.integers(1, 9)
pairs = st.tuples(st.integers(1, 3), st.integers(1, 3))


def maps(*shape: int) -> st.SearchStrategy[np.ndarray]:
    """Whole and broken numbers, many of them equal."""
    return arrays(np.float64, shape, elements=st.one_of(st.integers(-3, 3), st.floats(-100, 100)))
