"""A small client of `jupiter serve` over the standard library, and the server's life for tests.

with Server(jupiter, model, ranks, options) as server: server.chat(...), server.post(...), ..."""
import http.client
import json
import os
import re
import signal
import subprocess
import tempfile
import time

PATIENCE_S = float(os.environ.get("JUP_TEST_PATIENCE_S", "120"))
THIN = bool(os.environ.get("JUP_TEST_THIN"))  # everything takes ten times as long: see tests/mpi/lib.sh


def some(number):
    """That many, or a third."""
    return -(-number // 3) if THIN else number


class Server:
    def __init__(self, jupiter, model, ranks, options=(), env=None):
        self.log = tempfile.TemporaryFile()
        command = ["mpirun", "-n", str(ranks), jupiter, "serve", "-m", model, "--port", "0", "-t", "1"]
        self.process = subprocess.Popen(command + list(options), stdin=subprocess.DEVNULL,
                                        stdout=self.log, stderr=self.log,
                                        env={**os.environ, **(env or {})})
        self.port, self.rc = self.find_port(), None

    def text(self):
        self.log.seek(0)
        return self.log.read().decode(errors="replace")

    def find_port(self):
        for _ in range(int(5 * PATIENCE_S)):
            found = re.search(r"at http://[^ ]*:(\d+)/", self.text())
            if found:
                return int(found.group(1))
            if self.process.poll() is not None:
                break
            time.sleep(0.1)
        self.process.kill()
        raise RuntimeError("the server did not start:\n" + self.text())

    def first_rank(self):
        """The process of rank 0."""
        children = subprocess.run(["ps", "-o", "pid=", "--ppid", str(self.process.pid)],
                                  capture_output=True, text=True).stdout.split()
        for pid in map(int, children):
            with open(f"/proc/{pid}/environ", "rb") as file:
                if b"OMPI_COMM_WORLD_RANK=0\0" in file.read():
                    return pid
        raise RuntimeError("no rank 0")

    def ranks(self):
        return [int(p) for p in subprocess.run(["ps", "-o", "pid=", "--ppid", str(self.process.pid)],
                                               capture_output=True, text=True).stdout.split()]

    def stop(self):
        """As docs/server.md says; returns the exit code of mpirun."""
        if self.rc is None:
            os.kill(self.first_rank(), signal.SIGTERM)
            self.rc = self.process.wait(3 * PATIENCE_S)
        return self.rc

    def __enter__(self):
        return self

    def __exit__(self, kind, value, trace):
        try:
            if self.rc is None and self.process.poll() is None:
                self.stop()
        finally:
            if self.process.poll() is None:
                self.process.kill()
            if kind:
                print(self.text())

    def request(self, method, path, body=None, headers=None, timeout=PATIENCE_S):
        """(status, headers, text)"""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=timeout)
        data = body if isinstance(body, (bytes, str, type(None))) else json.dumps(body)
        connection.request(method, path, data, {"Content-Type": "application/json", **(headers or {})})
        answer = connection.getresponse()
        text = answer.read().decode()
        connection.close()
        return answer.status, dict(answer.headers), text

    def get(self, path, **more):
        return self.request("GET", path, **more)

    def post(self, path, body, **more):
        status, headers, text = self.request("POST", path, body, **more)
        return status, headers, json.loads(text)

    def chat(self, text, **fields):
        messages = text if isinstance(text, list) else [{"role": "user", "content": text}]
        status, _, answer = self.post("/v1/chat/completions", {"messages": messages, **fields})
        assert status == 200, (status, answer)
        return answer

    def say(self, text, **fields):
        return self.chat(text, **fields)["choices"][0]["message"]["content"]

    def events(self, path, body):
        """The events of a stream, without [DONE], which must come last."""
        status, headers, text = self.request("POST", path, {**body, "stream": True})
        assert status == 200 and headers["Content-Type"] == "text/event-stream", (status, text)
        parts = text.split("\n\n")
        assert parts[-1] == "" and parts[-2] == "data: [DONE]", parts[-3:]
        return [json.loads(part.removeprefix("data: ")) for part in parts[:-2]]
