"""Programs that work by themselves: each is given a task that it can only do with a tool of its own."""

import json
import os
import subprocess
import tempfile
from pathlib import Path

from common import BASE_URL, KEY, MODELS, PLAN, Cells, balance, settled, true

cell = Cells()
MODEL = PLAN["sandbox"][MODELS]
BIN = Path(PLAN["node"]) / "node_modules" / ".bin"
TIME_MAX_S = 90


def works(program, arguments, variables, files=None):
    """Runs the program in an empty home; what it said, once it has made the file that it was told to make."""
    before = balance()
    with tempfile.TemporaryDirectory() as home:
        for name, text in (files or {}).items():
            path = Path(home) / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
        work = Path(home) / "work"
        work.mkdir()
        subprocess.run(["git", "init", "--quiet"], cwd=work, check=True)
        environment = {"PATH": os.environ["PATH"], "HOME": home, "TERM": "dumb", **variables}
        done = subprocess.run(
            [BIN / program, *arguments], cwd=work, env=environment, stdin=subprocess.DEVNULL, capture_output=True,
            timeout=TIME_MAX_S, text=True,
        )
        said = done.stdout + done.stderr
        true(done.returncode == 0, f"it ended with {done.returncode}: {said[-500:]}")
        made = work / "made.txt"
        true(made.is_file(), f"the tool did not run: {said[-500:]}")
        true("by a tool" in made.read_text(encoding="utf-8"), "the tool did something else")
    true("The tool says" in said, f"the tool's result did not arrive: {said[-500:]}")
    true(settled(before) < before, "it was free")


def order(tool, arguments):
    return f"sandbox:call {tool} {json.dumps(arguments)}"


COMMAND = "echo by a tool > made.txt; echo done"


@cell("claude code", replayed=False)
def claude_code():
    task = order("Bash", {"command": COMMAND, "description": "makes a file"})
    works(
        "claude",
        ["-p", task, "--allowedTools", "Bash", "--model", MODEL],
        {
            "ANTHROPIC_BASE_URL": BASE_URL,
            "ANTHROPIC_AUTH_TOKEN": KEY,
            "ANTHROPIC_SMALL_FAST_MODEL": MODEL,
            "ANTHROPIC_DEFAULT_HAIKU_MODEL": MODEL,
            "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC": "1",
            "DISABLE_AUTOUPDATER": "1",
        },
    )


@cell("codex", replayed=False)
def codex():
    task = order("exec_command", {"cmd": COMMAND})
    config = f"""
        model = "{MODEL}"
        model_provider = "opencredits"
        approval_policy = "never"
        sandbox_mode = "danger-full-access"

        [model_providers.opencredits]
        name = "OpenCredits"
        base_url = "{BASE_URL}/v1"
        env_key = "KEY"
        wire_api = "responses"
    """
    arguments = ["exec", "--skip-git-repo-check", task]
    works("codex", arguments, {"KEY": KEY}, {".codex/config.toml": config})


@cell("gemini-cli", replayed=False)
def gemini_cli():
    task = order("run_shell_command", {"command": COMMAND, "description": "makes a file"})
    settings = {"security": {"auth": {"selectedType": "gemini-api-key"}}, "privacy": {"usageStatisticsEnabled": False}}
    works(
        "gemini",
        ["-p", task, "--yolo", "--model", MODEL],
        {"GOOGLE_GEMINI_BASE_URL": BASE_URL, "GEMINI_API_KEY": KEY, "GEMINI_CLI_TRUST_WORKSPACE": "true"},
        {".gemini/settings.json": json.dumps(settings)},
    )


cell.run()
