#!/usr/bin/env python3
"""OpenAI's own client against `jupiter serve` on four ranks. usage: openai_test.py JUPITER MODEL"""
import json
import subprocess
import sys
import time

import openai

from client import Server

JUPITER, MODEL = sys.argv[1:]
SOUP = "How do I make a soup?"
ASKED = [{"role": "user", "content": SOUP}]


VAGUE = [{"role": "user", "content": "Well, so what of it?"}]  # of which the model knows nothing


def run(*options, question=SOUP):
    command = ["mpirun", "-n", "4", JUPITER, "run", "-m", MODEL, "-q", "-t", "1", "--json", "-p", question,
               "--prompts", "auto"]
    return json.loads(subprocess.run(command + list(options), check=True, capture_output=True,
                                     stdin=subprocess.DEVNULL).stdout)


def fails(kind, param, ask):
    try:
        ask()
    except kind as problem:
        assert problem.param == param, (problem.param, problem.message)
        return
    raise AssertionError(f"{kind.__name__} did not come")


def chat(client, model):
    told = run("-n", "40")
    answer = client.chat.completions.create(model=model, messages=ASKED, max_tokens=40)
    choice = answer.choices[0]
    assert choice.message.content == told["text"] and choice.message.role == "assistant", answer
    assert choice.finish_reason == "length"
    assert answer.usage.completion_tokens == 40
    assert answer.usage.total_tokens == answer.usage.prompt_tokens + 40, answer.usage


def streaming(client, model):
    told = run("-n", "40")
    stream = client.chat.completions.create(model=model, messages=ASKED, max_tokens=40, stream=True,
                                            stream_options={"include_usage": True})
    said, usage, finish = "", None, None
    for chunk in stream:
        usage = chunk.usage or usage
        for choice in chunk.choices:
            said += choice.delta.content or ""
            finish = choice.finish_reason or finish
    assert (said, finish, usage.completion_tokens) == (told["text"], "length", 40), (said, finish, usage)
    with client.chat.completions.create(model=model, messages=ASKED, stream=True) as unfinished:
        next(iter(unfinished))  # and leaves


def stop(client, model):
    told = run("-n", "60", "--stop", "flavor")
    answer = client.chat.completions.create(model=model, messages=ASKED, max_tokens=60, stop=["flavor"])
    assert answer.choices[0].message.content == told["text"], answer
    assert answer.choices[0].finish_reason == "stop"


def seed(client, model):
    how = dict(model=model, messages=VAGUE, max_tokens=24, temperature=1.5, top_p=0.95,
               extra_body={"top_k": 0})
    told = run("-n", "24", "--temperature", "1.5", "--top-p", "0.95", "--top-k", "0", "--seed", "11",
               question=VAGUE[0]["content"])
    said = [client.chat.completions.create(seed=11, **how).choices[0].message.content for _ in range(2)]
    assert said == [told["text"]] * 2, (said, told["text"])
    others = {client.chat.completions.create(**how).choices[0].message.content for _ in range(4)}
    assert len(others) > 1, "without a seed draws differ"


def logprobs(client, model):
    told = run("-n", "12", "--logprobs", "3")
    answer = client.chat.completions.create(model=model, messages=ASKED, max_tokens=12, logprobs=True,
                                            top_logprobs=3)
    content = answer.choices[0].logprobs.content
    assert len(content) == len(told["logprobs"]) == 12
    for got, expected in zip(content, told["logprobs"]):
        assert got.token == expected["token"] and bytes(got.bytes) == bytes(expected["bytes"])
        assert abs(got.logprob - expected["logprob"]) < 1e-4, (got, expected)
        assert [t.token for t in got.top_logprobs] == [t["token"] for t in expected["top_logprobs"]]
    stream = client.chat.completions.create(model=model, messages=ASKED, max_tokens=12, logprobs=True,
                                            stream=True)
    tokens = [t.token for c in stream for t in (c.choices[0].logprobs.content if c.choices[0].logprobs else [])]
    assert tokens == [t.token for t in content], tokens


def two_choices(client, model):
    answer = client.chat.completions.create(model=model, messages=VAGUE, max_tokens=20, n=2,
                                            temperature=1.5, seed=2, extra_body={"top_k": 0})
    assert [c.index for c in answer.choices] == [0, 1]
    assert answer.choices[0].message.content != answer.choices[1].message.content
    greedy = client.chat.completions.create(model=model, messages=ASKED, max_tokens=20, n=2)
    assert greedy.choices[0].message.content == greedy.choices[1].message.content
    assert greedy.usage.completion_tokens == 40


def texts(client, model):
    answer = client.completions.create(model=model, prompt="Question: How many days", max_tokens=10,
                                       logprobs=2)
    assert len(answer.choices[0].logprobs.tokens) == 10 and answer.choices[0].text
    stream = client.completions.create(model=model, prompt="Question: How many days", max_tokens=10,
                                       stream=True)
    assert "".join(c.choices[0].text for c in stream) == answer.choices[0].text


def errors(client, model):
    def ask(**fields):
        return lambda: client.chat.completions.create(**{"model": model, "messages": ASKED, **fields})
    fails(openai.BadRequestError, "temperature", ask(temperature=7))
    fails(openai.BadRequestError, "n", ask(n=1000))
    fails(openai.BadRequestError, "messages[0].role", ask(messages=[{"role": "cat", "content": "x"}]))
    fails(openai.BadRequestError, "tools", ask(tools=[{"type": "function", "function": {"name": "f"}}]))
    fails(openai.NotFoundError, "model", ask(model="another"))
    wrong = openai.OpenAI(base_url=client.base_url, api_key="wrong", max_retries=0)
    fails(openai.AuthenticationError, None,
          lambda: wrong.chat.completions.create(model=model, messages=ASKED))


def full_queue():
    """One answer at a time, none may wait."""
    with Server(JUPITER, MODEL, 2, ["--parallel", "1", "--queue", "0"]) as server:
        client = openai.OpenAI(base_url=f"http://127.0.0.1:{server.port}/v1", api_key="-", max_retries=0)
        with client.chat.completions.create(model="default", messages=ASKED, stream=True) as stream:
            next(iter(stream))
            fails(openai.RateLimitError, None,
                  lambda: client.chat.completions.create(model="default", messages=ASKED))
            raw = server.post("/v1/chat/completions", {"messages": ASKED})
            assert raw[0] == 429 and int(raw[1]["Retry-After"]) >= 1, raw
        for _ in range(100):  # who leaves makes room
            if server.post("/v1/chat/completions", {"messages": ASKED, "max_tokens": 1})[0] == 200:
                return
            time.sleep(0.1)
        raise AssertionError("no room after the client left")


def main():
    with Server(JUPITER, MODEL, 4, ["--api-key", "secret"]) as server:
        client = openai.OpenAI(base_url=f"http://127.0.0.1:{server.port}/v1", api_key="secret")
        model = client.models.list().data[0].id
        for check in (chat, streaming, stop, seed, logprobs, two_choices, texts, errors):
            check(client, model)
            print(check.__name__, "ok", flush=True)
        code = server.stop()
        assert code == 0, (code, server.text())
    full_queue()
    print("full_queue ok")


main()
