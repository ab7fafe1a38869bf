"""Every control of every explorer to its ends, and every guess opened: run by the tests in the kernels of notebooks."""


def move_every_control():
    """Open what guesses hide; set each control to each of its values or to both ends, take presets, look ahead."""
    from ipywidgets.widgets.widget import _instances

    from memcalc.explorers.widget import Explorer
    from memcalc.lessons.predictions import Guess

    for widget in list(_instances.values()):
        if isinstance(widget, Guess):
            widget.show_me()
    explorers = [widget for widget in list(_instances.values()) if isinstance(widget, Explorer)]
    assert explorers, "this notebook has no explorer"
    for explorer in explorers:
        start = explorer.state
        for control in explorer.stage["controls"]:
            name, values = control["name"], control.get("grid") or control.get("options")
            ends = (control["low"], control["high"]) if control["kind"] == "number" else ()
            for value in values or ends:
                explorer.state = start | {name: value}
                assert explorer.frame["state"] == explorer.state, (name, value)
            explorer.state = start
            if values:
                explorer._look_ahead(explorer, {"ahead": name, "state": start, "from": 0}, [])
        for preset in explorer.stage["presets"].values():
            explorer.state = start | preset
            assert not explorer.frame.get("problem"), preset
        explorer.state = start
