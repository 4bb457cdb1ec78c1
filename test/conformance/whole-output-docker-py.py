"""Performs the cases of whole-output.test.ts with docker-py and prints those whose output is wrong, as JSON.

    whole-output-docker-py.py SOCKET DATA-DIRECTORY < CASES
"""

import json
import socket as sockets
import sys
import threading
import time

import docker
from docker.utils.socket import frames_iter

socket_path, data = sys.argv[1:]
cases = json.load(sys.stdin)
pause_seconds = 0.01
with open(data + "/out", "rb") as file:
    out_bytes = file.read()
with open(data + "/err", "rb") as file:
    err_bytes = file.read()


def exchange(stream, case):
    """Sends the input and half-closes, while it reads both streams to the end."""
    raw = stream._sock

    def feed():
        raw.sendall(case["input"].encode() + out_bytes[: case["inBytes"]])
        raw.shutdown(sockets.SHUT_WR)

    feeder = threading.Thread(target=feed)
    if case["hasInput"]:
        feeder.start()
    pieces = {1: [], 2: []}
    for kind, piece in frames_iter(stream, tty=False):
        pieces[kind].append(piece)
        if case["isSlow"]:
            time.sleep(pause_seconds)
    if case["hasInput"]:
        feeder.join()
    stream.close()
    return b"".join(pieces[1]), b"".join(pieces[2])


def perform(client, case):
    api = client.api
    if case["verb"] == "exec":
        created = api.exec_create("target", case["command"], stdin=case["hasInput"])["Id"]
        if case["hasInput"] or case["isSlow"]:
            out, err = exchange(api.exec_start(created, socket=True), case)
        else:
            out, err = api.exec_start(created, demux=True)
        return out or b"", err or b"", api.exec_inspect(created)["ExitCode"]
    mounts = api.create_host_config(binds=[data + ":/data:ro"])
    container = api.create_container("busybox", case["command"], stdin_open=case["hasInput"], host_config=mounts)["Id"]
    try:
        wanted = {"stdin": int(case["hasInput"]), "stdout": 1, "stderr": 1, "stream": 1}
        if case["verb"] == "attach":
            api.start(container)
            out, err = exchange(api.attach_socket(container, wanted), case)
        else:
            stream = api.attach_socket(container, wanted)
            api.start(container)
            out, err = exchange(stream, case)
        return out, err, api.wait(container)["StatusCode"]
    finally:
        api.remove_container(container, force=True)


wrong = []
remaining = iter(cases)
turn = threading.Lock()


def work():
    client = docker.DockerClient(base_url="unix://" + socket_path, timeout=120)
    while True:
        with turn:
            case = next(remaining, None)
        if case is None:
            break
        try:
            out, err, code = perform(client, case)
            if (out, err, code) != (out_bytes[: case["outBytes"]], err_bytes[: case["errBytes"]], case["code"]):
                wrong.append({**case, "got": [len(out), len(err), code]})
        except Exception as thrown:
            wrong.append({**case, "got": repr(thrown)})
    client.close()


workers = [threading.Thread(target=work) for _ in range(3)]
for each in workers:
    each.start()
for each in workers:
    each.join()
print(json.dumps(wrong))
