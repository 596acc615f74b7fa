"""Train and inspect convolutional networks: sizes, parameters, receptive fields, and the why behind each number."""

TYPE_CHECKING = False
if TYPE_CHECKING:
    from cnncli.api import summary

__all__ = ["__version__", "summary"]
__version__ = "0.1.0"


def __getattr__(name: str) -> object:
    """`cnncli.summary`, imported when it is asked for: the package itself costs nothing (PEP 562)."""
    if name == "summary":
        from cnncli.api import summary

        return summary
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
