#!/usr/bin/env python3
"""The page in a real browser: an outline is written, stages work, by keyboard alone, also on a
small screen, and nothing is fetched from elsewhere. usage: page_test.py JUPITER MODEL [FOLDER for
screenshots]. Exit 77: no Chromium here."""
import os
import sys
import tempfile

from browser import Browser, find
from client import Server

JUPITER, MODEL = sys.argv[1:3]
FOLDER = sys.argv[3] if len(sys.argv) > 3 else tempfile.mkdtemp()


# Notes what was to be seen while an answer was being written, however slow this machine is.
WATCH = """window.seen = {};
setInterval(() => {
  const points = [...document.querySelectorAll('.point p')];
  const long = points.filter(p => p.textContent.length > 20).length;
  if (long >= 2 && document.querySelectorAll('.writing').length >= 2) seen.growing = true;
  if ([...document.querySelectorAll('.bar .busy')].some(b => parseFloat(b.style.width) > 5)) seen.busy = true;
}, 10)"""


def outline(page):
    page.value("document.getElementById('outline').value = 'on'")
    page.value(WATCH)
    page.type("How do I make a simple vegetable soup?")
    page.press("Enter")
    page.until("seen.growing")
    page.screenshot(os.path.join(FOLDER, "outline.png"))
    page.until("!running", 120)
    page.until("seen.busy")
    assert page.value("document.querySelectorAll('.point').length") >= 2
    assert page.value("document.querySelectorAll('.writing').length") == 0
    assert page.value("document.querySelectorAll('.stage').length") == 4
    assert "tokens/s" in page.value("document.getElementById('figures').textContent")


def conversation(page):
    page.value("document.getElementById('anew').click()")
    page.value("document.getElementById('outline').value = 'off'")
    for question in ("How many days has a year?", "And how many weeks?"):
        page.type(question)
        page.press("Enter")
        page.until("!running && !document.getElementById('ask').disabled", 120)
    assert page.value("turns.length") == 4
    assert "in the cache" in page.value("document.getElementById('figures').textContent")
    page.type("How do I boil eggs well?")
    page.press("Enter")
    page.until("running !== null || turns.length === 6")
    page.press("Escape")
    page.until("running === null")


def small_screen(page):
    page.size(360, 740)
    page.until("document.documentElement.scrollWidth <= 360")
    page.screenshot(os.path.join(FOLDER, "small.png"))
    top = page.value("document.getElementById('form').getBoundingClientRect().width")
    assert top <= 360, top


def by_keyboard(page):
    """Every control is reached by the tab key, from the question on."""
    page.value("document.getElementById('question').focus()")
    seen = []
    for _ in range(12):
        page.press("Tab")
        seen.append(page.value("document.activeElement.id"))
    for control in ("ask", "anew", "outline", "tokens", "temperature"):
        assert control in seen, (control, seen)


def main():
    path = find()
    if not path:
        print("no Chromium here (Debian: chromium): skipped")
        return 77
    with Server(JUPITER, MODEL, 4) as server, Browser(path, 1200, 900) as page:
        page.open(f"http://127.0.0.1:{server.port}/")
        page.until("document.querySelectorAll('.stage').length === 4")
        for check in (outline, conversation, by_keyboard, small_screen):
            check(page)
            print(check.__name__, "ok", flush=True)
        page.value("window.dispatchEvent(new Event('done'))")
        foreign = [u for u in page.requests if not u.startswith((f"http://127.0.0.1:{server.port}/", "data:", "about:"))]
        assert not foreign and page.requests, foreign
    return 0


sys.exit(main())
