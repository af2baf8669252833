"""How a fault gets into vLLM."""

import functools
from collections.abc import Callable
from typing import Any


def instead_of(owner: Any, name: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Puts the decorated function in the place of `owner.name`, a method or a module's function. It is called with the
    original first, then with what the original is called with. AttributeError if this vLLM has no such function.
    """
    original = getattr(owner, name)

    def put(fault: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(original)
        def patched(*args: Any, **kwargs: Any) -> Any:
            return fault(original, *args, **kwargs)

        setattr(owner, name, patched)
        return fault

    return put
