"""The connection of `make lab`: it is Jupyter's own, but holds nothing back. The browser tests run on it."""

import pytest
from jupyter_server.services.kernels.connection.channels import ZMQChannelsWebsocketConnection
from jupyter_server.services.kernels.websocket import KernelWebsocketHandler

import lab
from memcalc.explorers.server import PromptConnection


class Handler(KernelWebsocketHandler):
    """A connection's end at the web server, without the web."""

    def __init__(self):
        self.held_back = True

    def set_nodelay(self, value):
        self.held_back = not value


def test_it_holds_nothing_back_from_the_moment_it_opens(monkeypatch):
    monkeypatch.setattr(ZMQChannelsWebsocketConnection, "connect", lambda self: self.websocket_handler.held_back)
    connection = PromptConnection.__new__(PromptConnection)
    connection.websocket_handler = Handler()
    assert connection.connect() is False


@pytest.mark.parametrize("file", ["Makefile", "tests/lab.py"])
def test_learners_and_browser_tests_have_it(file):
    name = f"{PromptConnection.__module__}.{PromptConnection.__name__}"
    assert f"--ServerApp.kernel_websocket_connection_class={name}" in (lab.ROOT / file).read_text()
