#!/usr/bin/env python3
"""The server over plain HTTP. usage: serve_test.py JUPITER MODEL"""
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time

from client import PATIENCE_S, THIN, Server, some

JUPITER, MODEL = sys.argv[1:]
SOUP, EGGS = "How do I make a soup?", "How do I boil eggs well?"
CHAT, TEXT = "/v1/chat/completions", "/v1/completions"
cases = []


def case(function):
    cases.append(function)
    return function


def run(ranks, *options):
    """What `jupiter run` says: the object of --json."""
    command = ["mpirun", "-n", str(ranks), JUPITER, "run", "-m", MODEL, "-q", "-t", "1", "--json"]
    return json.loads(subprocess.run(command + list(options), check=True, capture_output=True,
                                     stdin=subprocess.DEVNULL).stdout)


@case
def answers_are_a_runs(s):
    for question, n in ((SOUP, 40), (EGGS, 200)):
        told = run(1, "-p", question, "--prompts", "auto", "-n", str(n))
        answer = s.chat(question, max_tokens=n)
        choice = answer["choices"][0]
        assert choice["message"]["content"] == told["text"], (choice, told["text"])
        assert answer["usage"]["completion_tokens"] == len(told["tokens"]), answer["usage"]
        ends = {"length": "length", "context": "length"}.get(told["ended_by"], "stop")
        assert choice["finish_reason"] == ends, (choice, told["ended_by"])


@case
def draws_are_a_runs(s):
    how = ["--temperature", "1.5", "--top-p", "0.95", "--top-k", "0", "-n", "24"]
    vague, said = "Well, so what of it?", []  # of which the model knows nothing
    for seed in (3, 4):
        told = run(1, "-p", vague, "--prompts", "auto", "--seed", str(seed), *how)
        said.append(s.say(vague, temperature=1.5, top_p=0.95, top_k=0, seed=seed, max_tokens=24))
        assert said[-1] == told["text"], (said, told["text"])
    assert said[0] != said[1], said
    told = run(1, "-p", vague, "--prompts", "auto", "--seed", "3", *how, "--min-p", "0.5")
    assert told["text"] != said[0], "0.5 leaves a draw out"
    assert s.say(vague, temperature=1.5, top_p=0.95, top_k=0, min_p=0.5, seed=3, max_tokens=24) == told["text"]


@case
def texts_go_on(s):
    told = run(1, "-p", "Question: How many days", "-n", "20", "--logprobs", "3")
    status, _, answer = s.post(TEXT, {"prompt": "Question: How many days", "max_tokens": 20,
                                      "logprobs": 3})
    choice = answer["choices"][0]
    assert status == 200 and choice["text"] == told["text"], answer
    assert len(choice["logprobs"]["tokens"]) == len(told["tokens"])
    for got, expected in zip(choice["logprobs"]["token_logprobs"], told["logprobs"]):
        assert abs(got - expected["logprob"]) < 1e-4, (got, expected)
    ids = subprocess.run([JUPITER, "tokenize", "-m", MODEL, "-p", "Question: How many days"],
                         check=True, capture_output=True, text=True).stdout.split()
    _, _, again = s.post(TEXT, {"prompt": list(map(int, ids)), "max_tokens": 20})
    assert again["choices"][0]["text"] == told["text"], again


@case
def streams_say_the_same(s):
    whole = s.chat(SOUP, max_tokens=30, n=2, temperature=0.8, seed=5)
    events = s.events(CHAT, {"messages": [{"role": "user", "content": SOUP}], "max_tokens": 30, "n": 2,
                             "temperature": 0.8, "seed": 5, "stream_options": {"include_usage": True}})
    texts, finish = ["", ""], [None, None]
    for event in events[:-1]:
        for choice in event["choices"]:
            texts[choice["index"]] += choice["delta"].get("content", "")
            finish[choice["index"]] = choice["finish_reason"] or finish[choice["index"]]
    assert texts == [c["message"]["content"] for c in whole["choices"]], (texts, whole)
    assert finish == [c["finish_reason"] for c in whole["choices"]], finish
    assert texts[0] != texts[1], "two choices, two draws"
    assert events[-1]["choices"] == [] and events[-1]["usage"]["completion_tokens"] > 30, events[-1]


