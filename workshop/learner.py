"""A learner who is not there: enters with a slip, opens a lesson, moves a slider, as a browser would ask for it."""

import asyncio
import contextlib
import itertools
import json
import time
import uuid

import aiohttp

LESSON = "00_start_here.ipynb"
KERNEL = {"name": "python3"}
PATIENCE = 600  # for an answer of a machine that is busy [s]
HEADER = {"username": "", "version": "5.3"}


class Learner:
    """One of many, each with a session, a kernel and a channel to it of their own."""

    def __init__(self, url: str, name: str, password: str):
        self.url, self.name, self.password = url, name, password
        self.home = f"{url}/user/{name}"
        self.session = aiohttp.ClientSession(
            cookie_jar=aiohttp.CookieJar(unsafe=True), timeout=aiohttp.ClientTimeout(total=PATIENCE)
        )
        self.printed, self.explorer = "", None

    async def enter(self) -> float:
        """Log in, wait for the server, and return the time until the page of the first lesson came [s]."""
        began = time.perf_counter()
        await self._get(f"{self.url}/hub/login")
        slip = {"username": self.name, "password": self.password}
        async with self.session.post(f"{self.url}/hub/login", params=self._proof(), data=slip) as answer:
            if answer.url.path == "/hub/login" or answer.status == 403:
                raise PermissionError(f"{self.name} may not enter with this slip: is it of another workshop?")
        await self._wait()
        token = f"{self.url}/hub/api/users/{self.name}/tokens"
        async with self.session.post(token, params=self._proof(), json={}) as answer:
            self.session.headers["Authorization"] = f"token {(await answer.json())['token']}"
        await self._get(f"{self.home}/lab/tree/{LESSON}")
        return time.perf_counter() - began

    async def _wait(self) -> None:
        """Follow the bar that a browser shows until the server is ready."""
        progress = f"{self.url}/hub/api/users/{self.name}/server/progress"
        async with self.session.get(progress, params=self._proof()) as events:
            events.raise_for_status()
            async for line in events.content:
                event = json.loads(line[5:]) if line.startswith(b"data:") else {}
                if event.get("ready"):
                    return
                if event.get("failed"):
                    raise RuntimeError(f"The server of {self.name} did not start: {event['message']}")

    def _proof(self) -> dict[str, str]:
        """Return what JupyterHub asks for beside a cookie, so that no other page can act for the learner."""
        return {"_xsrf": self.session.cookie_jar.filter_cookies(f"{self.url}/hub/")["_xsrf"].value}

    async def _get(self, address: str) -> str:
        async with self.session.get(address) as answer:
            answer.raise_for_status()
            return await answer.text()

    async def may_see(self, other: str) -> bool:
        """Return whether another's files can be listed over the web."""
        async with self.session.get(f"{self.url}/user/{other}/api/contents") as answer:
            return answer.status == 200

    async def open(self) -> float:
        """Run the lesson's cells up to its first explorer, and return the time until that is there [s]."""
        began = time.perf_counter()
        notebook = json.loads(await self._get(f"{self.home}/api/contents/{LESSON}?content=1"))["content"]
        asked = {"path": LESSON, "name": LESSON, "type": "notebook", "kernel": KERNEL}
        async with self.session.post(f"{self.home}/api/sessions", json=asked) as answer:
            answer.raise_for_status()
            kernel = (await answer.json())["kernel"]["id"]
        await self._connect(f"{self.home}/api/kernels/{kernel}/channels")
        for cell in notebook["cells"]:
            if cell["cell_type"] == "code" and not self.explorer:
                await self.run("".join(cell["source"]))
        stage = self.explorer["stage"]["controls"]
        slider = next(control for control in stage if control.get("grid"))
        self.slider, self.marks = slider["name"], itertools.cycle(slider["grid"])
        return time.perf_counter() - began

    async def _connect(self, address: str) -> None:
        """Open a channel to the kernel, once more if it closes at once, as happens on a machine that is busy."""
        for _ in range(3):
            self.channel = await self.session.ws_connect(address, max_msg_size=0)
            self.heard = asyncio.Queue()
            self.listening = asyncio.create_task(self._listen())
            with contextlib.suppress(ConnectionError):
                await self.run("")
                return
        raise ConnectionError(f"The kernel of {self.name} closes every channel.")

    async def _listen(self) -> None:
        """Take every message as it comes, and answer whether anybody is there, as a browser does."""
        async for message in self.channel:
            self.heard.put_nowait(message.json())
        self.heard.put_nowait(None)

    async def run(self, code: str) -> str:
        """Run a cell, and return what it printed; raise RuntimeError for an error of its own."""
        self.printed = ""
        asked = await self._send("execute_request", code=code, silent=False, stop_on_error=True)
        missing = {"execute_reply", "idle"}  # in whichever order

        def heard(kind: str, content: dict, parent: str) -> bool:
            if parent == asked:
                missing.difference_update((kind, content.get("execution_state")))
            return not missing

        await self._until(heard)
        return self.printed

    async def move(self) -> float:
        """Move the slider to its next mark, and return the time until the new frame is there [s]."""
        mark = next(self.marks)
        state = self.explorer["state"] = self.explorer["state"] | {self.slider: mark}
        update = {"method": "update", "state": {"state": state}, "buffer_paths": []}
        began = time.perf_counter()
        await self._send("comm_msg", comm_id=self.explorer["id"], data=update)
        await self._until(lambda kind, content, parent: _frame(content).get("state") == state)
        return time.perf_counter() - began

    async def _send(self, kind: str, **content: object) -> str:
        name = uuid.uuid4().hex
        header = HEADER | {"msg_id": name, "msg_type": kind, "session": self.name}
        message = {"header": header, "parent_header": {}, "metadata": {}, "content": content, "buffers": []}
        await self.channel.send_json(message | {"channel": "shell"})
        return name

    async def _until(self, done: object) -> None:
        """Read what the kernel says, and keep what is printed and what opens, until something is done."""
        while True:
            message = await asyncio.wait_for(self.heard.get(), PATIENCE)
            if message is None:
                raise ConnectionError(f"The channel of {self.name} was closed.")
            kind, content = message["msg_type"], message["content"]
            state = content.get("data", {}).get("state", {}) if kind == "comm_open" else {}
            if kind == "stream":
                self.printed += content["text"]
            elif kind == "error":
                raise RuntimeError(f"A cell of {self.name} failed: {content['ename']}: {content['evalue']}")
            elif "stage" in state and not self.explorer:
                self.explorer = {"id": content["comm_id"]} | {name: state[name] for name in ("stage", "state")}
            if done(kind, content, message["parent_header"].get("msg_id")):
                return

    async def leave(self) -> None:
        """Close the session, and with it the channel."""
        await self.session.close()


def _frame(content: dict) -> dict:
    """Return the frame that a message of a widget brings; an empty one if it brings none."""
    data = content.get("data", {})
    return data.get("state", {}).get("frame", {}) if data.get("method") == "update" else {}
