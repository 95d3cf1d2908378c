"""What `fit` asks of a source."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..data.sources import Source
from .out_of_core import Streamed

if TYPE_CHECKING:
    from ..base_network import BaseNetwork


def streamed(net: BaseNetwork, source: Source, y: Any, given: dict[str, Any]) -> Streamed:
    """The samples of a source, which brings its targets and weights along."""
    for name, value in (("y", y), ("sample_weight", given["sample_weight"])):
        if value is not None:
            raise ValueError(f"{name} must be part of a source; got it beside {source!r}")
    class_weight = given["class_weight"]
    if isinstance(class_weight, str) and class_weight == "balanced":
        raise ValueError("class_weight must be a mapping for a source; got 'balanced'")
    return Streamed(net, source, class_weight=class_weight)


def check_length(source: Source, given: dict[str, Any]) -> None:
    """Have the length of a source, but where it can be read only once and is not needed."""
    if source.length is None and source.repeatable:
        source.count()
    if source.repeatable:
        return
    if given["epochs"] != 1:
        raise ValueError(
            f"epochs must be 1 for a source that can be read only once; got {given['epochs']!r}"
        )
    if source.length is None:
        auto = [name for name in ("batch_size", "learning_rate") if given[name] == "auto"]
        auto += ["schedule"] * (given["schedule"] not in ("auto", "constant"))
        if auto:
            raise ValueError(
                f"{auto[0]} depends on the number of samples, which is not known of {source.name}: "
                f"give source(..., length=...), or a {auto[0]} that does not"
            )


def keep_scaling(net: BaseNetwork, source: Source) -> None:
    """The scaling of a source stays with the network, as the command line keeps it."""
    scalings = {"scaling": source.scaling, "target_scaling": source.target_scaling}
    for name, scaling in scalings.items():
        if scaling is not None:
            net.metadata[name] = scaling.to_dict()
    if source.feature_names:
        net.metadata.setdefault("feature_names", list(source.feature_names))
    if source.class_names:
        net.metadata.setdefault("class_names", list(source.class_names))
