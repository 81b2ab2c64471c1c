"""A network camera that shows what the test wants: Motion JPEG over HTTP."""

from __future__ import annotations

import http.server
import threading

import cv2

from edge.inference.frames.frame import Image


class HttpCamera:
    """``show`` sends a picture to whoever watches, at once."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._part = b""
        self._shown = 0
        self._closed = False
        camera = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                self.send_response(200)
                self.send_header("Content-Type", "multipart/x-mixed-replace; boundary=frame")
                self.end_headers()
                camera._serve(self)

            def log_message(self, *_: object) -> None:
                pass

        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()

    @property
    def uri(self) -> str:
        return f"http://127.0.0.1:{self._server.server_address[1]}/"

    def show(self, image: Image) -> None:
        jpeg = cv2.imencode(".jpg", image)[1].tobytes()
        with self._changed:
            # The next boundary comes with it: without, a reader would wait for the next picture to know its end.
            self._part = b"Content-Type: image/jpeg\r\nContent-Length: %d\r\n\r\n%b\r\n--frame\r\n" % (
                len(jpeg),
                jpeg,
            )
            self._shown += 1
            self._changed.notify_all()

    def close(self) -> None:
        with self._changed:
            self._closed = True
            self._changed.notify_all()
        self._server.shutdown()
        self._server.server_close()

    def _serve(self, handler: http.server.BaseHTTPRequestHandler) -> None:
        try:
            handler.wfile.write(b"--frame\r\n")
            seen = self._shown
            while (part := self._next(seen)) is not None:
                seen, content = part
                handler.wfile.write(content)
        except OSError:
            return  # the reader hung up

    def _next(self, seen: int) -> tuple[int, bytes] | None:
        with self._changed:
            while self._shown == seen and not self._closed:
                self._changed.wait()
            return None if self._closed else (self._shown, self._part)
