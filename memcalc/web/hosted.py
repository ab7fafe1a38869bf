"""What hosts a lesson's widgets in a page's worker, where no Jupyter is: it keeps their traits, and tells nobody."""

import sys
from collections.abc import Callable, Iterable, Mapping
from contextlib import AbstractContextManager, nullcontext
from importlib import import_module
from types import ModuleType

from traitlets import HasTraits, Tuple


class Widget(HasTraits):
    """A widget without a view: the page has that, and asks the worker what is to be said."""

    def on_msg(self, listener: Callable[[object, Mapping, list], None]) -> None:
        """Have somebody listen to what a page sends."""
        self._listener = listener

    def _handle_custom_msg(self, said: Mapping[str, object], buffers: list) -> None:
        self._listener(self, said, buffers)  # as the widgets of Jupyter call it

    def hold_sync(self) -> AbstractContextManager:
        """Return what holds nothing back, for nothing is sent."""
        return nullcontext()

    def send(self, message: object) -> None:
        """Send nothing: a page asks for frames one by one."""


class VBox(Widget):
    """A box of widgets, one below the other."""

    children = Tuple()

    def __init__(self, children: Iterable[Widget] = ()):
        super().__init__(children=tuple(children))


def host() -> None:
    """Give the widgets' libraries' names to what stands here, if those are not installed."""
    for name, classes in {"anywidget": {"AnyWidget": Widget}, "ipywidgets": {"Widget": Widget, "VBox": VBox}}.items():
        try:
            import_module(name)
        except ModuleNotFoundError:
            module = sys.modules[name] = ModuleType(name, __doc__)
            vars(module).update(classes)
