"""OpenVINO, which reads .tflite files itself; the loop around it is the plain one."""

import sys

import cv2
import numpy as np
import openvino
from protocol import serve

compiled = openvino.Core().compile_model(sys.argv[1], "CPU", {"INFERENCE_NUM_THREADS": 1})
_, height, width, _ = compiled.input(0).shape
request = compiled.create_infer_request()


def judge(frame: np.ndarray) -> str:
    small = cv2.resize(cv2.cvtColor(frame, cv2.COLOR_BGR2RGB), (width, height))
    scores = request.infer({0: np.expand_dims(small, axis=0)})[0]
    return f"class {int(np.argmax(scores))}"


serve(judge)