@case
def stops_before_a_text(s):
    whole = s.say(SOUP, max_tokens=60)
    stop = whole[20:24]
    answer = s.chat(SOUP, max_tokens=60, stop=["never said", stop])["choices"][0]
    assert answer["message"]["content"] == whole[:whole.index(stop)], (answer, whole)
    assert answer["finish_reason"] == "stop"
    events = s.events(CHAT, {"messages": [{"role": "user", "content": SOUP}], "max_tokens": 60,
                             "stop": stop})
    said = "".join(e["choices"][0]["delta"].get("content", "") for e in events)
    assert said == whole[:whole.index(stop)], said


@case
def conversations_find_their_cache(s):
    messages = [{"role": "user", "content": "How do I repot a house plant without harm?"}]
    answer = s.chat(messages, max_tokens=40)
    messages += [answer["choices"][0]["message"], {"role": "user", "content": "And how often?"}]
    before = answer["usage"]["total_tokens"]
    again = s.chat([{k: m[k] for k in ("role", "content")} for m in messages], max_tokens=20)
    reused = again["usage"]["prompt_tokens_details"]["cached_tokens"]
    assert reused >= before - 8, (reused, before)
    repeat = s.chat(messages[:1], max_tokens=40)
    assert repeat["choices"] == answer["choices"], "a cache that is shared changes no answer"


@case
def outlines(s):
    question = "How do I make a simple vegetable soup?"
    told = run(1, "-p", question, "--outline", "-n", "24")
    answer = s.chat(question, outline=True, max_tokens=24)["choices"][0]
    assert answer["message"]["content"] == told["text"], (answer, told["text"])
    titles = [p["title"] for p in answer["outline"]["points"]]
    assert len(titles) >= 2, answer
    events = s.events(CHAT, {"messages": [{"role": "user", "content": question}], "outline": True,
                             "max_tokens": 24})
    said, points = "", {}
    for event in events:
        choice = event["choices"][0]
        said += choice["delta"].get("content", "")
        for point in choice.get("outline", {}).get("points", []):
            points[point["number"]] = points.get(point["number"], "") + point["text"]
    assert said == told["text"], (said, told["text"])
    assert [points[i + 1] for i in range(len(titles))] == [p["text"] for p in answer["outline"]["points"]]


@case
def wrong_requests_are_named(s):
    good = {"messages": [{"role": "user", "content": "x"}]}
    wrong = [
        ({**good, "temperature": 3}, 400, "temperature"),
        ({**good, "temperature": "warm"}, 400, "temperature"),
        ({**good, "temprature": 1}, 400, "temprature"),
        ({**good, "n": 0}, 400, "n"),
        ({**good, "max_tokens": -1}, 400, "max_tokens"),
        ({**good, "stop": [""]}, 400, "stop"),
        ({**good, "top_logprobs": 2}, 400, "top_logprobs"),
        ({**good, "logprobs": True, "top_logprobs": 99}, 400, "top_logprobs"),
        ({**good, "tools": [{"type": "function"}]}, 400, "tools"),
        ({**good, "response_format": {"type": "json_object"}}, 400, "response_format"),
        ({**good, "model": "gpt-9"}, 404, "model"),
        ({**good, "speculate": True}, 400, "speculate"),
        ({**good, "outline": True, "n": 2}, 400, "outline"),
        ({"messages": []}, 400, "messages"),
        ({"messages": [{"role": "cat", "content": "x"}]}, 400, "messages[0].role"),
        ({"messages": [{"role": "user", "content": 3}]}, 400, "messages[0].content"),
        ({"messages": [{"role": "user"}]}, 400, "messages[0].content"),
        ({"messages": [{"content": "x"}]}, 400, "messages[0].role"),
        ({"messages": [{"role": "user", "content": "word " * 5000}]}, 400, "messages"),
        ({}, 400, "messages"),
    ]
    for body, status, param in wrong:
        got, _, answer = s.post(CHAT, body)
        error = answer["error"]
        assert (got, error["param"]) == (status, param), (body, got, error)
        assert param.split(".")[0].split("[")[0] in error["message"], error
    for body in ("{", "[]", "", "\xff", '{"messages": 1, "messages": 2}'):
        got, _, answer = s.post(CHAT, body.encode("latin-1"))
        assert got == 400 and answer["error"]["message"], answer
    got, _, answer = s.post(CHAT, {"messages": [{"role": "user", "content": "a\0b"}]})
    assert got == 400 and "zero character" in answer["error"]["message"], answer
    assert s.post(TEXT, {"prompt": [1, 999999]})[0] == 400
    assert s.get("/nowhere")[0] == 404 and s.get(CHAT)[0] == 405
    assert s.post("/v1/models", {})[0] == 404
    assert s.post(CHAT, b"x" * (8 << 20))[0] == 413  # and not a broken connection
    assert s.get("/health", headers={"Origin": "http://evil.example"})[0] == 403


