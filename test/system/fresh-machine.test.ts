import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { copyFileSync, existsSync, readFileSync } from "node:fs";
import { connect } from "node:net";
import { join } from "node:path";
import { gunzipSync } from "node:zlib";
import { findDockerCli } from "../support/docker-cli.ts";
import { FreshMachine, packagesOfReadme } from "../support/fresh-machine.ts";
import { busyboxPackage, busyboxRootfsTar } from "../support/images.ts";
import { poll } from "../support/patience.ts";
import { readTour, type TourStep, withoutChance } from "../support/readme-tour.ts";
import { placeImage } from "../support/registry-images.ts";
import { isRoot, repository } from "../support/tare.ts";
import { TestRegistry } from "../support/test-registry.ts";

const needed = [...packagesOfReadme(), "dpkg"];
const isDebian = needed.every(
  (name) =>
    existsSync(`/var/lib/dpkg/info/${name}.list`) || existsSync(`/var/lib/dpkg/info/${name}:amd64.list`),
);
/** Its roots are the machine's: an engine that uses them must not meet another. */
const isFree = !existsSync("/run/tare/tare.sock");

/** What a server at a port of this host says. */
async function read(port: number): Promise<string> {
  return await poll(
    async () =>
      await new Promise<string | undefined>((resolve) => {
        const socket = connect(port, "127.0.0.1");
        let text = "";
        socket.on("data", (bytes) => (text += String(bytes)));
        socket.on("error", () => resolve(undefined));
        socket.on("close", () => resolve(text === "" ? undefined : text.trim()));
      }),
    { timeoutMs: 30_000, what: "read from a published port" },
  );
}

describe.skipIf(!isRoot || !isDebian || !isFree)("a machine with README.md's packages alone", () => {
  let machine: FreshMachine;
  let registry: TestRegistry;
  beforeAll(async () => {
    machine = await FreshMachine.make();
    registry = await TestRegistry.start();
  }, 300_000);
  afterAll(async () => {
    await machine[Symbol.asyncDispose]();
    await registry[Symbol.asyncDispose]();
  }, 300_000);

  test("lacks programs that this one has", async () => {
    for (const program of ["nft", "ip", "iptables", "docker", "git", "python3", "mkfs.erofs"])
      expect((await machine.run(`command -v ${program}`)).stdout).toBe("");
    expect(await machine.must("command -v gcc make node npm npx")).not.toBe("");
  });

  test("builds Tare and runs README.md's first command", async () => {
    const command = /^ {4}npm ci && (npx tare run .*)$/m.exec(
      readFileSync(join(repository, "README.md"), "utf8"),
    )?.[1] as string;
    // What `npm ci` does after it has fetched the packages, which are here.
    await machine.must("make --silent");
    const said = await machine.must(command);
    expect(said).toContain("seccomp             filter mode");
    expect(said).toMatch(/^started in [\d.]+ ms/m);
  }, 600_000);

  test("pulls, saves and loads an image", async () => {
    const layer = readFileSync(busyboxRootfsTar());
    const bytes = layer[0] === 0x1f ? gunzipSync(layer) : layer;
    const { name } = placeImage(registry, { repository: "fresh/busybox", layers: [bytes] });
    await machine.must(`dist/tare pull -q ${name} && dist/tare tag ${name} busybox`);
    await machine.must(`dist/tare save -o ../saved.tar busybox && dist/tare rmi busybox ${name}`);
    await machine.must("dist/tare load -qi ../saved.tar");
    expect(await machine.must("dist/tare run --rm busybox echo loaded")).toBe("loaded");
  });

  test("publishes a port", async () => {
    await machine.must(
      "dist/tare run -d --name web -p 18080:80 busybox sh -c 'while true; do echo served | nc -l -p 80; done'",
    );
    expect(await read(18_080)).toBe("served");
  });

  test("resolves names in a network of the user's", async () => {
    await machine.must("dist/tare network create front");
    await machine.must("dist/tare run -d --name db --network front busybox sleep 600");
    const said = await machine.must("dist/tare run --rm --network front busybox nslookup db 127.0.0.11");
    expect(said).toContain("Name:\tdb");
  });

  test("finds everything in order, and misses nothing", async () => {
    await machine.must("dist/tare rm -f web db && dist/tare network rm front && dist/tare system settle");
    expect(await machine.must("dist/tare system check")).toBe("Everything is in order.");
    expect(await machine.must("cat /run/tare/daemon.log")).not.toMatch(/missing|not found|ENOENT/);
    await machine.must("dist/tare daemon stop"); // the next one has the same roots
  });

  test("goes through README.md's tour as it is written", async () => {
    await using tour = await FreshMachine.make({ built: true });
    const docker = findDockerCli();
    if (docker === undefined) throw new Error("there is no docker client");
    copyFileSync(docker, join(tour.programs, "docker"));
    // The network has no archive of Debian's.
    tour.addProgram("apt-get", `cp ${busyboxPackage()} ./busybox-static_1_amd64.deb`);
    await tour.must("mkdir ../tour");
    const install = /^ {4}(install .*)$/m.exec(readFileSync(join(repository, "README.md"), "utf8"))?.[1];
    await tour.must(install as string);
    const steps = readTour();
    expect(steps.length).toBeGreaterThan(20);
    let status = 0;
    const statuses: number[] = [];
    for (const step of steps) {
      const { command, typed, output } = step;
      const asked = typed.length === 0 ? command : onTerminal(command, typed);
      const wanted = linesOf(step, output);
      let seen: readonly string[] = [];
      const tryOnce = async (): Promise<true | undefined> => {
        const done = await tour.run(`cd ../tour && (exit ${status}); ${asked}`);
        if (typed.length > 0) statuses.push(done.status ?? -1);
        // One that shows what is refused fails.
        else if (!output.includes("denied"))
          expect([command, done.status, done.stderr]).toEqual([command, 0, expect.anything()]);
        seen = linesOf(
          step,
          typed.length > 0 ? printedBehind(done.stdout, typed) : done.stdout + done.stderr,
        );
        status = done.status ?? -1;
        return output === "" || Bun.deepEquals(seen, wanted) ? true : undefined;
      };
      // What it shows may take the container a moment.
      const changesNothing = /^(tare (logs|ps|exec|namespaces|port) |docker )/.test(`${command} `);
      if (!changesNothing) await tryOnce();
      else await poll(tryOnce, { timeoutMs: 30_000, everyMs: 100, what: command }).catch(() => undefined);
      if (output !== "") expect([command, seen]).toEqual([command, wanted]);
      status = typed.length > 0 ? (statuses.at(-1) as number) : changesNothing ? 0 : status;
    }
    expect(statuses).toEqual([3]);
  }, 600_000);
});

/** A command line that types into a terminal what is given to it. */
function onTerminal(command: string, typed: readonly string[]): string {
  const input = typed.map((line) => `'${line}'`).join(" ");
  return `printf '%s\\n' ${input} | script -qec '${command}' /dev/null`;
}

/** What was printed behind the first prompt, without prompts and what was typed. */
function printedBehind(text: string, typed: readonly string[]): string {
  return text
    .slice(text.indexOf("~ #"))
    .split(/\r?\n/)
    .filter((line) => !line.includes("~ #") && !typed.includes(line.trim()))
    .join("\n");
}

function linesOf({ command }: TourStep, text: string): readonly string[] {
  const lines = withoutChance(text).split("\n");
  const hasAnyOrder = command.startsWith("docker") || command.startsWith("tare namespaces");
  return hasAnyOrder ? lines.sort() : lines;
}
