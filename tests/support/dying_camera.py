"""A network camera that dies: ``dying_camera.py PORT`` sends Motion JPEG, 50 pictures a second, until it is told to.

A line on standard input is its end: it sends half a picture and kills itself, as a power cut would.
"""

from __future__ import annotations

import os
import signal
import socket
import sys
import threading
import time

import cv2
import numpy as np

PICTURE = cv2.imencode(".jpg", np.full((48, 64, 3), (0, 0, 255), np.uint8))[1].tobytes()
HEAD = b"HTTP/1.0 200 OK\r\nContent-Type: multipart/x-mixed-replace; boundary=frame\r\n\r\n"
PART = b"--frame\r\nContent-Type: image/jpeg\r\nContent-Length: %d\r\n\r\n%b\r\n" % (len(PICTURE), PICTURE)
dying = threading.Event()


def send(client: socket.socket) -> None:
    try:
        if not client.recv(65536):
            return  # somebody only knocked
        client.sendall(HEAD)
        while not dying.is_set():
            client.sendall(PART)
            time.sleep(0.02)
        client.sendall(PART[: len(PART) // 2])
        os.kill(os.getpid(), signal.SIGKILL)
    except OSError:
        pass
    finally:
        client.close()


def serve(port: int) -> None:
    with socket.create_server(("127.0.0.1", port)) as server:
        sys.stdout.write("ready\n")
        sys.stdout.flush()
        while True:
            client, _ = server.accept()
            threading.Thread(target=send, args=(client,), daemon=True).start()


threading.Thread(target=serve, args=(int(sys.argv[1]),), daemon=True).start()
sys.stdin.readline()
dying.set()
time.sleep(10)
