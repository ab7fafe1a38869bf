"""What a worker of a page asks: the frame of a state, as text in and text out."""

import json

from memcalc import explorers


def answer(question: str) -> str:
    """Return the frame of a state as what differs from that of the start, or the problem, as JSON.

    Parameters
    ----------
    question : JSON with the explorer's subject, the state, the start and the width of the layout

    >>> asked = {"subject": "fit", "state": {"context": 4096}, "start": {}, "width": 860}
    >>> json.loads(answer(json.dumps(asked)))["said"][1]
    ' 9.09 GiB stay free beside the 14.55 GiB.'
    """
    asked = json.loads(question)
    explorable = getattr(explorers, asked["subject"])
    frame = explorable.answer(asked["state"], asked["start"], asked["width"])
    return json.dumps(frame, ensure_ascii=False)
