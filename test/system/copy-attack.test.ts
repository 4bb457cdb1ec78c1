import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { unpackToHost } from "../../src/cli/copy/unpack-to-host.ts";
import { encodeTarEnd, encodeTarMember, type TarMember, tarPadding } from "../../src/spec/tar-writer.ts";
import { attackerProgram, startRace } from "../support/attacker.ts";
import { type ApiAnswer, askApi } from "../support/ask-api.ts";
import { busyboxArchive } from "../support/images.ts";
import { Installation, isRoot } from "../support/tare.ts";

const SECRET = "the host's own";

/** Members without contents but "x". */
function hostileTar(members: readonly TarMember[]): Buffer {
  const parts = members.flatMap((member) =>
    member.type === "file"
      ? [
          encodeTarMember({ mode: 0o644, ...member, size: 1 }),
          Buffer.from("x"),
          new Uint8Array(tarPadding(1)),
        ]
      : [encodeTarMember({ mode: 0o755, ...member })],
  );
  return Buffer.concat([...parts, encodeTarEnd()]);
}

describe.skipIf(!isRoot)("attacks on cp", () => {
  let tare: Installation;
  let canary: string;

  beforeAll(async () => {
    tare = new Installation();
    await tare.must(["load", "-i", busyboxArchive()]);
    canary = mkdtempSync(join(tare.directory, "canary-"));
    writeFileSync(join(canary, "file"), SECRET);
  });
  afterAll(async () => {
    await tare[Symbol.asyncDispose]();
  });

  const isUntouched = (): void => {
    expect(readdirSync(canary)).toEqual(["file"]);
    expect(readFileSync(join(canary, "file"), "utf8")).toBe(SECRET);
    expect(statSync(canary).mode & 0o777).toBe(0o700);
  };

  test("a directory that becomes a link to / and back, while it is read and written, leads nowhere", async () => {
    // Inside, the canary's path exists, too, so that both ways of resolving it find something.
    const script = `mkdir -p /root/d${canary} ${canary}; echo inside > ${canary}/file; cp ${canary}/file /root/d${canary}/file
      mkdir -p /root/tree/sub; echo inside > /root/tree/sub/file; : > /root/ready
      while :; do mv /root/d /root/e; ln -s / /root/d; rm /root/d; ln -s ../../../../../.. /root/d; rm /root/d; mv /root/e /root/d
        mv /root/tree/sub /root/aside; ln -s / /root/tree/sub; rm /root/tree/sub; mv /root/aside /root/tree/sub; done`;
    await tare.must(["run", "-d", "--name", "racer", "busybox", "sh", "-c", script]);
    await tare.must(["exec", "racer", "sh", "-c", "until [ -e /root/ready ]; do sleep 0.01; done"]);
    const own = join(tare.directory, "own");
    writeFileSync(own, "planted");
    const out = join(tare.directory, "out");
    let reads = 0;
    let writes = 0;
    const isRacing = startRace(() => reads > 0 && writes > 0);
    while (isRacing()) {
      mkdirSync(out);
      const read = await tare.tare(["cp", `racer:/root/d${canary}/file`, "-"]);
      expect(read.stdout).not.toContain(SECRET);
      if (read.status === 0) {
        expect(read.stdout).toContain("inside");
        reads++;
      }
      await tare.tare(["cp", "-q", "racer:/root/tree", out]);
      const sub = join(out, "tree/sub/file");
      if (existsSync(sub)) expect(readFileSync(sub, "utf8")).toBe("inside\n");
      const written = await tare.tare(["cp", "-q", own, `racer:/root/d${canary}/planted`]);
      if (written.status === 0) writes++;
      isUntouched();
      rmSync(out, { recursive: true });
    }
    expect(reads).toBeGreaterThan(0);
    expect(writes).toBeGreaterThan(0);
    await tare.must(["rm", "-f", "racer"]);
    isUntouched();
  }, 600_000);

  test("directories that are exchanged with links to the host, as fast as can be, are read and written in the container only", async () => {
    // The canary's path exists inside, too. What is packed: many, so that some become links between the look and the opening.
    const pairs = Array.from({ length: 64 }, (_, number) => `/root/tree/${number} /root/to/${number}`).join(
      " ",
    );
    const script = `mkdir -p ${canary} /root/d${canary} /root/tree /root/to; ln -s / /root/link
      for n in $(seq 0 63); do mkdir -p /root/tree/$n; echo inside > /root/tree/$n/file; ln -s ${canary} /root/to/$n; done
      /attacker swap ${pairs} & exec /attacker swap /root/d /root/link`;
    const program = ["-v", `${attackerProgram()}:/attacker:ro`];
    await tare.must(["run", "-d", "--name", "swapper", ...program, "busybox", "sh", "-c", script]);
    while ((await tare.must(["logs", "swapper"])).split("ready").length < 3);
    const archive = hostileTar([{ path: "planted", type: "file" }]);
    let packed = 0;
    let written = 0;
    const ask = (method: string, path: string, body?: Uint8Array): Promise<ApiAnswer> =>
      askApi(tare.socket, method, `/containers/swapper/archive?path=${encodeURIComponent(path)}`, body);
    const isRacing = startRace(() => packed > 0 && written > 0);
    while (isRacing()) {
      const read = (await ask("GET", "/root/tree")).text;
      expect(read).not.toContain(SECRET);
      if (read.includes("inside")) packed++;
      for (let count = 0; count < 10; count++) {
        const { status } = await ask("PUT", `/root/d${canary}`, archive);
        if (status === 200) written++;
      }
      isUntouched();
    }
    expect(packed).toBeGreaterThan(0);
    expect(written).toBeGreaterThan(0);
    await tare.must(["rm", "-f", "swapper"]);
    isUntouched();
  }, 600_000);

  test("links to the host's paths lead into the container's, of a running and of a stopped one", async () => {
    const script = `ln -s ${canary} /root/there; ln -s ${canary}/file /root/file; ln -s ../../../../../../..${canary} /root/up; ln -s /proc/1/root /root/magic; sleep 1000`;
    await tare.must(["run", "-d", "--name", "linker", "busybox", "sh", "-c", script]);
    await tare.must(["exec", "linker", "sh", "-c", "until [ -L /root/magic ]; do sleep 0.01; done"]);
    const own = join(tare.directory, "own-link");
    writeFileSync(own, "planted");
    for (const state of ["running", "stopped"]) {
      if (state === "stopped") {
        await tare.must(["kill", "linker"]);
        await tare.must(["wait", "linker"]);
      }
      for (const path of [
        "/root/there/file",
        "/root/up/file",
        `/root/magic${canary}/file`,
        `/../../..${canary}/file`,
      ]) {
        const { status, stdout } = await tare.tare(["cp", `linker:${path}`, "-"]);
        expect([path, status, stdout]).toEqual([path, 1, ""]);
      }
      expect((await tare.tare(["cp", "-L", "linker:/root/file", "-"])).status).toBe(1);
      for (const path of ["/root/there/", "/root/up/", "/root/magic/root/", "/root/file"]) {
        const { status } = await tare.tare(["cp", "-q", own, `linker:${path}`]);
        expect([path, status]).toEqual([path, 1]);
        // Nor where nobody looks first whether it is there.
        const archive = hostileTar([{ path: "planted", type: "file" }]);
        const { status: refused } = await askApi(
          tare.socket,
          "PUT",
          `/containers/linker/archive?path=${path}`,
          archive,
        );
        expect([path, refused >= 400]).toEqual([path, true]);
      }
      isUntouched();
    }
    await tare.must(["rm", "-f", "linker"]);
  });

  const archives: [string, TarMember[]][] = [
    ["a name with ..", [{ path: "../planted", type: "file" }]],
    ["a deep name with ..", [{ path: "a/../../../../planted", type: "file" }]],
    ["a name with .. that comes back", [{ path: "../root/planted", type: "file" }]],
    ["a hard link to what is outside", [{ path: "a", type: "hardlink", linkName: "../../etc/passwd" }]],
    [
      "a hard link to a file that only the host has",
      [{ path: "a", type: "hardlink", linkName: "/proc/1/environ" }],
    ],
    [
      "a link to the host's proc and a file below it",
      [
        { path: "a", type: "symlink", linkName: "/proc/self/root/tmp" },
        { path: "b", type: "hardlink", linkName: "a/passwd" },
      ],
    ],
    ["an overlay whiteout", [{ path: "white", type: "character", major: 0, minor: 0 }]],
  ];
  test.each(archives)("an archive with %s is refused and leaves nothing outside", async (_, members) => {
    await tare.must(["create", "--name", "victim", "busybox"]);
    const { status, stderr } = await tare.tare(["cp", "-", "victim:/root"], { input: hostileTar(members) });
    expect([status, stderr]).toEqual([1, expect.stringContaining("cannot")]);
    const changed = await tare.must(["diff", "victim"]);
    expect(changed).not.toContain("planted");
    await tare.must(["rm", "victim"]);
  });

  /** Where `PUT archive` puts these members, of a container with links to the canary's path, which is in the container, too. */
  const linked: [string, string, TarMember[], string[]][] = [
    ["an absolute name", "/root", [{ path: "/planted", type: "file" }], ["/root/planted"]],
    ["an absolute name with ..", "/root", [{ path: "/a/../planted", type: "file" }], ["/root/planted"]],
    [
      "a name with .. that stays inside",
      "/root",
      [{ path: "a/b/../../planted", type: "file" }],
      ["/root/planted"],
    ],
    ["a missing directory", "/", [{ path: "/new/deep/planted", type: "file" }], ["/new/deep/planted"]],
    [
      "an absolute link of the container",
      "/",
      [{ path: "/root/there/planted", type: "file" }],
      ["CANARY/planted"],
    ],
    ["a link seen from below it", "/root", [{ path: "there/planted", type: "file" }], ["CANARY/planted"]],
    ["a link with many ..", "/root", [{ path: "/up/planted", type: "file" }], ["CANARY/planted"]],
    ["a link to nowhere", "/root", [{ path: "nowhere/planted", type: "file" }], ["/made/up/planted"]],
    ["a link to a link", "/", [{ path: "root/twice/planted", type: "file" }], ["CANARY/planted"]],
    [
      "a link of its own and a file below it",
      "/root",
      [
        { path: "own", type: "symlink", linkName: "CANARY" },
        { path: "own/planted", type: "file" },
      ],
      ["CANARY/planted"],
    ],
    [
      "a directory that becomes a link",
      "/root",
      [
        { path: "d/", type: "directory" },
        { path: "d", type: "symlink", linkName: "/" },
        { path: "d/planted", type: "file" },
      ],
      ["/planted"],
    ],
    ["a name that is a link itself", "/root", [{ path: "file", type: "file" }], ["/root/file"]],
    [
      "a hard link through a link",
      "/root",
      [{ path: "hard", type: "hardlink", linkName: "/there/inside" }],
      ["/root/hard"],
    ],
  ];
  test("archives with absolute names and links in the way reach the container's own files alone, running and not", async () => {
    const script = `mkdir -p ${canary}; echo inside > ${canary}/inside; cd /root; ln -s ${canary} there; ln -s ${canary}/file file
      ln -s ../../../../../../../..${canary} up; ln -s /made/up nowhere; ln -s there twice; ln -s /proc/1/root magic
      ln -s /proc/sys/kernel kernel; ln -s /dev/mqueue queue; : > ready; sleep 1000`;
    const put = (path: string, members: readonly TarMember[]): Promise<ApiAnswer> =>
      askApi(
        tare.socket,
        "PUT",
        `/containers/linked/archive?path=${encodeURIComponent(path)}`,
        hostileTar(
          members.map(({ linkName, ...member }) => ({
            ...member,
            ...(linkName === undefined ? {} : { linkName: linkName.replace("CANARY", canary) }),
          })),
        ),
      );
    for (const state of ["running", "stopped"]) {
      for (const [what, path, members, made] of linked) {
        await tare.must(["run", "-d", "--name", "linked", "busybox", "sh", "-c", script]);
        await tare.must(["exec", "linked", "sh", "-c", "until [ -e /root/ready ]; do sleep 0.01; done"]);
        if (state === "stopped") {
          await tare.must(["kill", "linked"]);
          await tare.must(["wait", "linked"]);
        }
        const { status, text } = await put(path, members);
        expect([state, what, status, text]).toEqual([state, what, 200, ""]);
        for (const place of made) {
          const found = await tare.tare(["cp", `linked:${place.replace("CANARY", canary)}`, "-"]);
          expect([state, what, place, found.status]).toEqual([state, what, place, 0]);
        }
        isUntouched();
        // What leads to the kernel's files, or through another process's root, is refused.
        const kernel = "it lies on one of the kernel's own file systems";
        const forbidden = [
          ["/root", "/magic/planted", "cannot"],
          ["/root", "/kernel/planted", kernel],
          ["/root", "/queue/planted", kernel],
          ["/", "/proc/sys/kernel/planted", kernel],
          ["/", "/../proc/planted", "leaves the root"],
        ] as const;
        for (const [path, name, reason] of state === "running" ? forbidden : []) {
          const refused = await put(path, [{ path: name, type: "file" }]);
          expect([state, name, refused.status === 200, refused.text]).toEqual([
            state,
            name,
            false,
            expect.stringContaining(reason),
          ]);
        }
        isUntouched();
        await tare.must(["rm", "-f", "linked"]);
      }
    }
    expect(existsSync("/made/up")).toBe(false);
  });

  test("a directory that is exchanged with links while archives with names below it are unpacked leads nowhere", async () => {
    const script = `mkdir -p /root/d ${canary}; : > /root/ready
      while :; do mv /root/d /root/e; ln -s ${canary} /root/d; rm /root/d; ln -s ../../../../../../../..${canary} /root/d; rm /root/d; mv /root/e /root/d; done`;
    await tare.must(["run", "-d", "--name", "exchanger", "busybox", "sh", "-c", script]);
    await tare.must(["exec", "exchanger", "sh", "-c", "until [ -e /root/ready ]; do sleep 0.01; done"]);
    const body = hostileTar([
      { path: "/d/planted", type: "file" },
      { path: "d/sub/", type: "directory" },
      { path: "d/sub/../planted-too", type: "file" },
    ]);
    let writes = 0;
    const isRacing = startRace(() => writes > 0);
    while (isRacing()) {
      const { status } = await askApi(tare.socket, "PUT", "/containers/exchanger/archive?path=/root", body);
      if (status === 200) writes++;
      isUntouched();
    }
    expect(writes).toBeGreaterThan(0);
    await tare.must(["rm", "-f", "exchanger"]);
  });

  test("names of whiteouts are names: cp deletes nothing", async () => {
    await tare.must(["create", "--name", "whites", "busybox"]);
    await tare.must(["cp", "-", "whites:/"], {
      input: hostileTar([
        { path: "bin/.wh.busybox", type: "file" },
        { path: "bin/.wh..wh..opq", type: "file" },
      ]),
    });
    expect(await tare.must(["diff", "whites"])).toBe("C /bin\nA /bin/.wh..wh..opq\nA /bin/.wh.busybox");
    await tare.must(["rm", "whites"]);
  });

  test("fifos and devices in the way are neither opened nor waited for", async () => {
    const script =
      "mkdir /root/t; mkfifo /root/t/pipe; mkfifo /root/pipe; mknod /root/t/null c 1 3; sleep 1000";
    await tare.must(["run", "-d", "--name", "piper", "busybox", "sh", "-c", script]);
    await tare.must(["exec", "piper", "sh", "-c", "until [ -e /root/t/null ]; do sleep 0.01; done"]);
    const out = join(tare.directory, "pipes");
    mkdirSync(out);
    const { status, stderr } = await tare.tare(["cp", "piper:/root/t", out], { timeoutMs: 5000 });
    expect(status).toBe(0);
    expect(stderr).toContain('skipped "t/pipe"');
    expect(readdirSync(join(out, "t"))).toEqual([]);
    const own = join(tare.directory, "own-pipe");
    writeFileSync(own, "1");
    await tare.must(["cp", own, "piper:/root/pipe"], { timeoutMs: 5000 });
    expect(await tare.must(["exec", "piper", "cat", "/root/pipe"])).toBe("1");
    await tare.must(["rm", "-f", "piper"]);
  });

  test("a huge file of holes costs the container's reader nothing and can be left", async () => {
    await tare.must([
      "run",
      "-d",
      "--name",
      "huge",
      "busybox",
      "sh",
      "-c",
      "truncate -s 500G /root/huge; sleep 1000",
    ]);
    await tare.must(["exec", "huge", "sh", "-c", "until [ -s /root/huge ]; do sleep 0.01; done"]);
    expect((await tare.tare(["cp", "huge:/root/huge", "-"], { timeoutMs: 300 })).status).not.toBe(0);
    expect(await tare.must(["exec", "huge", "echo", "alive"])).toBe("alive");
    await tare.must(["rm", "-f", "huge"]);
  });

  test("unpackToHost() keeps to its directory, whatever a daemon says", async () => {
    const top = join(tare.directory, "mine");
    const rows: TarMember[][] = [
      [{ path: "s/../../canary", type: "file" }],
      [
        { path: "s", type: "symlink", linkName: canary },
        { path: "s/planted", type: "file" },
      ],
      [
        { path: "s/", type: "directory" },
        { path: "s/l", type: "symlink", linkName: canary },
        { path: "s/l/planted", type: "file" },
      ],
      [
        { path: "s/", type: "directory" },
        { path: "s/l", type: "symlink", linkName: canary },
        { path: "s/h", type: "hardlink", linkName: "s/l/file" },
      ],
      [{ path: "s", type: "hardlink", linkName: "own" }],
    ];
    for (const members of rows) {
      mkdirSync(top);
      writeFileSync(join(top, "own"), "own");
      const bytes = hostileTar(members);
      const unpacked = unpackToHost(
        (async function* () {
          yield bytes;
        })(),
        { directory: top, name: "s", keepsOwners: true },
      );
      await expect(unpacked).rejects.toThrow("cannot");
      isUntouched();
      rmSync(top, { recursive: true });
    }
  });
});
