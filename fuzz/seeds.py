"""A small corpus for the fuzz targets, from a folder of recorded exchanges: short requests and answers of each API."""

import json
import sys
from pathlib import Path

BYTES_MAX = 6_000
EACH_MAX = 12
# The byte that chooses the dialect, by the end of a recording's API: of decoders, of APIs in front, of those that translate.
DIALECTS = {
    "-chat": (0, 0, 0),
    "-messages": (1, 1, 1),
    "-responses": (2, 2, 2),
    "-generate": (3, 4, 3),
    "-embeddings": (4, 3, None),
}


def main(folder):
    here = Path(__file__).parent / "corpus"
    counts = {}
    for line in (folder / "index.jsonl").read_text(encoding="utf-8").splitlines():
        row = json.loads(line)
        found = next((three for end, three in DIALECTS.items() if row["api"].endswith(end)), None)
        file = json.loads((folder / row["file"]).read_text(encoding="utf-8"))
        answer = file["response"].get("body") or ""
        key = (row["api"].split("-")[-1], row["stream"])
        if found is None or len(answer) > BYTES_MAX or counts.get(key, 0) >= EACH_MAX:
            continue
        counts[key] = counts.get(key, 0) + 1
        request = file["request"].get("body")
        request = (request if isinstance(request, str) else json.dumps(request)).encode()
        decoder, front, translated = (None if at is None else bytes([at]) for at in found)
        write(here / "decode", row["id"], decoder + answer.encode())
        for target in ("scrub", "requests"):
            write(here / target, row["id"], front + request[:BYTES_MAX])
        if translated is not None:
            write(here / ("streams" if row["stream"] else "answers"), row["id"], translated + answer.encode())
    print(f"{sum(counts.values())} recordings in {here}")


def write(folder, name, data):
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_bytes(data)


main(Path(sys.argv[1]))
