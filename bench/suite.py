"""The real processes for benchmarks that drive them from outside: on free ports of this machine, with data in a folder of their own."""
import argparse
import atexit
import json
import os
import socket
import subprocess
import tempfile
import time
import urllib.error
import urllib.request

BINARIES = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "build", "release", "bin")


def free_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


def until(condition, what, seconds=60):
    """Waits until it holds; ends the benchmark when it does not."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            raise SystemExit(f"waited in vain for {what}")
        time.sleep(0.01)


def wait_for_port(port):
    def answers():
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
            return True
        except OSError:
            return False

    until(answers, f"port {port}")


class Suite:
    """accounts-svc, health-svc and the gateway."""

    def __init__(self, binaries, folder):
        self.binaries, self.folder = os.path.abspath(binaries), folder
        self.ports = {part: free_port() for part in ("accounts-svc", "health-svc", "gateway")}
        self.pages = {part: free_port() for part in ("health-svc", "gateway")}
        self.processes = {}
        atexit.register(self.stop)

    def start(self, name, command):
        with open(os.path.join(self.folder, f"{name}.out"), "ab") as log:
            self.processes[name] = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log)

    def stop(self):
        for process in self.processes.values():
            process.terminate()
        for process in self.processes.values():
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                process.kill()

    def start_services(self, gateway_flags=()):
        local = {part: f"127.0.0.1:{port}" for part, port in self.ports.items()}
        run = lambda part, *flags: self.start(part, [f"{self.binaries}/{part}", f"--port={self.ports[part]}", *flags])
        run("accounts-svc", "--metrics_port=-1", f"--data={self.folder}/accounts")
        run("health-svc", f"--data={self.folder}/health", f"--accounts={local['accounts-svc']}",
            f"--metrics_port={self.pages['health-svc']}")
        run("gateway", f"--accounts={local['accounts-svc']}", f"--health={local['health-svc']}", "--segments=127.0.0.1:1",
            f"--http_port={self.pages['gateway']}", *gateway_flags)
        for port in [*self.ports.values(), *self.pages.values()]:
            wait_for_port(port)

    def call(self, method, request, token=""):
        """One call over HTTP at the gateway: status and answer."""
        headers = {"Content-Type": "application/json"}
        if token:
            headers["Authorization"] = f"Bearer {token}"
        url = f"http://127.0.0.1:{self.pages['gateway']}/{method}"
        try:
            with urllib.request.urlopen(urllib.request.Request(url, json.dumps(request).encode(), headers), timeout=30) as answer:
                return answer.status, json.load(answer)
        except urllib.error.HTTPError as error:
            return error.code, json.loads(error.read() or b"{}")

    def make_accounts(self, count, token=""):
        """Accounts a0, a1, ... with some use each; returns once each has its score."""
        now = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() - 3600))
        records = []
        for i in range(count):
            account = {"account": f"accounts/a{i}", "eventTime": now}
            records.append({**account, "accountState": {"displayName": f"Account {i}"}})
            for n, metric in enumerate(("logins", "reports", "exports")):
                records.append({**account, "recordId": f"u{i}-{n}", "usage": {"metric": metric, "user": f"user{n}@example.com"}})
        until(lambda: self.call("perennial.accounts.v1.AccountService/ListAccounts", {}, token)[0] == 200, "the services")
        status, answer = self.call("perennial.accounts.v1.IngestService/WriteRecords", {"records": records}, token)
        if status != 200 or answer.get("summary", {}).get("errors"):
            raise SystemExit(f"the accounts were not made: {answer}")
        last = {"name": f"accounts/a{count - 1}/healthScore"}
        until(lambda: self.call("perennial.health.v1.HealthScoreService/GetHealthScore", last, token)[0] == 200, "scores")

    def handled(self, part, code="OK"):
        """Calls of GetHealthScore that ended with this code."""
        with urllib.request.urlopen(f"http://127.0.0.1:{self.pages[part]}/metrics", timeout=30) as page:
            lines = page.read().decode().splitlines()
        return sum(int(float(line.rsplit(" ", 1)[1])) for line in lines if line.startswith("grpc_server_handled_total")
                   and '"GetHealthScore"' in line and f'grpc_code="{code}"' in line)


def run(measure, description, rounds, seconds):
    """The main of a benchmark: prints as JSON what `measure` gives for the arguments and an empty folder."""
    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--binaries", default=BINARIES)
    parser.add_argument("--rounds", type=int, default=rounds)
    parser.add_argument("--seconds", type=int, default=seconds)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="perennial-") as folder:
        print(json.dumps(measure(args, folder), indent=2))
