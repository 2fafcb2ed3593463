#!/usr/bin/env python3
"""Ten times as many calls at the gateway as it takes to saturate it: goodput, probes, recovery.

    bench/overload.py [--binaries build/release/bin] [--seconds 4] [--rounds 3]

The peak is what 80 calls at a time get (h2load, 8 connections of 10 streams, GetHealthScore, authentication on). Then 800 at a time, by an
h2load that asks again at once whatever the answer is: once with the gateway's usual limits, which hold all of them, and once with room for 160
calls, so that most are refused with RESOURCE_EXHAUSTED. Goodput is what the gateway counts as OK; meanwhile a probe on a new connection asks
grpc.health.v1.Health every 100 ms, as Kubernetes does. Then the first load again, in slices of half a second, until it is served at nine
tenths of the peak. Peak and overload take turns; medians over the rounds. Prints JSON.
"""
import hashlib
import os
import statistics
import subprocess
import threading
import time

import gateway_reads
import suite

OVERLOAD = 10
LIMIT = 160


class Probe:
    """Asks the gateway's health on a new connection again and again, until stop()."""

    def __init__(self, port, folder):
        self.body = os.path.join(folder, "probe")
        with open(self.body, "wb") as file:
            file.write(b"\0\0\0\0\0")
        self.port, self.times, self.failed, self.over = port, [], 0, threading.Event()
        self.thread = threading.Thread(target=self.run)
        self.thread.start()

    def run(self):
        while not self.over.wait(0.1):
            begun = time.monotonic()
            out = subprocess.run(
                ["h2load", "-n1", "-c1", "-d", self.body, "-H", "content-type: application/grpc", "-H", "te: trailers",
                 f"http://127.0.0.1:{self.port}/grpc.health.v1.Health/Check"], capture_output=True, text=True, check=False).stdout
            self.times.append(time.monotonic() - begun)
            if "1 succeeded" not in out:
                self.failed += 1

    def stop(self):
        self.over.set()
        self.thread.join()
        return {"probes": len(self.times), "failed": self.failed, "slowest_seconds": max(self.times, default=0)}


class Gateway:
    """One gateway of the suite with further flags, and what it counts."""

    def __init__(self, parts, name, flags):
        self.parts, self.name = parts, name
        parts.ports[name], parts.pages[name] = suite.free_port(), suite.free_port()
        local = {part: f"127.0.0.1:{port}" for part, port in parts.ports.items()}
        parts.start(name, [f"{parts.binaries}/gateway", f"--port={parts.ports[name]}", f"--http_port={parts.pages[name]}",
                           f"--accounts={local['accounts-svc']}", f"--health={local['health-svc']}", "--segments=127.0.0.1:1",
                           *flags])
        suite.wait_for_port(parts.ports[name])
        suite.wait_for_port(parts.pages[name])

    def counted(self, code):
        return self.parts.handled(self.name, code)

    def goodput(self, load, connections):
        """Calls a second that end with OK and with RESOURCE_EXHAUSTED while h2load runs."""
        before = self.counted("OK"), self.counted("ResourceExhausted")
        begun = time.monotonic()
        load.run(self.parts.ports[self.name], connections, 10)
        took = time.monotonic() - begun
        return (self.counted("OK") - before[0]) / took, (self.counted("ResourceExhausted") - before[1]) / took


def recovery(gateway, load, folder, peak):
    """Seconds until the usual load is served as before."""
    short = gateway_reads.Load(folder, "500ms")
    begun = time.monotonic()
    while time.monotonic() - begun < 30:
        sliced = time.monotonic()
        if short.run(gateway.parts.ports[gateway.name], 8, 10) >= 0.9 * peak:
            return sliced - begun
    return None


def measure(args, folder):
    parts = suite.Suite(args.binaries, folder)
    with open(os.path.join(folder, "tokens"), "w", encoding="ascii") as file:
        file.write(f"bench operator {hashlib.sha256(gateway_reads.TOKEN.encode()).hexdigest()}\n")
    tokens = f"--tokens={folder}/tokens"
    parts.start_services(gateway_flags=[tokens])
    parts.make_accounts(100, gateway_reads.TOKEN)
    load = gateway_reads.Load(folder, args.seconds)
    results = []
    for what, flags in (("usual limits", []), (f"room for {LIMIT} calls", [f"--max_calls={LIMIT}"])):
        gateway = Gateway(parts, f"gateway{len(results)}", [tokens, *flags])
        peaks, goods, refused, recoveries, probes = [], [], [], [], []
        gateway.goodput(load, 8)  # warms up
        for _ in range(args.rounds):
            peaks.append(gateway.goodput(load, 8)[0])
            probe = Probe(parts.ports[gateway.name], folder)
            good, shed = gateway.goodput(load, 8 * OVERLOAD)
            probes.append(probe.stop())
            goods.append(good)
            refused.append(shed)
            recoveries.append(recovery(gateway, load, folder, peaks[-1]))
        ratio = statistics.median(goods) / statistics.median(peaks)
        results.append({
            "limits": what,
            "peak_calls_a_second": statistics.median(peaks),
            "goodput_at_10_times": statistics.median(goods),
            "refused_a_second": statistics.median(refused),
            "ratio": ratio,
            "probes": {"asked": sum(p["probes"] for p in probes), "failed": sum(p["failed"] for p in probes),
                       "slowest_seconds": max(p["slowest_seconds"] for p in probes)},
            "recovery_seconds": recoveries,
            "reached": {"goodput": ratio >= 0.8, "probes": all(p["failed"] == 0 for p in probes),
                        "recovery": all(r is not None and r <= 5 for r in recoveries)},
        })
    return {"benchmark": "10 times overload of the gateway", "rounds": args.rounds, "goals": {"goodput": 0.8, "recovery_seconds": 5},
            "results": results}


if __name__ == "__main__":
    suite.run(measure, __doc__, rounds=3, seconds=4)
