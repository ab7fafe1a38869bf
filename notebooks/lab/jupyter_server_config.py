"""How a server of the lessons talks to a page: each message goes out at once.

`make lab`, Binder and the workshop read this as a configuration of Jupyter, so that the
server needs nothing of memcalc, whose SymPy takes 50 MB.
"""

from collections.abc import Awaitable

from jupyter_server.services.kernels.connection.channels import (
    ZMQChannelsWebsocketConnection,
)


class PromptConnection(ZMQChannelsWebsocketConnection):
    """A kernel's connection to a page that holds nothing back.

    Jupyter's own waits before each short message until the page has acknowledged the
    one before (Nagle's algorithm), up to 40 ms on Linux; and a frame always follows a
    short message, which says that the kernel is busy.
    """

    def connect(self) -> Awaitable[None] | None:
        """Open the connection; it is there when what this returns has come."""
        self.websocket_handler.set_nodelay(True)
        return super().connect()


c = get_config()  # noqa: F821
c.ServerApp.kernel_websocket_connection_class = PromptConnection
