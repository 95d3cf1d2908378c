"""Table entries that the benchmarks time: the name and network of each."""

from dataclasses import dataclass

from backprop_rs.tables.activation import ACTIVATIONS
from backprop_rs.tables.optimizer import OPTIMIZERS
from backprop_rs.tables.registry import FLAG, FRACTION, SHARE, write
from cases import Case

NETWORKS = ("784-128-10@128", "30-100-1@200")
NORMALIZED = ("sigmoid", "relu")  # activations after a layer normalization
# optax has Dozat's rule without PyTorch's growing momentum: what ours becomes with a quick growth.
SETTINGS = {"nadam": {"momentum_decay": 1e4}}


@dataclass(frozen=True)
class Row(Case):
    """A table entry in a network, written as ``784-128-10@128:activation:gelu``."""

    table: str
    text: str

    @classmethod
    def parse(cls, name):
        net, table, text = name.split(":", 2)
        case = Case.parse(net)
        return cls(name, case.sizes, case.batch, False, table, text)

    @property
    def classes(self):
        return self.text == "softmax"

    @property
    def activation(self):
        hidden = self.table != "optimizer" and not self.classes
        return self.text if hidden else "sigmoid"

    @property
    def output(self):
        return "softmax" if self.classes else "sigmoid"

    @property
    def cost(self):
        return "cross_entropy" if self.classes else "squared_error"

    @property
    def optimizer(self):
        return self.text if self.table == "optimizer" else "sgd"

    @property
    def layer_norm(self):
        return self.table == "layer_norm"

    @property
    def learning_rate(self):
        return 0.01 if self.optimizer.startswith("sgd") else 0.001


def variants(row):
    """Return the texts of a rule: with defaults, then with each option that is off by default."""
    values = {s.name: s.default for s in row.settings} | SETTINGS.get(row.name, {})
    texts = [write(row, values)]
    for setting in row.settings:
        if setting.default == 0:
            on = 0.9 if setting.accepted in (SHARE, FRACTION) else 0.1
            values[setting.name] = 1.0 if setting.accepted is FLAG else on
            texts.append(write(row, values))
    return [text.replace(" ", "") for text in texts]


TABLES = {
    "activation": [row.name for row in ACTIVATIONS],
    "optimizer": [text for row in OPTIMIZERS for text in variants(row)],
    "layer_norm": list(NORMALIZED),
}


def select(patterns):
    """Return (table, text) of all entries, or of those of a named table or with a given name."""
    rows = [(table, text) for table, texts in TABLES.items() for text in texts]
    known = {name for row in rows for name in row}
    for pattern in patterns:
        if pattern not in known:
            raise SystemExit(f"--tables must name {', '.join(TABLES)} or a row; got {pattern}")
    return [row for row in rows if not patterns or set(row) & set(patterns)]
