"""
Records what dockerd makes of the cases of test/support/build-cases.ts: recorded-builds.json. By hand, where dockerd and
the buildx plug-in are installed and a daemon of its own runs with a base image made by baseRootfsTar():

    bun -e 'import { buildCases } from "./test/support/build-cases.ts"; console.log(JSON.stringify(buildCases))' > D/cases.json
    python3 test/conformance/record-builds.py D SOCKET > test/conformance/recorded-builds.json
"""

import json
import os
import subprocess
import sys
import tempfile

directory, socket = sys.argv[1:3]
here = os.path.dirname(os.path.abspath(__file__))
environment = dict(os.environ, DOCKER_HOST=f"unix://{socket}", DOCKER_BUILDKIT="1")


def run(*words, **options):
    return subprocess.run(words, env=environment, capture_output=True, **options)


def tree_of(image):
    container = run("docker", "create", image, "x").stdout.decode().strip()
    archive = run("docker", "export", container).stdout
    run("docker", "rm", container)
    entries = subprocess.run(["python3", f"{here}/tar-entries.py"], input=archive, capture_output=True)
    return json.loads(entries.stdout)


def write_context(case, context):
    for path, content in (case.get("files") or {}).items():
        place = os.path.join(context, path)
        os.makedirs(os.path.dirname(place), exist_ok=True)
        if isinstance(content, dict) and "link" in content:
            os.symlink(content["link"], place)
        elif path.endswith("/"):
            os.chmod(place, content["mode"])
        else:
            is_text = isinstance(content, str)
            with open(place, "w") as file:
                file.write(content if is_text else content["text"])
            os.chmod(place, 0o644 if is_text else content["mode"])
    with open(os.path.join(context, "Dockerfile"), "w") as file:
        file.write(case["dockerfile"])


def describe(image, base):
    tree = tree_of(image)
    gone = [path for path in base if path not in tree]
    is_on_base = len(gone) < len(base) / 2
    # `docker create` makes it for its own mounts.
    if not is_on_base and not any(path.startswith("etc/") for path in tree):
        tree.pop("etc", None)
    config = json.loads(run("docker", "image", "inspect", image).stdout)[0]["Config"]
    config.pop("Image", None)
    history = run("docker", "history", "--no-trunc", "--format", "{{json .CreatedBy}}", image).stdout.decode()
    return {
        "tree": {path: entry for path, entry in tree.items() if not is_on_base or base.get(path) != entry},
        "gone": gone if is_on_base else "all",
        "config": {key: value for key, value in config.items() if value not in (None, "", [], {}, False)},
        "history": [json.loads(line) for line in history.splitlines()],
    }


recorded = {}
base = tree_of("base")
with open(f"{directory}/cases.json") as file:
    cases = json.load(file)
for case in cases:
    if case.get("needsRegistry"):
        continue
    with tempfile.TemporaryDirectory(dir=directory) as context:
        write_context(case, context)
        flags = [flag.replace("{context}", context) for flag in case.get("flags") or []]
        built = run("docker", "build", "-t", "case", *flags, ".", cwd=context)
        recorded[case["name"]] = describe("case", base) if built.returncode == 0 else None
json.dump(recorded, sys.stdout, indent=1, sort_keys=True)
