"""The first requests of docs/clients.md, run as they are copied."""

import os
import re
import subprocess
import sys
from pathlib import Path

from common import BASE_URL, KEY, MODELS, PLAN, Cells, balance, settled, true

cell = Cells()
PAGE = Path(__file__).parents[3] / "docs" / "clients.md"
TIME_MAX_S = 60
RUNNERS = {"sh": ["bash", "-e"], "python": [sys.executable, "-"], "js": ["node", "--input-type=module"]}


def snippets():
    """Each code of the section, by its language."""
    section = PAGE.read_text(encoding="utf-8").split("## First requests", 1)[1].split("\n## ", 1)[0]
    return re.findall(r"```(\w+)\n(.*?)```", section, re.DOTALL)


def runs(language, code):
    code = code.replace("http://127.0.0.1:8787", BASE_URL).replace("oc_sk_...", KEY)
    code = code.replace("MODEL=sandbox/gpt", f"MODEL={PLAN['sandbox'][MODELS]}")
    environment = {"PATH": os.environ["PATH"], "URL": BASE_URL, "KEY": KEY, "MODEL": PLAN["sandbox"][MODELS]}
    before = balance()
    done = subprocess.run(
        RUNNERS[language], input=code, cwd=PLAN["node"], env=environment, capture_output=True, timeout=TIME_MAX_S,
        text=True,
    )
    true(done.returncode == 0, f"it ended with {done.returncode}: {done.stderr[-500:]}")
    true(len(done.stdout.strip()) > 10, f"it printed {done.stdout!r}")
    true(settled(before) < before, "it was free")


for number, (language, code) in enumerate(snippets(), 1):
    cell(f"{number}: {language}", replayed=False)(lambda language=language, code=code: runs(language, code))

true(len(cell.cells) > 3, f"the page has {len(cell.cells)} first requests")
cell.run()