@case
def figures(s):
    models = json.loads(s.get("/v1/models")[2])["data"]
    assert [m["id"] for m in models] == ["jupiter-demo-f16"], models
    assert s.get("/v1/models/jupiter-demo-f16")[0] == 200 and s.get("/v1/models/other")[0] == 404
    assert json.loads(s.get("/health")[2])["status"] == "ok"

    def value(name):
        return float(next(line.split()[-1] for line in s.get("/metrics")[2].splitlines()
                          if line.startswith("jupiter_" + name)))
    before = value("answer_tokens_total"), value('requests_total{outcome="finished"}')
    s.say(SOUP, max_tokens=10)
    after = value("answer_tokens_total"), value('requests_total{outcome="finished"}')
    assert (after[0] - before[0], after[1] - before[1]) == (10, 1), (before, after)


@case
def a_port_is_one_servers(s):
    second = subprocess.run([JUPITER, "serve", "-m", MODEL, "--port", str(s.port)],
                            capture_output=True, text=True, timeout=PATIENCE_S)
    assert second.returncode == 3 and f"port {s.port}" in second.stderr, second


@case
def many_at_a_time(s):
    expected = {q: s.say(q, max_tokens=24) for q in (SOUP, EGGS)}
    wrong = []

    def ask(question):
        said = s.say(question, max_tokens=24)
        if said != expected[question]:
            wrong.append((question, said))
    threads = [threading.Thread(target=ask, args=((SOUP, EGGS)[i % 2],)) for i in range(some(24))]
    [t.start() for t in threads]
    [t.join() for t in threads]
    assert not wrong, wrong


def guesses():
    """Speculation, of all requests or not of this one, changes nothing."""
    expected = {q: run(1, "-p", q, "--prompts", "auto", "-n", str(some(60)))["text"] for q in (SOUP, EGGS)}
    with Server(JUPITER, MODEL, 3, ["--speculate", "lookup", "--tree", "4"]) as server:
        threads = [threading.Thread(target=lambda q=q, f=f: said.append((q, server.say(
            q, max_tokens=some(60), **f)))) for q in expected for f in ({}, {"speculate": True}, {"speculate": False})]
        said = []
        [t.start() for t in threads]
        [t.join() for t in threads]
        assert len(said) == 6 and all(text == expected[q] for q, text in said), (said, expected)
        assert server.stop() == 0, server.text()


