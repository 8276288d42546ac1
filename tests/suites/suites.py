"""Runs each suite and holds its failures against the deviations that docs/conformance.md gives reasons for."""

import json
import re
import subprocess
import sys
from pathlib import Path

from httpx2 import Client
from scim2_client.engines.httpx2 import SyncSCIMClient
from scim2_tester import Status, check_server

WORK = Path(sys.argv[1])
ROOT = Path(__file__).parents[2]
BIN = Path(sys.executable).parent
TOKEN = "suites"
BASE = json.loads((WORK / "ready.json").read_text())["connections"]["sandbox"]["base_url"]
CHECKS = [
    "not_a_server_error",
    "status_code_conformance",
    "content_type_conformance",
    "response_schema_conformance",
    "response_headers_conformance",
    "unsupported_method",
    "allow_header_conformance",
    "use_after_free",
    "ensure_resource_availability",
]


def client() -> Client:
    return Client(base_url=BASE, headers={"Authorization": f"Bearer {TOKEN}"}, timeout=60)


def scim2_tester():
    """Name, verdict and reason of each check."""
    good = {Status.SUCCESS, Status.COMPLIANT, Status.ACCEPTABLE}
    for result in check_server(SyncSCIMClient(client())):
        verdict = "pass" if result.status in good else "skip" if result.status is Status.SKIPPED else "fail"
        yield f"{result.title} {result.resource_type or ''}".strip(), verdict, result.reason or ""


def scim_sanity():
    """Name, verdict and reason of each check."""
    command = [BIN / "scim-sanity", "probe", BASE, "--token", TOKEN, "--strict", "--i-accept-side-effects", "--json-output"]
    report = json.loads(subprocess.run(command, capture_output=True, text=True, check=False).stdout)
    for result in report["results"]:
        verdict = result["status"] if result["status"] in ("pass", "skip") else "fail"
        yield result["name"], verdict, result.get("message", "")


def not_offered() -> list[str]:
    """The paths that answer 501, which schemathesis would take for a fault of the server."""
    with client() as http:
        paths = ["/.search", "/Users/.search", "/Groups/.search", "/Bulk"]
        offered = {path: http.post(BASE + path, json={"schemas": []}).status_code != 501 for path in paths}
    return ["/Me"] + [path for path, is_offered in offered.items() if not is_offered]


def schemathesis() -> tuple[int, str]:
    """Exit code and summary."""
    command = [BIN / "schemathesis", "run", ROOT / "openapi/portcullis.json", "--url", BASE]
    command += ["--header", f"Authorization: Bearer {TOKEN}", "--checks", ",".join(CHECKS)]
    command += ["--phases", "coverage,fuzzing,stateful", "--max-examples", "5"]
    command += ["--generation-deterministic", "--continue-on-failure", "--warnings", "off", "--no-color"]
    for path in not_offered():
        command += ["--exclude-path", path]
    run = subprocess.run(command, capture_output=True, text=True, check=False, cwd=WORK)
    (WORK / "schemathesis.log").write_text(run.stdout + run.stderr)
    cases = re.search(r"^\s+(\d+ generated, .*)$", run.stdout, re.MULTILINE)
    return run.returncode, cases[1] if cases else "no case was generated"


def judge(suite: str, results, deviations: list[dict]) -> bool:
    """Prints one line for the suite and one for each failure; true where every failure has its reason."""
    counts = {"pass": 0, "skip": 0, "known": 0, "fail": 0}
    met = set()
    for name, verdict, reason in results:
        known = next(
            (
                deviation["id"]
                for deviation in deviations
                if deviation["suite"] == suite and deviation["check"] == name and deviation["reason"] in reason
            ),
            None,
        )
        if verdict == "fail" and known:
            met.add(known)
            counts["known"] += 1
        else:
            counts[verdict] += 1
            if verdict == "fail":
                print(f"  FAIL {suite}: {name}: {reason}")
            elif verdict == "skip":
                print(f"  skip {suite}: {name}: {reason}")
    print(f"{suite}: {counts['pass']} pass, {counts['known']} differ for a reason, {counts['skip']} skip, {counts['fail']} FAIL")
    stale = {deviation["id"] for deviation in deviations if deviation["suite"] == suite} - met
    for deviation in sorted(stale):
        print(f"  FAIL {suite}: {deviation} no longer differs: take it out of tests/suites/deviations.json and docs/conformance.md")
    return counts["fail"] == 0 and counts["pass"] > 0 and not stale


def main() -> int:
    deviations = json.loads((Path(__file__).parent / "deviations.json").read_text())
    good = judge("scim2-tester", scim2_tester(), deviations)
    good &= judge("scim-sanity", scim_sanity(), deviations)
    code, summary = schemathesis()
    print(f"schemathesis: {summary}" if code == 0 else f"  FAIL schemathesis: {summary}; see {WORK}/schemathesis.log")
    return 0 if good and code == 0 else 1


sys.exit(main())
