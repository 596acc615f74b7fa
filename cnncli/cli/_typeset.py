"""Characters that a word processor, a web page or another keyboard puts in the place of those a shell takes."""

from __future__ import annotations

from pathlib import Path

_DASHES = "\u2010\u2011\u2012\u2013\u2014\u2015\u2212"
_QUOTES = "\u2018\u2019\u201a\u201c\u201d\u201e\u00ab\u00bb"
_FULL_WIDTH = {ord("\u3000"): " "} | {code: chr(code - 0xFEE0) for code in range(0xFF01, 0xFF5F)}
_PLAIN = _FULL_WIDTH | dict.fromkeys(map(ord, _DASHES), "-") | dict.fromkeys(map(ord, _QUOTES), "")


def as_typed(word: str) -> str:
    """`word` in ASCII where only its typography is not: `\u2013epochs` as `--epochs`, `lr=\u201c0.1\u201d` as `lr=0.1`.

    What names a file here, and what holds other letters, stays as it is.
    """
    if word.isascii() or any(
        Path(part).exists() for part in (word, word.partition("=")[2], word.partition(":")[2]) if part
    ):
        return word
    bare = word.translate(dict.fromkeys(map(ord, _QUOTES), ""))
    option = bare[:1] in _DASHES and len(bare) > 2 and bare[1].isalpha()
    plain = ("-" if option else "") + word.translate(_PLAIN)
    return plain if plain.replace("\u00d7", "").isascii() else word
