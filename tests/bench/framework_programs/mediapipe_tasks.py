"""MediaPipe's ImageClassifier, as its documentation shows it for OpenCV frames."""

import sys

import cv2
import mediapipe as mp
import numpy as np
from mediapipe.tasks.python import BaseOptions, vision
from protocol import serve

options = vision.ImageClassifierOptions(BaseOptions(model_asset_path=sys.argv[1]), max_results=1)
classifier = vision.ImageClassifier.create_from_options(options)


def judge(frame: np.ndarray) -> str:
    image = mp.Image(image_format=mp.ImageFormat.SRGB, data=cv2.cvtColor(frame, cv2.COLOR_BGR2RGB))
    return str(classifier.classify(image).classifications[0].categories[0].category_name)


serve(judge)
