import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { GitServer, makeRepository } from "../support/git-server.ts";
import { busyboxRootfsTar, tarOf } from "../support/images.ts";
import { Installation, isRoot } from "../support/tare.ts";

let host: Installation;
let work: string;
let server: Server;
let git: GitServer;

beforeAll(async () => {
  if (!isRoot) return;
  host = new Installation();
  work = mkdtempSync(join(tmpdir(), "tare-dockerfile-table-"));
  server = createServer((_, response) => void response.end("content"));
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  git = await GitServer.start(work);
  makeRepository(join(work, "r.git"), { f: "f" });
  await host.must(["import", busyboxRootfsTar(), "base:1"]);
});

afterAll(async () => {
  if (!isRoot) return;
  server.close();
  git[Symbol.dispose]();
  rmSync(work, { recursive: true, force: true });
  await host[Symbol.asyncDispose]();
});

/** Instruction and option of each row, and whether it works. */
function rows(): readonly (readonly [row: string, works: string])[] {
  const text = readFileSync(join(import.meta.dirname, "../../docs/reference/dockerfile.md"), "utf8");
  const table = text.slice(text.indexOf("## Instructions"));
  let instruction = "";
  const found: [string, string][] = [];
  for (const line of table.split("\n")) {
    const [, first = "", option = "", works = ""] = line.split("|").map((cell) => cell.trim());
    if (!line.startsWith("|") || first === "instruction" || first.startsWith("-")) continue;
    if (first !== "") instruction = first;
    found.push([`${instruction} ${option}`.trim(), works]);
  }
  return found;
}

interface Case {
  readonly text: string | (() => string);
  readonly flags?: readonly string[];
  /** How a row that does not work is refused. */
  readonly refused?: string;
}

const file = "FROM base:1\n";

