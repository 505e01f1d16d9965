"""Reads a scrape with the parser of prometheus-client, and checks what its samples say of their families."""

import sys

from prometheus_client.parser import text_string_to_metric_families

families = list(text_string_to_metric_families(open(sys.argv[1], encoding="utf-8").read()))
names = [family.name for family in families]
assert len(names) == len(set(names)), "a family is told twice"
for family in families:
    assert family.documentation, f"{family.name} has no help"
    assert family.type in ("counter", "gauge", "histogram"), f"{family.name} is a {family.type}"
    series = [(sample.name, tuple(sorted(sample.labels.items()))) for sample in family.samples]
    assert len(series) == len(set(series)), f"{family.name} has a series twice"
    if family.type == "histogram":
        for sample in family.samples:
            if sample.name.endswith("_count"):
                last = [
                    bucket.value
                    for bucket in family.samples
                    if bucket.labels.get("le") == "+Inf"
                    and {k: v for k, v in bucket.labels.items() if k != "le"} == sample.labels
                ]
                assert last == [sample.value], f"{family.name}: the last bucket is not the count"
print(f"{len(families)} families, {sum(len(family.samples) for family in families)} samples")
