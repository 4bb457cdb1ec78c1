import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { encodeTarEnd, encodeTarMember } from "../../src/spec/tar-writer.ts";
import { poll, slowness } from "./patience.ts";
import { type Finished, repository } from "./tare.ts";

/** Where programs are. `/bin` and `/sbin` are links to two of them. */
const programFolders = ["/usr/bin", "/usr/sbin", "/usr/games"];
const searchPath = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/** The packages that README.md installs with `apt-get install`. */
export function packagesOfReadme(): readonly string[] {
  const text = readFileSync(join(repository, "README.md"), "utf8");
  const words = /`apt-get install ([^`]+)`/.exec(text)?.[1];
  if (words === undefined) throw new Error("README.md asks for no packages");
  return words.split(" ");
}

interface InstalledPackage {
  readonly name: string;
  readonly isBase: boolean;
  /** Alternatives of each dependency. */
  readonly needs: readonly (readonly string[])[];
  readonly provides: readonly string[];
}

function installedPackages(): readonly InstalledPackage[] {
  const fields = ["Package", "Essential", "Priority", "Pre-Depends", "Depends", "Provides"];
  const format = `${fields.map((field) => `\${${field}}`).join("\t")}\n`;
  const names = (text: string): readonly string[] =>
    text
      .split(/[,|]/)
      .map((each) => each.trim().replace(/[ :(].*/, ""))
      .filter((each) => each !== "");
  return execFileSync("dpkg-query", ["-W", "-f", format], { encoding: "utf8", maxBuffer: 64 << 20 })
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => {
      const [name = "", essential, priority, before = "", needs = "", provides = ""] = line.split("\t");
      return {
        name,
        isBase: essential === "yes" || priority === "required",
        needs: `${before},${needs}`.split(",").map(names),
        provides: names(provides),
      };
    });
}

/** Those packages, Debian's smallest system, and all that they depend on. */
function withDependencies(wanted: readonly string[]): ReadonlySet<string> {
  const installed = installedPackages();
  const byName = new Map<string, InstalledPackage>();
  for (const each of installed) for (const name of each.provides) byName.set(name, each);
  for (const each of installed) byName.set(each.name, each);
  const found = new Set<string>();
  const pending = [...wanted, ...installed.filter(({ isBase }) => isBase).map(({ name }) => name)];
  for (let name = pending.pop(); name !== undefined; name = pending.pop()) {
    const each = byName.get(name);
    if (each === undefined || found.has(each.name)) continue;
    found.add(each.name);
    for (const alternatives of each.needs) {
      const first = alternatives.find((one) => byName.has(one));
      if (first !== undefined) pending.push(first);
    }
  }
  return found;
}

/** Names in the folders of programs that those packages own, or that their scripts made (alternatives). */
function programsOf(packages: ReadonlySet<string>): ReadonlySet<string> {
  const lists = execFileSync("dpkg-query", ["-L", ...packages], { encoding: "utf8", maxBuffer: 64 << 20 });
  const paths = new Set(lists.split("\n").map((path) => path.replace(/^\/(s?bin)\//, "/usr/$1/")));
  const isOwned = (path: string): boolean => {
    if (paths.has(path)) return true;
    // As alternatives are: a link to a link to a program.
    const target = existsSync(path) ? realpathSync(path) : path;
    return target.startsWith("/usr/") && paths.has(target);
  };
  return new Set(
    programFolders
      .filter((folder) => existsSync(folder))
      .flatMap((folder) => readdirSync(folder).map((name) => join(folder, name)))
      .filter(isOwned),
  );
}

/**
 * This machine as one on which nothing was installed but Debian's smallest system and what README.md asks for: a mount
 * namespace in which all other programs are hidden, `/usr/local`, `/var/lib` and `/run` are empty, and a copy of the
 * repository is the working directory. The network is this process's. Disposing of it stops the daemon that was started
 * there.
 */
export class FreshMachine implements AsyncDisposable {
  readonly directory: string;
  /** Programs that a test adds. */
  readonly programs: string;
  readonly #holder: ChildProcess;

  private constructor(directory: string, holder: ChildProcess) {
    this.directory = directory;
    this.programs = join(directory, "programs");
    this.#holder = holder;
  }

  /**
   * `built`: the copy has what was built of the repository. `packages`: what is installed in place of README.md's
   * packages.
   */
  static async make({
    built = false,
    packages = packagesOfReadme(),
  }: {
    readonly built?: boolean;
    readonly packages?: readonly string[];
  } = {}): Promise<FreshMachine> {
    const directory = mkdtempSync(join(tmpdir(), "tare-fresh-"));
    const checkout = join(directory, "checkout");
    mkdirSync(join(directory, "programs"));
    mkdirSync(join(directory, "home"));
    copyRepository(checkout);
    if (built)
      for (const path of ["dist/tare", "dist/bin/tare"]) cpSync(join(repository, path), join(checkout, path));
    const allowed = programsOf(withDependencies(packages));
    const ready = join(directory, "ready");
    const holder = spawn(
      "unshare",
      ["--mount", "--propagation", "private", "sh", "-euc", setUp(directory, allowed)],
      {
        stdio: ["ignore", "ignore", "pipe"],
      },
    );
    const said: string[] = [];
    holder.stderr?.on("data", (bytes) => said.push(String(bytes)));
    await poll(() => existsSync(ready) || holder.exitCode !== null || undefined, {
      what: "make a fresh machine",
      timeoutMs: 60_000,
    });
    if (holder.exitCode !== null) throw new Error(`cannot make a fresh machine: ${said.join("")}`);
    return new FreshMachine(directory, holder);
  }

  /** A shell script that precedes all other programs on PATH. */
  addProgram(name: string, script: string): void {
    writeFileSync(join(this.programs, name), `#!/bin/sh\n${script}\n`, { mode: 0o755 });
  }

  /** Runs a shell's command line to its end, in the copy of the repository. */
  async run(
    command: string,
    { timeoutMs = 300_000 }: { readonly timeoutMs?: number } = {},
  ): Promise<Finished> {
    const child = spawn(
      "nsenter",
      [
        `--mount=/proc/${this.#holder.pid}/ns/mnt`,
        `--wdns=${join(this.directory, "checkout")}`,
        "sh",
        "-c",
        command,
      ],
      {
        env: {
          PATH: `${this.programs}:${searchPath}`,
          HOME: join(this.directory, "home"),
          TERM: "xterm",
          npm_config_update_notifier: "false",
        },
        stdio: ["ignore", "pipe", "pipe"],
      },
    );
    const [out, err]: [Buffer[], Buffer[]] = [[], []];
    child.stdout.on("data", (bytes: Buffer) => out.push(bytes));
    child.stderr.on("data", (bytes: Buffer) => err.push(bytes));
    const timer = setTimeout(() => child.kill("SIGKILL"), timeoutMs * slowness);
    const { promise, resolve } = Promise.withResolvers<number | null>();
    child.on("close", resolve);
    const status = await promise;
    clearTimeout(timer);
    return { status, stdout: Buffer.concat(out).toString(), stderr: Buffer.concat(err).toString() };
  }

  /** As run(), but anything except status 0 fails the test. Returns standard output, trimmed. */
  async must(command: string): Promise<string> {
    const { status, stdout, stderr } = await this.run(command);
    if (status !== 0) {
      const log = (await this.run("cat /run/tare/daemon.log")).stdout;
      throw new Error(`${command}: status ${status}\n${stdout}${stderr}\n${log}`);
    }
    return stdout.trimEnd();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.run(
      'tare=dist/tare; [ -x $tare ] || exit 0; ids=$($tare ps -aq); [ -z "$ids" ] || $tare rm -f $ids; $tare system settle; $tare daemon stop',
    );
    this.#holder.kill("SIGKILL");
    await poll(() => this.#holder.exitCode !== null || this.#holder.signalCode !== null || undefined, {
      what: "end the fresh machine",
      timeoutMs: 60_000,
    });
    rmSync(this.directory, { recursive: true, force: true });
  }
}

