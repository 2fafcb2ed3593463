#!/usr/bin/env python3
"""GetHealthScore through the gateway with authentication on, beside nginx's grpc_pass before the same health-svc (P2).

    bench/gateway_reads.py [--binaries build/release/bin] [--rounds 5] [--seconds 2]

h2load asks in turns, each round all of: the gateway, nginx, health-svc itself; 8 connections of 10 streams, then one stream alone. The
figures are medians over the rounds. h2load counts HTTP 200 alone, so the metrics of health-svc and of the gateway must have counted as many
calls that ended with OK. Prints JSON. Needs nginx and h2load (Debian: nginx, nghttp2-client).
"""
import hashlib
import os
import re
import statistics
import subprocess

import suite

TOKEN = "bench"
PATH = "/perennial.health.v1.HealthScoreService/GetHealthScore"
NGINX = """
daemon off; pid {folder}/nginx.pid; error_log {folder}/nginx.log warn;
worker_processes {cores}; worker_rlimit_nofile 8192;
events {{ worker_connections 4096; }}
http {{
  access_log off; client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy; fastcgi_temp_path {folder}/fastcgi;
  uwsgi_temp_path {folder}/uwsgi; scgi_temp_path {folder}/scgi;
  upstream health {{ server 127.0.0.1:{health}; keepalive 256; keepalive_requests 100000000; }}
  server {{
    listen 127.0.0.1:{port} http2; keepalive_requests 100000000; http2_max_concurrent_streams 1000;
    location / {{ grpc_pass grpc://health; }}
  }}
}}
"""


class Load:
    """h2load with the framed request of one account."""

    def __init__(self, folder, seconds):
        self.folder, self.seconds = folder, seconds
        self.body = os.path.join(folder, "request")
        name = b"accounts/a1/healthScore"
        message = b"\x0a" + bytes([len(name)]) + name
        with open(self.body, "wb") as file:
            file.write(b"\0" + len(message).to_bytes(4, "big") + message)
        self.requests = 0

    def run(self, port, connections, streams, more=()):
        out = subprocess.run(
            ["h2load", f"-c{connections}", f"-m{streams}", "-t1", f"-D{self.seconds}", "-d", self.body, "-H",
             "content-type: application/grpc", "-H", "te: trailers", "-H", f"authorization: Bearer {TOKEN}", *more,
             f"http://127.0.0.1:{port}{PATH}"], capture_output=True, text=True, check=True).stdout
        rate = float(re.search(r"finished in [^,]*, ([0-9.]+) req/s", out).group(1))
        failed, errors = re.search(r"(\d+) failed, (\d+) errored", out).groups()
        if failed != "0" or errors != "0":
            raise SystemExit(f"h2load says: {out}")
        self.requests += int(re.search(r"(\d+) 2xx", out).group(1))
        return rate

    def median_microseconds(self, port):
        log = os.path.join(self.folder, "log")
        if os.path.exists(log):
            os.remove(log)
        self.run(port, 1, 1, [f"--log-file={log}"])
        with open(log, encoding="ascii") as file:
            return statistics.median(int(line.split("\t")[2]) for line in file)


def measure(args, folder):
    parts = suite.Suite(args.binaries, folder)
    digest = hashlib.sha256(TOKEN.encode()).hexdigest()
    with open(os.path.join(folder, "tokens"), "w", encoding="ascii") as file:
        file.write(f"bench operator {digest}\n")
    parts.start_services(gateway_flags=[f"--tokens={folder}/tokens"])
    parts.make_accounts(100, TOKEN)
    nginx_port = suite.free_port()
    config = os.path.join(folder, "nginx.conf")
    with open(config, "w", encoding="ascii") as file:
        file.write(NGINX.format(folder=folder, cores=os.cpu_count(), health=parts.ports["health-svc"], port=nginx_port))
    parts.start("nginx", ["nginx", "-c", config, "-p", folder])
    suite.wait_for_port(nginx_port)
    load = Load(folder, args.seconds)
    sides = {"gateway": parts.ports["gateway"], "nginx": nginx_port, "direct": parts.ports["health-svc"]}
    before = parts.handled("health-svc"), parts.handled("gateway")
    rates = {side: [] for side in sides}
    alone = {side: [] for side in sides}
    through_gateway = 0
    for number in range(args.rounds + 1):
        for side, port in sides.items():
            sent = load.requests
            rate = load.run(port, 8, 10)
            median = load.median_microseconds(port)
            if side == "gateway":
                through_gateway += load.requests - sent
            if number > 0:  # the first round warms up
                rates[side].append(rate)
                alone[side].append(median)
    # What h2load has not waited for at the end of its time is handled too.
    answered = parts.handled("health-svc") - before[0]
    answered_by_gateway = parts.handled("gateway") - before[1]
    if answered < load.requests or answered_by_gateway < through_gateway:
        raise SystemExit(f"{load.requests} answers, but health-svc counts {answered} with OK; through the gateway "
                         f"{through_gateway}, which counts {answered_by_gateway}")
    rate = {side: statistics.median(values) for side, values in rates.items()}
    one = {side: statistics.median(values) for side, values in alone.items()}
    added = (one["gateway"] - one["direct"]) / 1000
    return {
        "benchmark": "GetHealthScore through the gateway, authentication on (P2)",
        "rounds": args.rounds,
        "requests_a_second": rate,
        "ratio_to_nginx": rate["gateway"] / rate["nginx"],
        "goal_ratio": 1.5,
        "one_stream_p50_microseconds": one,
        "one_stream_p50_added_ms": added,
        "goal_added_ms": 0.25,
        "reached": {"ratio": rate["gateway"] >= 1.5 * rate["nginx"], "added": added <= 0.25},
    }


if __name__ == "__main__":
    suite.run(measure, __doc__, rounds=5, seconds=2)
