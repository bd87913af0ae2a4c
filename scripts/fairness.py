#!/usr/bin/env python3
"""Measures that one organizer cannot starve the others.

100 heavy exports of one organizer come due at once. Three seconds later a run of another organizer is due, whose API calls are timed
meanwhile. It should start within 2 s, and its calls should stay below 100 ms (p99). Figures are of this build and this machine, so
nothing is asserted here: tests/all/fairness.rs asserts what does not depend on them.

    scripts/fairness.py target/debug/harness [--orders 20000] [--seconds 30]
"""

import argparse
import datetime
import http.client
import json
import os
import pathlib
import re
import subprocess
import tempfile
import time
import zoneinfo

HEAVY = "/api/v1/organizers/bigevents/events/sampleconf/scheduled_exports/"
OTHER = "/api/v1/organizers/smallgigs/events/jazznight/scheduled_exports/"


class Caller:
    def __init__(self, address, token):
        self.connection = http.client.HTTPConnection(address, timeout=60)
        self.headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}

    def call(self, method, path, body=None):
        self.connection.request(method, path, json.dumps(body) if body else None, self.headers)
        response = self.connection.getresponse()
        return response.status, json.loads(response.read() or "null")

    def create(self, path, zone, due):
        local = datetime.datetime.fromtimestamp(due, zoneinfo.ZoneInfo(zone))
        status, answer = self.call("POST", path, {
            "export_identifier": "orderlist", "export_form_data": {"_format": "xlsx"},
            "mail_subject": "Orders", "mail_template": "All orders.",
            "schedule_rrule": "RRULE:FREQ=DAILY", "schedule_rrule_time": local.strftime("%H:%M:%S"),
        })
        assert status == 201, (status, answer)
        return answer["id"]


def percentile(values, part):
    return sorted(values)[min(len(values) - 1, int(len(values) * part))] * 1000


def measure(harness, orders, seconds):
    fixture = json.loads(pathlib.Path("tests/data/bigevents.json").read_text())
    fixture["schedules"] = []
    fixture["orders_generated"][0]["count"] = orders
    with tempfile.TemporaryDirectory() as folder:
        platform = os.path.join(folder, "fixture.json")
        pathlib.Path(platform).write_text(json.dumps(fixture))
        serve = [harness, "serve", "--data", os.path.join(folder, "data"), "--fixture", platform, "--listen", "127.0.0.1:0"]
        serve += ["--writes-per-minute", "0"]
        quiet = dict(os.environ, RUST_LOG="error")
        with subprocess.Popen(serve, stdout=subprocess.PIPE, env=quiet, text=True) as host:
            try:
                address = re.sub("^http://", "", host.stdout.readline().strip())
                john, sam = Caller(address, "john-oauth"), Caller(address, "sam-oauth")
                # Time enough to create them before they are due.
                due = int(time.time()) + 60
                for _ in range(100):
                    john.create(HEAVY, "Europe/Berlin", due)
                other = sam.create(OTHER, "America/New_York", due + 3)
                assert time.time() < due - 5, "this build is too slow to create 100 schedules in a minute"
                calm, busy = [], []
                while time.time() < due + seconds:
                    began = time.perf_counter()
                    status, _ = sam.call("GET", OTHER)
                    assert status == 200, status
                    (busy if time.time() >= due else calm).append(time.perf_counter() - began)
                    time.sleep(0.01)
                status, runs = sam.call("GET", f"{OTHER}{other}/runs/")
                run = runs["results"][0] if runs["results"] else {}
            finally:
                host.terminate()
    print(f"build: {harness}, {orders} orders in each of 100 exports, load {os.getloadavg()[0]:.1f}")
    print(f"the other organizer's run: due {run.get('due')}, started {run.get('started')}, {run.get('outcome')}")
    for name, values in (("before", calm), ("while 100 exports are due", busy)):
        print(f"its calls {name}: {len(values)}, p50 {percentile(values, 0.5):.1f} ms, p99 {percentile(values, 0.99):.1f} ms")


if __name__ == "__main__":
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("harness")
    options.add_argument("--orders", type=int, default=20_000)
    options.add_argument("--seconds", type=int, default=30)
    given = options.parse_args()
    measure(given.harness, given.orders, given.seconds)
