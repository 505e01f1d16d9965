"""What generated requests need to get beyond the first check, and how strictly answers are held to the document.

Everything is decided by the generated values, so that a run with one seed is always the same.
"""

import atexit
import collections
import json
import os
import pathlib
import zlib

import schemathesis

# Ids that are there, by the path that they belong to and by their names in it; and a publishable key.
KNOWN = json.loads(os.environ["KNOWN"])
MODELS = {
    "/v1/chat/completions": "sandbox/gpt",
    "/v1/messages": "sandbox/claude",
    "/v1/messages/count_tokens": "sandbox/claude",
    "/v1/responses": "sandbox/gpt",
}


def chance(value, of):
    """True for one value in so many."""
    return zlib.crc32(repr(value).encode()) % of == 0


def close(schema):
    """Refuses members that the document does not name, except where it says that there are others."""
    if isinstance(schema, dict):
        if "properties" in schema and "additionalProperties" not in schema:
            schema["additionalProperties"] = False
        for value in schema.values():
            close(value)
    elif isinstance(schema, list):
        for value in schema:
            close(value)


@schemathesis.hook
def before_load_schema(context, raw_schema):
    close(raw_schema["components"]["schemas"])


@schemathesis.hook
def map_path_parameters(context, path_parameters):
    """Three of four ids are of something that is there."""
    path = context.operation.path
    if not path_parameters or chance(path_parameters, 4):
        return path_parameters
    for name in path_parameters:
        if name == "model":
            path_parameters[name] = "sandbox/gpt"
        elif path in KNOWN:
            path_parameters[name] = KNOWN[path][name]
    return path_parameters


@schemathesis.hook
def map_query(context, query):
    path = context.operation.path
    if query and path in KNOWN and "id" in query and not chance(query, 4):
        query["id"] = KNOWN[path]["id"]
    if query and "publishable_key" in query and not chance(query, 4):
        query["publishable_key"] = KNOWN["publishable_key"]
    return query


@schemathesis.hook
def map_body(context, body):
    """Most requests name a model that is there, and some are a conversation."""
    path = context.operation.path
    if not isinstance(body, dict):
        return body
    if path in MODELS and not chance(body, 8):
        body["model"] = MODELS[path]
    if path in MODELS and "messages" in body and chance(body, 2):
        body["messages"] = [{"role": "user", "content": "sandbox:echo Hello"}]
    if path == "/v1/responses" and chance(body, 2):
        body["input"] = "sandbox:echo Hello"
    if "contents" in body and chance(body, 2):
        body["contents"] = [{"role": "user", "parts": [{"text": "sandbox:echo Hello"}]}]
    for name in ("publishable_key", "client_id"):
        if name in body and not chance((name, body), 3):
            body[name] = KNOWN["publishable_key"]
    return body


SEEN = collections.Counter()


@schemathesis.hook
def after_call(context, case, response):
    SEEN[f"{case.method.lower()} {case.operation.path} {response.status_code}"] += 1


@atexit.register
def tell():
    pathlib.Path(os.environ["SEEN"]).write_text(json.dumps(SEEN))
