#!/usr/bin/env bash
# Guess: the text of an error that `Interpreter.invoke()` raises is about that run.
# Seen: it repeats the text of every run that this interpreter ever refused, and a run that goes well in between does not clear
#   it; the text grows without bound (a refusal of 66 bytes 30 times a second: 170 MB a day), and raising it takes ever longer.
# With: ai-edge-litert 2.3.0, numpy 2.2.6, flatbuffers 25.9.23, Python 3.11 to 3.13; tflite-runtime 2.14.0 does the same.
# Source: python_error_reporter.cc of the interpreter wrapper: message() calls clear() on its std::stringstream, which resets
#   the stream's state and not its content.
# Meets: whoever runs a model for months whose operators may refuse an input, such as a GATHER with a computed index, and logs
#   the error or counts distinct messages.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" --quiet install ai-edge-litert==2.3.0 numpy==2.2.6 flatbuffers==25.9.23
"$work/venv/bin/python" - <<'PYTHON'
import sys
import time

import flatbuffers
import numpy as np
from ai_edge_litert import schema_py_generated as schema
from ai_edge_litert.interpreter import Interpreter

FLOAT, INT = schema.TensorType.FLOAT32, schema.TensorType.INT32


def tensor(name, shape, kind, buffer=0):
    made = schema.TensorT()
    made.name, made.shape, made.type, made.buffer = name, shape, kind, buffer
    return made


# One GATHER: value = table[place]. An index outside the table is refused with an error, as it should be.
table, node, graph = schema.BufferT(), schema.OperatorT(), schema.SubGraphT()
code, model, builder = schema.OperatorCodeT(), schema.ModelT(), flatbuffers.Builder(0)
table.data = list(np.arange(4, dtype=np.float32).tobytes())
node.inputs, node.outputs = [0, 1], [2]
node.builtinOptionsType, node.builtinOptions = schema.BuiltinOptions.GatherOptions, schema.GatherOptionsT()
graph.operators, graph.inputs, graph.outputs = [node], [1], [2]
graph.tensors = [tensor("table", [4], FLOAT, 1), tensor("place", [1], INT), tensor("value", [1], FLOAT)]
code.builtinCode = code.deprecatedBuiltinCode = schema.BuiltinOperator.GATHER
model.version, model.operatorCodes, model.subgraphs, model.buffers = 3, [code], [graph], [schema.BufferT(), table]
builder.Finish(model.Pack(builder), b"TFL3")
interpreter = Interpreter(model_content=bytes(builder.Output()))
interpreter.allocate_tensors()


def ask(place):
    interpreter.set_tensor(1, np.array([place], np.int32))
    try:
        interpreter.invoke()
    except RuntimeError as error:
        return str(error)
    return ""


assert ask(2) == ""
lengths = [len(ask(9)) for _ in range(1000)]
assert ask(2) == "", "a run that goes well"
after = len(ask(9))
print(f"length of the error's text: 1st {lengths[0]}, 2nd {lengths[1]}, 1000th {lengths[-1]}; after a good run {after}")
began = time.perf_counter()
[ask(9) for _ in range(10_000)]
print(f"10,000 more refusals: {time.perf_counter() - began:.1f} s; the last text has {len(ask(9))} characters")
sys.exit(after <= lengths[-1])
PYTHON
