"""The connection of `make lab`: it is Jupyter's own, but holds nothing back. The browser tests run on it."""

import json
import subprocess
import sys

import pytest
from jupyter_server.services.kernels.connection.channels import ZMQChannelsWebsocketConnection
from jupyter_server.services.kernels.websocket import KernelWebsocketHandler
from traitlets.config import PyFileConfigLoader

import lab


class Handler(KernelWebsocketHandler):
    """A connection's end at the web server, without the web."""

    def __init__(self):
        self.held_back = True

    def set_nodelay(self, value):
        self.held_back = not value


def test_it_holds_nothing_back_from_the_moment_it_opens(monkeypatch):
    monkeypatch.setattr(ZMQChannelsWebsocketConnection, "connect", lambda self: self.websocket_handler.held_back)
    configured = PyFileConfigLoader("jupyter_server_config.py", str(lab.SETTINGS)).load_config()
    prompt = configured.ServerApp.kernel_websocket_connection_class
    assert issubclass(prompt, ZMQChannelsWebsocketConnection)
    connection = prompt.__new__(prompt)
    connection.websocket_handler = Handler()
    assert connection.connect() is False


@pytest.mark.parametrize("file", ["Makefile", "start", "tests/lab.py"])
def test_learners_and_browser_tests_have_it(file):
    text = (lab.ROOT / file).read_text()
    assert "JUPYTER_CONFIG_PATH" in text
    assert "kernel_websocket_connection_class" not in text


def test_jupyter_reads_it_there(tmp_path):
    environment = {"JUPYTER_CONFIG_PATH": str(lab.SETTINGS), "HOME": str(tmp_path)}
    command = [sys.executable, "-m", "jupyter", "lab", "--show-config-json", "--allow-root"]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    assert "PromptConnection" in json.loads(done.stdout)["ServerApp"]["kernel_websocket_connection_class"]
