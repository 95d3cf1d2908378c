"""The entry of L-BFGS, which SciPy runs; the backends do not have it in their table."""

from .optimizer import Rule
from .registry import COUNT, NON_NEGATIVE, Setting, parse, write

ROW = Rule(
    name="lbfgs",
    update=lambda *_: None,  # SciPy has it
    memory=lambda _: (),
    formula="w - step H g, H from the last steps and gradients",
    source="Nocedal & Wright 2006, Numerical Optimization, algorithms 7.5 and 3.5",
    settings=(Setting("tolerance", 1e-6, NON_NEGATIVE), Setting("memory", 10.0, COUNT)),
)


def canonical(text: str) -> str:
    """Return the entry as it is written.

    >>> canonical("lbfgs(1e-6, memory=20)")
    'lbfgs(memory=20)'
    """
    return write(*parse("optimizer", text, [ROW]))
