"""A reverse proxy on a free port that serves another server below a path."""

from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

HOP = {'connection', 'keep-alive', 'transfer-encoding', 'server', 'date'}  # not forwarded


class Proxy:
    """
    Removes *path* from requests and forwards them to *host* with *headers*; others get 404.

    It runs during the block; ``host`` and ``url`` are its own address.
    """

    def __init__(self, host: str, path: str, **headers: str):
        class Handler(BaseHTTPRequestHandler):
            protocol_version = 'HTTP/1.1'

            def forward(self) -> None:
                if not self.path.startswith(f'{path}/'):
                    self.send_error(404)
                    return
                length = int(self.headers.get('Content-Length', 0))
                sent = {**dict(self.headers.items()), **headers}
                connection = HTTPConnection(host, timeout=30)
                connection.request(
                    self.command, self.path[len(path) :], self.rfile.read(length), sent
                )
                response = connection.getresponse()
                body = response.read()
                connection.close()
                self.send_response(response.status)
                for name, value in response.getheaders():
                    if name.lower() not in HOP | {'content-length'}:
                        self.send_header(name, value)
                if response.status not in (204, 304):
                    self.send_header('Content-Length', str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            do_GET = do_HEAD = do_POST = do_PUT = do_DELETE = forward

            def log_message(self, *_: object) -> None:
                pass

        self._server = ThreadingHTTPServer(('127.0.0.1', 0), Handler)
        self._server.daemon_threads = True
        self.host = f'127.0.0.1:{self._server.server_port}'
        self.url = f'http://{self.host}{path}/'

    def __enter__(self) -> 'Proxy':
        Thread(target=self._server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *exc_info: object) -> None:
        self._server.shutdown()
        self._server.server_close()
