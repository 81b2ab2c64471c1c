"""The loop that tutorials show: cvtColor, resize, expand_dims, set_tensor, invoke, get_tensor."""

import sys

import cv2
import numpy as np
from ai_edge_litert.interpreter import Interpreter
from protocol import serve

interpreter = Interpreter(model_path=sys.argv[1])
interpreter.allocate_tensors()
source, result = interpreter.get_input_details()[0], interpreter.get_output_details()[0]
_, height, width, _ = source["shape"]


def judge(frame: np.ndarray) -> str:
    rgb = cv2.cvtColor(frame, cv2.COLOR_BGR2RGB)
    small = cv2.resize(rgb, (width, height))
    interpreter.set_tensor(source["index"], np.expand_dims(small, axis=0))
    interpreter.invoke()
    scores = np.squeeze(interpreter.get_tensor(result["index"]))
    return f"class {int(np.argmax(scores))}"


serve(judge)
