"""Typed decorators of scikit-learn; its own turn methods into Any."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar, cast

from sklearn.base import _fit_context
from sklearn.utils.metaestimators import available_if

Method = TypeVar("Method", bound=Callable[..., Any])


def fitting(*, nested: bool = False) -> Callable[[Method], Method]:
    """Return a decorator that checks the parameters, if `nested` also those of inner estimators."""
    decorate = _fit_context(prefer_skip_nested_validation=not nested)
    return cast("Callable[[Method], Method]", decorate)


def only_if(check: Callable[[Any], bool]) -> Callable[[Method], Method]:
    """Return a decorator of a method that estimators only have if `check` returns True."""
    return cast("Callable[[Method], Method]", available_if(check))