function copyRepository(to: string): void {
  const files = execFileSync("git", ["ls-files", "--cached", "--others", "--exclude-standard"], {
    cwd: repository,
    encoding: "utf8",
  });
  for (const path of files.split("\n").filter((each) => each !== "")) {
    if (!existsSync(join(repository, path))) continue;
    cpSync(join(repository, path), join(to, path));
  }
  mkdirSync(join(to, "node_modules"));
}

/** Each hidden program is a whiteout in an overlay's upper layer. */
function setUp(directory: string, allowed: ReadonlySet<string>): string {
  const folders = programFolders.filter((folder) => existsSync(folder));
  const hidden = folders.flatMap((folder) =>
    readdirSync(folder)
      .map((name) => join(folder, name))
      .filter((path) => !allowed.has(path)),
  );
  const whiteouts = hidden.map((path) =>
    encodeTarMember({ path: path.slice(1), type: "character", mode: 0o600 }),
  );
  writeFileSync(join(directory, "whiteouts.tar"), Buffer.concat([...whiteouts, encodeTarEnd()]));
  const layer = join(directory, "layer");
  return [
    `mkdir ${layer}`,
    `mount -t tmpfs tmpfs ${layer}`,
    ...folders.map((folder) => `mkdir -p ${layer}/upper${folder} ${layer}/work${folder}`),
    `tar -xf ${directory}/whiteouts.tar -C ${layer}/upper`,
    `mount --bind ${join(repository, "node_modules")} ${directory}/checkout/node_modules`,
    "mount -t tmpfs -o mode=755 tmpfs /run",
    "mount -t tmpfs -o mode=755 tmpfs /var/lib",
    "mount -t tmpfs -o mode=755 tmpfs /usr/local && mkdir /usr/local/bin",
    ...folders.map(
      (folder) =>
        `mount -t overlay -o lowerdir=${folder},upperdir=${layer}/upper${folder},workdir=${layer}/work${folder} overlay ${folder}`,
    ),
    `: > ${directory}/ready`,
    "exec sleep infinity",
  ].join("\n");
}
