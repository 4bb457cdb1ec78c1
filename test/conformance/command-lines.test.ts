import { describe, expect, test } from "bun:test";
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type CommandResult, commandLines, keyOf, runCommandLines } from "../support/command-lines.ts";
import { findDockerCli } from "../support/docker-cli.ts";
import { busyboxArchive } from "../support/images.ts";
import { Installation, isRoot } from "../support/tare.ts";

/** By dockerd 26.1.5 on cgroup v1, recorded by record-command-lines.ts. */
const recorded: Readonly<Record<string, CommandResult>> = JSON.parse(
  readFileSync(join(import.meta.dir, "recorded-command-lines.json"), "utf8"),
);

const ownWords = "the sentence says more, or is the one of this engine";
/** What differs, and why; the exit code is the same unless the reason says otherwise. */
const differences: Readonly<Record<string, string>> = {
  "printf nothing | docker load": ownWords,
  "docker run --rm made:1 /absent": "no runc",
  "docker run --rm busybox absent": "no runc",
  "docker run --rm busybox /etc": "no runc",
  "docker run --rm --device /dev/absent busybox true": "refused at create, not at start",
  "docker run --rm --init busybox sh -c 'cat /proc/1/comm'": "the name of the init program",
  "docker inspect -f '{{json .HostConfig}}' same":
    "the runtime's name; a cgroup namespace of its own on cgroup v1, too",
  "docker exec same absent": "code: 127 as with run, and on stderr",
  "docker exec -w /absent same pwd": "no runc",
  "docker top same -o comm": "code: columns without the pid are fine",
  "docker network create --subnet wrong other": ownWords,
  "docker network create --subnet 10.201.0.0/25 overlap": ownWords,
  "docker network inspect -f '{{.Name}} {{json .IPAM}} {{json .Labels}} {{.Internal}} {{.EnableIPv6}}' net":
    "the gateway that was chosen is shown, as by Docker 28",
  "docker run --rm --network net --ip 10.201.0.9 busybox true": ownWords,
  "docker run --rm --network net --ip 10.99.0.9 busybox true": "one line",
  "docker run --rm --ip 172.17.0.9 busybox true": "one line",
  "docker network rm net": "the names of the containers, as by Docker 28",
};

const program = findDockerCli();
if (program === undefined) console.log("skipped: docker-cli (apt-get install docker-cli)");
/** Some lines read the files of cgroup v1. */
const isRecordedHost = existsSync("/sys/fs/cgroup/memory/memory.limit_in_bytes");

describe.skipIf(!isRoot || program === undefined || !isRecordedHost)(
  "command lines of Docker's client",
  () => {
    test("all of them answer as with dockerd: code, stdout and stderr", async () => {
      await using tare = new Installation();
      await tare.must(["load", "-i", busyboxArchive()]);
      const directory = mkdtempSync(join(tmpdir(), "tare-command-lines-"));
      try {
        const ours = runCommandLines(directory, tare.clientSocket);
        const wrong = commandLines.flatMap((line, index) => {
          const [theirs, own] = [recorded[keyOf(index, line)], ours[keyOf(index, line)]];
          const reason = differences[line];
          const isSame = JSON.stringify(theirs) === JSON.stringify(own);
          // A difference that is gone leaves the list.
          if (
            reason === undefined
              ? isSame
              : !isSame && (reason.startsWith("code") || theirs?.code === own?.code)
          )
            return [];
          return [{ line, theirs, own, reason }];
        });
        expect(wrong).toEqual([]);
      } finally {
        rmSync(directory, { recursive: true });
      }
    }, 300_000);

    test("the table is large", () => {
      expect(commandLines.length).toBeGreaterThanOrEqual(250);
      expect(Object.keys(recorded)).toHaveLength(commandLines.length);
    });
  },
);
