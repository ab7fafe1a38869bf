"""What an explorer is: a function from the values of its controls to a frame, with its presets and menus."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from memcalc.explorers.frame import Frame, Menus, Setting


@dataclass(frozen=True)
class Explorable:
    """An explorer: called with the first values of its controls it opens as a widget, and `frame` says what it shows.

    Parameters
    ----------
    frame : a function from the values of the controls to a `Frame`; it raises InputError where they make no sense
    presets : name → setting
    menus : the menus that this explorer alone has

    >>> from memcalc.explorers import kv_cache
    >>> kv_cache(kv_heads=32, context=32768, batch=1, kv_cache="FP16").frame["details"][0]
    'M_kv = L_full × h_kv × d_k × s × b × (B_k + B_v) = 32 × 32 × 128 × 32,768 × 1 × (2 + 2) = 17,179,869,184 bytes'
    """

    frame: Callable[..., Frame]
    presets: Mapping[str, Setting]
    menus: Menus

    def __call__(self, **start: str | int):
        """Return the widget: a control for each name in `start`, set to its value, above the picture and the words.

        Names of the glossary become sliders, others menus or pickers. Controls whose values make no sense together show
        one sentence; the last picture stays.
        Raises InputError for a name that has no control, and for values at the start that make no sense.
        """
        from memcalc.explorers.widget import Explorer  # frames do without the widget's libraries

        return Explorer(self.frame, self.presets, self.menus, start)


def explorer(presets: Mapping[str, Setting], menus: Menus | None = None) -> Callable[..., Explorable]:
    """Make an explorer of the function that computes its frames."""
    return lambda frame: Explorable(frame, presets, menus or {})
