"""A conversation as a person has it: in a terminal, with and without the launcher.

    chat_terminal.py COMMAND...

COMMAND starts jupiter chat with a model whose answers never end by themselves.
"""
import fcntl
import os
import pty
import re
import select
import signal
import struct
import sys
import termios
import time

PATIENCE_S = float(os.environ.get("JUP_TEST_PATIENCE_S", "240"))
COLUMNS = 40


class Terminal:
    def __init__(self, command):
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            os.execvp(command[0], command)
        fcntl.ioctl(self.fd, termios.TIOCSWINSZ, struct.pack("HHHH", 24, COLUMNS, 0, 0))
        self.seen = ""

    def read(self, seconds):
        if not select.select([self.fd], [], [], seconds)[0]:
            return False
        try:
            data = os.read(self.fd, 4096)
        except OSError:
            return False
        self.seen += data.decode("utf-8", "replace").replace("\r", "")
        return bool(data)

    def expect(self, pattern, what, seconds=PATIENCE_S):
        """Waits for the pattern in what came since the last one; gives what was before it."""
        until = time.monotonic() + seconds
        while True:
            found = re.search(pattern, self.seen)
            if found:
                before = self.seen[:found.start()]
                self.seen = self.seen[found.end():]
                return before
            if time.monotonic() > until or not self.read(1) and self.ended():
                sys.exit(f"FAILED: {what}: no {pattern!r} in {self.seen[-2000:]!r}")

    def ended(self):
        done, status = os.waitpid(self.pid, os.WNOHANG)
        if done:
            self.status = status
        return bool(done)

    def type(self, text):
        os.write(self.fd, text.encode())

    def interrupt_key(self):
        return termios.tcgetattr(self.fd)[6][termios.VINTR]

    def finish(self, seconds=60):
        until = time.monotonic() + seconds
        while not getattr(self, "status", None) and time.monotonic() < until:
            self.read(0.1)
            if self.ended():
                return self.status
        os.kill(self.pid, signal.SIGKILL)
        sys.exit(f"FAILED: the chat goes on: {self.seen[-2000:]!r}")


def converse(command):
    terminal = Terminal(command)
    key = terminal.interrupt_key()
    terminal.expect(r"> $", "a sign where to type")
    terminal.type("hello\n")
    terminal.expect(r"hello\n(?s:.{60})", "an answer under way")
    terminal.type("\x03")
    terminal.expect(r"stopped; Ctrl-C once more ends", "Ctrl-C stops the answer")
    terminal.expect(r"> $", "the conversation goes on")
    terminal.type("/help\n")
    terminal.expect(r"/system TEXT", "/help")
    terminal.expect(r"> $", "a sign after an order")
    terminal.type('"""one\n')
    terminal.expect(r"\. $", "a sign for a further line")
    terminal.type('two"""\n')
    terminal.expect(r'two"""\n(?s:.{60})', "the answer to several lines")
    terminal.type("\x03")
    terminal.expect(r"stopped", "Ctrl-C stops it again")
    terminal.expect(r"> $", "and again a sign")
    terminal.type("\x03")
    terminal.expect(r"2 turns; of the prompts' tokens [1-9]", "a second Ctrl-C ends the chat")
    status = terminal.finish()
    if os.waitstatus_to_exitcode(status) != 0:
        sys.exit(f"FAILED: the chat ended with {status}: {terminal.seen}")
    if terminal.interrupt_key() != key:
        sys.exit("FAILED: the terminal's interrupt key is another one now")


if __name__ == "__main__":
    converse(sys.argv[1:])
