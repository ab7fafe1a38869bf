"""Whether learners can read what is another's: each looks for it in a cell, and over the web."""

import asyncio
import json
from collections.abc import Sequence

from workshop.learner import Learner

MINE = """
import json, os, tempfile
from ipykernel.connect import get_connection_file
written = os.path.join(tempfile.gettempdir(), f"memcalc-{os.getuid()}-{os.getpid()}")
with open(written, "w") as file:
    file.write("mine")
lesson = os.path.abspath("00_start_here.ipynb")
print(json.dumps([lesson, written, get_connection_file(), f"/proc/{os.getpid()}/environ"]))
"""
"""Says where a learner's things are: a lesson, a file in the folder that all share, the key to the kernel, and that to
the server, which stands in the environment."""

READ = """
def reads(path):
    try:
        open(path, "rb").close()
    except OSError:
        return False
    return True

print(json.dumps([path for path in {} if reads(path)]))
"""


async def readable(learners: Sequence[Learner]) -> list[str]:
    """Return what learners could read of another's, as sentences; raise RuntimeError if they cannot read their own."""
    theirs = [json.loads(await learner.run(MINE)) for learner in learners]
    every = [path for paths in theirs for path in paths]
    found = await asyncio.gather(*(_read(*both, every) for both in zip(learners, theirs, strict=True)))
    return [sentence for sentences in found for sentence in sentences] + await _on_the_web(learners)


async def _read(learner: Learner, own: Sequence[str], every: Sequence[str]) -> list[str]:
    found = json.loads(await learner.run(READ.format(every)))
    if not set(own) <= set(found):
        raise RuntimeError(f"{learner.name} cannot read what is their own: {set(own) - set(found)}")
    return [f"{learner.name} could read {path}" for path in found if path not in own]


async def _on_the_web(learners: Sequence[Learner]) -> list[str]:
    pairs = zip(learners, [*learners[1:], learners[0]], strict=True)
    return [
        f"{one.name} could list the files of {other.name} on the web"
        for one, other in pairs
        if one is not other and await one.may_see(other.name)
    ]
