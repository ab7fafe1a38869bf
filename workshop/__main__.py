"""Start the server of the workshop, or say what is in its way: `python -m workshop`, as root."""

import os
import sys

from memcalc.errors import InputError
from workshop.room import ROOT, Room


def start() -> None:
    """Check the room, then let JupyterHub run until it is stopped."""
    try:
        room = Room()
    except InputError as wrong:
        sys.exit(str(wrong))
    if faults := list(room.faults()):
        sys.exit("\n".join(faults))
    os.umask(0o077)
    room.state.mkdir(parents=True, exist_ok=True)
    room.slips()
    print(f"The slips, a name and a password for each learner, are in {room.state / 'slips.csv'}.", flush=True)
    from jupyterhub.app import main  # not before: what is in the way is said at once

    main(["--config", str(ROOT / "workshop" / "jupyterhub_config.py")])


if __name__ == "__main__":
    start()
