"""Every live control to its ends: run by the tests, and by them in the kernels of the notebooks."""


def move_every_control():
    """Set each slider to both ends, each menu to every option, press each button; put all back."""
    from ipywidgets import Button
    from ipywidgets.widgets.widget import _instances

    moved = 0
    for widget in list(_instances.values()):
        if hasattr(widget, "options"):
            ends = list(widget.options)
        elif hasattr(widget, "base"):
            ends = [widget.base**widget.min, widget.base**widget.max]
        elif hasattr(widget, "min"):
            ends = [widget.min, widget.max]
        else:
            ends = []
        for end in ends:
            start, widget.value = widget.value, end
            widget.value = start
            moved += 1
        if isinstance(widget, Button):
            widget.click()
    assert moved, "this notebook has no control"
