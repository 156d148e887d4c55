"""Writes two OTLP requests of 512 spans that end now: FOLDER/calls.pb (tool loops of six spans, two of them calls of a model) and
FOLDER/requests.pb (HTTP requests below HTTP requests)."""
import os
import struct
import sys
import time

NOW = time.time_ns()
SPANS = 512
PROMPT = '[{"role":"user","parts":[{"type":"text","content":"' + "What is the weather like? " * 8 + '"}]}]'


def varint(number):
    out = b""
    while number > 127:
        out, number = out + bytes([number & 127 | 128]), number >> 7
    return out + bytes([number])


def field(number, content):
    return varint(number << 3 | 2) + varint(len(content)) + content


def attribute(name, value):
    content = varint(3 << 3) + varint(value) if isinstance(value, int) else field(1, value.encode())
    return field(9, field(1, name.encode()) + field(2, content))


def span(trace, parent, name, **attributes):
    own = os.urandom(8)
    message = field(1, trace) + field(2, own) + (field(4, parent) if parent else b"") + field(5, name.encode()) + varint(6 << 3) + varint(3)
    message += varint(7 << 3 | 1) + struct.pack("<Q", NOW - 2_000_000_000) + varint(8 << 3 | 1) + struct.pack("<Q", NOW - 1_000_000_000)
    return own, field(2, message + b"".join(attribute(key.replace("__", "."), value) for key, value in attributes.items()))


def write(name, scope, spans):
    resource = field(1, field(1, field(1, b"service.name") + field(2, field(1, b"bench"))))
    with open(f"{sys.argv[1]}/{name}.pb", "wb") as file:
        file.write(field(1, resource + field(2, field(1, field(1, scope)) + b"".join(spans[:SPANS]))))


calls, requests = [], []
while len(calls) < SPANS:
    trace = os.urandom(16)
    agent, message = span(trace, None, "invoke_agent", gen_ai__operation__name="invoke_agent", gen_ai__usage__input_tokens=2400)
    calls.append(message)
    for _ in range(2):
        step, message = span(trace, agent, "step", gen_ai__operation__name="agent_step")
        calls.append(message)
        calls.append(span(
            trace, step, "chat model-1", gen_ai__operation__name="chat", gen_ai__provider__name="openai", gen_ai__request__model="model-1",
            gen_ai__response__id=f"chatcmpl-{os.urandom(8).hex()}", gen_ai__usage__input_tokens=1200, gen_ai__usage__output_tokens=90,
            gen_ai__usage__cache_read__input_tokens=1024, gen_ai__input__messages=PROMPT, gen_ai__output__messages=PROMPT)[1])
    calls.append(span(trace, step, "execute_tool weather", gen_ai__operation__name="execute_tool")[1])
while len(requests) < SPANS:
    trace = os.urandom(16)
    parent, message = span(trace, os.urandom(8), "GET /orders", http__request__method="GET", url__path="/orders", http__response__status_code=200)
    requests.append(message)
    requests.append(span(trace, parent, "SELECT orders", db__system__name="postgresql", db__query__text="select 1")[1])
write("calls", b"gen_ai", calls)
write("requests", b"http", requests)
