"""A server of debug files on loopback, as debuginfod(8), that can also be slow, wrong, broken or endless.

buildid_server.py DIR: serves DIR/HEX.debug as /buildid/HEX/debuginfo, writes its port to DIR/port and each request to DIR/requests.
DIR/mode, read at each request, says what to do with it: serve, hang, trickle, wrong, huge, endless, loop, broken, busy.
"""
import http.server
import os
import sys
import time

folder = sys.argv[1]


def mode():
    try:
        with open(os.path.join(folder, "mode")) as file:
            return file.read().strip()
    except OSError:
        return "serve"


class Handler(http.server.BaseHTTPRequestHandler):
    def log_message(self, *args):
        pass

    def head(self, status, **headers):
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), str(value))
        self.end_headers()

    def do_GET(self):
        now = mode()
        with open(os.path.join(folder, "requests"), "a") as file:
            file.write("%s %s\n" % (now, self.path))
        parts = self.path.split("/")
        path = os.path.join(folder, "%s.debug" % (parts[2] if len(parts) == 4 and parts[2].isalnum() else "none"))
        known = os.path.exists(path)
        if now == "hang" and known:
            while mode() == "hang":
                time.sleep(0.05)
            self.close_connection = True
        elif now == "loop":
            self.head(302, Location=self.path, Content_Length=0)
        elif now == "broken":
            self.wfile.write(b"\x00\x01\x02 this is no HTTP\r\n\r\n")
            self.close_connection = True
        elif now == "busy":
            self.head(503, Content_Length=0)
        elif not known:
            self.head(404, Content_Length=0)
        elif now == "huge":
            self.head(200, Content_Length=1 << 42)
            self.pour(lambda: b"\0" * 65536, "huge")
        elif now == "endless":
            self.head(200)
            self.pour(lambda: b"\0" * 65536, "endless")
            self.close_connection = True
        else:
            self.send(path, now)

    def pour(self, chunk, while_mode):
        try:
            while mode() == while_mode:
                self.wfile.write(chunk())
        except OSError:
            pass  # whoever asked has had enough

    def send(self, path, now):
        with open("/bin/true" if now == "wrong" else path, "rb") as file:
            data = file.read()
        self.head(200, Content_Length=len(data), Content_Type="application/octet-stream")
        self.wfile.write(data[:len(data) // 2])
        while now == "trickle" and mode() == "trickle":
            time.sleep(0.05)
        self.wfile.write(data[len(data) // 2:])


server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
server.daemon_threads = True
with open(os.path.join(folder, "port.new"), "w") as file:
    file.write("%d\n" % server.server_address[1])
os.rename(os.path.join(folder, "port.new"), os.path.join(folder, "port"))
try:
    server.serve_forever()
except KeyboardInterrupt:
    pass