def late():
    """An answer that takes too long is given up, and its place is free."""
    limit_s = "20" if THIN else "1"
    with Server(JUPITER, MODEL, 4, ["--timeout", limit_s]) as server:
        body = {"prompt": [1], "max_tokens": 1000, "temperature": 2}
        answers = []
        threads = [threading.Thread(target=lambda: answers.append(server.post(TEXT, body)))
                   for _ in range(12)]
        [t.start() for t in threads]
        [t.join() for t in threads]
        statuses = [a[0] for a in answers]
        assert set(statuses) <= {200, 504} and 504 in statuses, statuses
        assert all(limit_s + " s" in a[2]["error"]["message"] for a in answers if a[0] == 504), answers
        assert server.say(SOUP, max_tokens=2)
        assert server.stop() == 0, server.text()


def ends_well():
    """SIGTERM: what runs is finished, nothing new is taken."""
    with Server(JUPITER, MODEL, 2) as server:
        said = []
        thread = threading.Thread(target=lambda: said.append(server.say(SOUP, max_tokens=some(150))))
        thread.start()
        while json.loads(server.get("/health")[2])["running"] == 0:
            time.sleep(0.01)
        os.kill(server.first_rank(), signal.SIGTERM)
        for _ in range(100):
            try:
                if json.loads(server.get("/health")[2])["status"] == "ending":
                    assert server.post(CHAT, {"messages": [{"role": "user", "content": "x"}]})[0] == 503
                    break
            except OSError:
                break  # it has ended already
            time.sleep(0.02)
        thread.join()
        assert server.process.wait(PATIENCE_S) == 0, server.text()
        assert said == [run(1, "-p", SOUP, "--prompts", "auto", "-n", str(some(150)))["text"]], said


def ends_when_all_is_read():
    """SIGTERM: a client that reads late has all of its answer, which no socket's buffer holds."""
    with Server(JUPITER, MODEL, 1) as server:
        body = json.dumps({"messages": [{"role": "user", "content": SOUP}], "max_tokens": some(240), "n": 16,
                           "temperature": 2, "top_k": 0, "top_p": 1, "seed": 1, "logprobs": True,
                           "top_logprobs": 20}).encode()
        slow = socket.socket()
        slow.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        slow.connect(("127.0.0.1", server.port))
        slow.sendall(b"POST %s HTTP/1.0\r\nHost: x\r\nContent-Type: application/json\r\n"
                     b"Content-Length: %d\r\n\r\n%s" % (CHAT.encode(), len(body), body))
        while 'outcome="finished"} 1' not in server.get("/metrics")[2]:
            time.sleep(0.02)
        os.kill(server.first_rank(), signal.SIGTERM)
        time.sleep(0.5)
        with slow, slow.makefile("rb") as told:
            head, text = told.read().split(b"\r\n\r\n", 1)
        assert b" 200 OK" in head and len(json.loads(text)["choices"]) == 16, head
        assert server.process.wait(PATIENCE_S) == 0, server.text()


def main():
    for check in (guesses, late, ends_well, ends_when_all_is_read):
        check()
        print(check.__name__, "ok", flush=True)
    with Server(JUPITER, MODEL, 4) as server:
        for check in cases:
            check(server)
            print(check.__name__, "ok", flush=True)
        code = server.stop()
        assert code == 0, (code, server.text())
    for ranks, strategy in ((3, "megatron"), (2, "galaxy"), (2, "sequence"), (1, "local")):
        told = run(1, "-p", SOUP, "--prompts", "auto", "-n", "20", "--wire", "f32", "--kv", "f32")
        with Server(JUPITER, MODEL, ranks, ["--strategy", strategy, "--wire", "f32", "--kv", "f32",
                                            "--api-key", "secret"]) as server:
            assert server.post(CHAT, {})[0] == 401 and server.get("/health")[0] == 200
            key = {"Authorization": "Bearer secret"}
            body = {"messages": [{"role": "user", "content": SOUP}], "max_tokens": 20}
            status, _, answer = server.post(CHAT, body, headers=key)
            assert status == 200 and answer["choices"][0]["message"]["content"] == told["text"], answer
            assert server.stop() == 0, server.text()
        print(strategy, "ok", flush=True)


main()