/** A build for each row: its steps fail where it does not do what it says. */
const cases: Readonly<Record<string, Case>> = {
  "`FROM` image, stage, named context, `scratch`, `AS`": {
    flags: ["--build-context", "named=docker-image://base:1"],
    text: `FROM named AS a\nRUN echo x > /x\nFROM a AS b\nRUN test -f /x\nFROM scratch\nCOPY --from=b /x /\n`,
  },
  "`FROM` `--platform`": { text: "FROM --platform=$BUILDPLATFORM base:1\nRUN true\n" },
  "`RUN` shell and exec form": { text: `${file}RUN echo x > /x\nRUN ["test", "-f", "/x"]\n` },
  "`RUN` `--mount=type=bind`": { text: `${file}RUN --mount=target=/m test -f /m/file && ! touch /m/new\n` },
  "`RUN` `--mount=type=cache`": {
    text: `${file}RUN --mount=type=cache,target=/c touch /c/kept\nRUN --mount=type=cache,target=/c test -f /c/kept\n`,
  },
  "`RUN` `--mount=type=tmpfs`": {
    text: `${file}RUN --mount=type=tmpfs,target=/t,size=1m grep -q "tmpfs /t " /proc/mounts && touch /t/x\nRUN ! test -e /t\n`,
  },
  "`RUN` `--mount=type=secret`": {
    text: `${file}RUN --mount=type=secret,id=s test "$(cat /run/secrets/s)" = value\n`,
    flags: ["--secret", "id=s,env=SECRET_VALUE"],
  },
  "`RUN` `--mount=type=ssh`": {
    text: `${file}RUN --mount=type=ssh test "$SSH_AUTH_SOCK" = /run/buildkit/ssh_agent.0\n`,
  },
  "`RUN` `--network`": { text: `${file}RUN --network=none test "$(ls /sys/class/net)" = lo\n` },
  "`RUN` `--security`": {
    text: `${file}RUN --security=insecure test $((0x$(grep CapEff /proc/self/status | cut -f2) >> 21 & 1)) = 1\n`,
    flags: ["--allow", "security.insecure"],
  },
  "`RUN` `--device`": {
    text: `${file}RUN --device=tare.test/none=a true\n`,
  },
  "`COPY` `--from`": { text: `${file}COPY --from=base:1 /bin/busybox /b\nRUN test -x /b\n` },
  "`COPY` `--chown`, `--chmod`": {
    text: `${file}COPY --chown=3:4 --chmod=750 file /f\nRUN test "$(stat -c "%a %u:%g" /f)" = "750 3:4"\n`,
  },
  "`COPY` `--parents`, `--exclude`": {
    text: `${file}COPY --parents sub/a /p/\nCOPY --exclude=a sub /e/\nRUN test -f /p/sub/a && test -f /e/b && ! test -e /e/a\n`,
  },
  "`COPY` `--link`": { text: `${file}COPY --link file /l/\nRUN test -f /l/file\n` },
  "`ADD` files, `--chown`, `--chmod`, `--exclude`": {
    text: `${file}ADD --chown=3:4 --chmod=u+x --exclude=b sub /s/\nRUN test "$(stat -c "%a %u" /s/a)" = "744 3" && ! test -e /s/b\n`,
  },
  "`ADD` archives, `--unpack`": {
    text: `${file}ADD x.tar /u/\nADD --unpack=false x.tar /k/\nRUN test -f /u/in && test -f /k/x.tar\n`,
  },
  "`ADD` URLs, `--checksum`, `--unpack`": {
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- it listens on TCP
    text: () =>
      `${file}ADD --checksum=sha256:ed7002b439e9ac845f22357d822bac1444730fbdb6016d3ec9432297b9ec9f73 http://127.0.0.1:${(server.address() as AddressInfo).port}/f /u/\nRUN test "$(cat /u/f)" = content\n`,
  },
  "`ADD` git repositories, `--checksum`, `--keep-git-dir`, `?branch=`, `?tag=`, `?ref=`, `?commit=`, `?subdir=`, `?keep-git-dir=`, `?submodules=`":
    {
      text: () =>
        `${file}ADD --keep-git-dir ${git.origin}/r.git?branch=main /g/\nRUN test -f /g/f && test -d /g/.git\n`,
    },
  "`ARG`, `ENV`, `LABEL`": { text: `${file}ARG A=1\nENV E=$A\nLABEL l=$E\nRUN test "$E" = 1\n` },
  "`CMD`, `ENTRYPOINT`, `SHELL`": {
    text: `${file}SHELL ["/bin/sh", "-ec"]\nENTRYPOINT ["/bin/echo"]\nCMD x\nRUN case $- in *e*) ;; *) exit 1 ;; esac\n`,
  },
  "`EXPOSE`, `VOLUME`, `STOPSIGNAL`, `USER`": {
    text: `${file}EXPOSE 80-81/udp\nVOLUME /v\nSTOPSIGNAL INT\nUSER 7\nRUN test "$(id -u)" = 7\n`,
  },
  "`WORKDIR`": { text: `${file}WORKDIR /a\nWORKDIR b\nRUN test "$PWD" = /a/b\n` },
  "`HEALTHCHECK` all": { text: `${file}HEALTHCHECK --interval=5s --retries=2 CMD true\nHEALTHCHECK NONE\n` },
  "`ONBUILD` all but `ONBUILD`, `FROM`, `MAINTAINER`": {
    text: `${file.trim()} AS a\nONBUILD RUN touch /made\nFROM a\nRUN test -f /made\n`,
  },
  "`MAINTAINER`": { text: `${file}MAINTAINER someone\n` },
};

test("docs/reference/dockerfile.md has the rows of this test", () => {
  expect(rows().map(([row]) => row)).toEqual(Object.keys(cases));
  expect(
    rows()
      .filter(([, works]) => works === "no")
      .map(([row]) => row),
  ).toEqual(Object.entries(cases).flatMap(([row, { refused }]) => (refused === undefined ? [] : [row])));
});

describe.skipIf(!isRoot)("the rows of docs/reference/dockerfile.md", () => {
  test.each(Object.entries(cases))("%s", async (_, { text, flags = [], refused }) => {
    const context = mkdtempSync(join(work, "context-"));
    for (const [name, content] of [
      ["Dockerfile", typeof text === "string" ? text : text()],
      ["file", "file"],
      ["x.tar", tarOf([["in", "in"]])],
    ] as const)
      writeFileSync(join(context, name), content);
    await Bun.write(join(context, "sub/a"), "a");
    await Bun.write(join(context, "sub/b"), "b");
    const { status, stderr } = await host.tare(["build", ...flags, context], {
      env: { SECRET_VALUE: "value" },
    });
    if (refused === undefined)
      expect({ status, stderr: status === 0 ? "" : stderr }).toEqual({ status: 0, stderr: "" });
    else expect([status === 0, stderr]).toEqual([false, expect.stringContaining(refused)]);
  });
});
