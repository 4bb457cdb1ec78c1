/** Containers for tests of the runtime: busybox, cgroups and directories of the test's own. */
import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { join } from "node:path";
import type { Duplex } from "node:stream";
import type { Cgroup } from "../../src/linux/cgroup/cgroup.ts";
import { type CgroupParent, openCgroupParent } from "../../src/linux/cgroup/parent.ts";
import { planCgroup } from "../../src/linux/cgroup/plan.ts";
import { cloneTree } from "../../src/linux/mount/mount.ts";
import { execInContainer } from "../../src/runtime/exec.ts";
import { type KeeperProgram, openKeeperProgram } from "../../src/runtime/keeper-program.ts";
import { startContainer } from "../../src/runtime/start.ts";
import type {
  EarlyStreams,
  ExecOptions,
  Exit,
  KeptProcess,
  StartedProcess,
  StartOptions,
} from "../../src/runtime/types.ts";
import type {
  RuntimeConfig,
  RuntimeLinux,
  RuntimeMount,
  RuntimeProcess,
} from "../../src/spec/runtime-config.ts";
import { busyboxRootfsTar } from "./images.ts";
import { slowness } from "./patience.ts";
import { Scratch } from "./scratch.ts";

const project = join(import.meta.dirname, "../..");
/** The keeper as the project builds it. */
export const keeperPath: string = join(project, "native/build/keeper.elf");

export const dockerCapabilities: readonly string[] = [
  "CHOWN",
  "DAC_OVERRIDE",
  "FSETID",
  "FOWNER",
  "MKNOD",
  "NET_RAW",
  "SETGID",
  "SETUID",
  "SETFCAP",
  "SETPCAP",
  "NET_BIND_SERVICE",
  "SYS_CHROOT",
  "KILL",
  "AUDIT_WRITE",
].map((name) => `CAP_${name}`);

export const usualMounts: readonly RuntimeMount[] = [
  { destination: "/proc", type: "proc", options: ["nosuid", "noexec", "nodev"] },
  { destination: "/dev", type: "tmpfs", options: ["nosuid", "strictatime", "mode=755", "size=65536k"] },
  {
    destination: "/dev/pts",
    type: "devpts",
    options: ["nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620", "gid=5"],
  },
  { destination: "/sys", type: "sysfs", options: ["nosuid", "noexec", "nodev", "ro"] },
  { destination: "/sys/fs/cgroup", type: "cgroup", options: ["ro"] },
  { destination: "/dev/mqueue", type: "mqueue", options: ["nosuid", "noexec", "nodev"] },
  {
    destination: "/dev/shm",
    type: "tmpfs",
    options: ["nosuid", "noexec", "nodev", "mode=1777", "size=67108864"],
  },
];

export interface ContainerOptions
  extends Partial<Omit<StartOptions, "config" | "root" | "cgroup" | "cgroupLayout">> {
  readonly process?: Partial<RuntimeProcess>;
  readonly linux?: Partial<RuntimeLinux>;
  /** In addition to the usual ones. */
  readonly mounts?: readonly RuntimeMount[];
  readonly config?: Partial<RuntimeConfig>;
  /** A directory; default: busybox, shared by all containers of the test. */
  readonly rootPath?: string;
  readonly log?: boolean;
}

/** A busybox container, started. */
export class TestContainer implements AsyncDisposable {
  readonly kept: KeptProcess;
  readonly cgroup: Cgroup;
  readonly runDirectory: string;
  readonly logDirectory: string;
  readonly warnings: readonly string[];
  /** The data of the streams, when they were attached from the start. */
  readonly output: Output;
  /** Directories that go with the container; those that the test gave stay. */
  readonly #owned: readonly string[];

  constructor(parts: {
    started: StartedProcess;
    cgroup: Cgroup;
    runDirectory: string;
    logDirectory: string;
    output: Output;
    owned: readonly string[];
  }) {
    this.#owned = parts.owned;
    this.kept = parts.started.kept;
    this.warnings = parts.started.warnings;
    this.cgroup = parts.cgroup;
    this.runDirectory = parts.runDirectory;
    this.logDirectory = parts.logDirectory;
    this.output = parts.output;
  }

  /** The exit, and all output until the stream's end. */
  async finish(): Promise<{ readonly exit: Exit; readonly stdout: string; readonly stderr: string }> {
    const exit = await this.kept.exited;
    await this.output.ended;
    return { exit, stdout: this.output.text(1), stderr: this.output.text(2) };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.kept.signal(9);
    await this.cgroup.killAll();
    await this.kept.exited;
    this.output.stream?.destroy();
    await this.kept[Symbol.asyncDispose]();
    await this.cgroup.remove();
    for (const path of this.#owned) removeTree(path);
  }
}

/** A keeper that is just ending may write into it: with `force`, rmSync() returns then, and leaves the rest. */
function removeTree(path: string): void {
  while (existsSync(path)) rmSync(path, { recursive: true, force: true });
}

/** Collects an attached stream: frames taken apart, or the bytes of a terminal. */
export class Output {
  readonly terminal: boolean;
  stream: Duplex | undefined;
  readonly ended: Promise<void>;
  readonly #ended = Promise.withResolvers<void>();
  readonly #parts: { stream: number; bytes: Buffer }[] = [];
  #rest: Buffer = Buffer.alloc(0);
  #watchers: (() => void)[] = [];

  constructor(options: { readonly terminal?: boolean } = {}) {
    this.terminal = options.terminal === true;
    this.ended = this.#ended.promise;
  }

  collect(stream: Duplex): void {
    this.stream = stream;
    stream.on("data", (chunk: Buffer) => {
      this.#take(chunk);
      for (const wake of this.#watchers.splice(0)) wake();
    });
    for (const event of ["end", "close", "error"]) stream.on(event, () => this.#ended.resolve());
  }

  bytes(stream?: number): Buffer {
    return Buffer.concat(
      this.#parts.filter((part) => stream === undefined || part.stream === stream).map(({ bytes }) => bytes),
    );
  }

  text(stream?: number): string {
    return this.bytes(stream).toString("latin1");
  }

  /**
   * Resolves when the text has come, on any stream; rejects when the stream ends or 30 s pass first (longer where the
   * machine is slow).
   */
  async until(text: string): Promise<void> {
    const timer = setTimeout(() => this.#ended.resolve(), 30_000 * slowness);
    let [looked, rest] = [0, ""];
    /** Looks only at what is new, and at as much before it as may be the begin of the text: there can be megabytes. */
    const hasCome = (): boolean => {
      const fresh = Buffer.concat(this.#parts.slice(looked).map(({ bytes }) => bytes)).toString("latin1");
      looked = this.#parts.length;
      const seen = rest + fresh;
      rest = seen.slice(Math.max(0, seen.length - text.length + 1));
      return seen.includes(text);
    };
    try {
      while (!hasCome()) {
        const more = new Promise<"more">((resolve) => this.#watchers.push(() => resolve("more")));
        if ((await Promise.race([more, this.ended])) !== "more" && !hasCome())
          throw new Error(
            `waited in vain for ${JSON.stringify(text)} in ${JSON.stringify(this.text().slice(-1000))}`,
          );
      }
    } finally {
      clearTimeout(timer);
    }
  }

  #take(chunk: Buffer): void {
    if (this.terminal) {
      this.#parts.push({ stream: 1, bytes: chunk });
      return;
    }
    this.#rest = this.#rest.length === 0 ? chunk : Buffer.concat([this.#rest, chunk]);
    while (this.#rest.length >= 8) {
      const [stream = 0] = this.#rest;
      const length = this.#rest.readUInt32BE(4);
      if ((stream !== 1 && stream !== 2) || this.#rest.readUIntBE(1, 3) !== 0 || length === 0)
        throw new Error(`no frame: ${this.#rest.subarray(0, 8).toString("hex")}`);
      if (this.#rest.length < 8 + length) return;
      this.#parts.push({ stream, bytes: Buffer.from(this.#rest.subarray(8, 8 + length)) });
      this.#rest = this.#rest.subarray(8 + length);
    }
  }
}

/** One for a test file: directories, a cgroup parent and a busybox root that are gone with it. */
export class TestRuntime implements AsyncDisposable {
  readonly scratch: Scratch;
  readonly program: KeeperProgram;
  readonly parent: CgroupParent;
  readonly cgroupParent: string;
  readonly rootPath: string;
  readonly runRoot: string;
  readonly #cgroups: string[] = [];
  #count = 0;

  constructor(name: string) {
    execFileSync("make", ["-s", "-C", join(project, "native")]);
    this.scratch = new Scratch(name);
    this.program = openKeeperProgram(keeperPath);
    this.cgroupParent = `tare-test-${name}-${process.pid}`;
    this.parent = openCgroupParent(this.cgroupParent);
    this.runRoot = this.scratch.join("run");
    mkdirSync(this.runRoot, { mode: 0o700 });
    this.rootPath = this.makeRoot();
  }

  /** A fresh busybox root. */
  makeRoot(): string {
    const path = mkdtempSync(this.scratch.join("root-"));
    execFileSync("tar", ["-xf", busyboxRootfsTar(), "-C", path]);
    return path;
  }

  makeDirectory(kind: string): string {
    const path = join(kind === "run" ? this.runRoot : this.scratch.path, `${kind}-${++this.#count}`);
    mkdirSync(path, { recursive: true, mode: 0o700 });
    return path;
  }

  configOf(args: readonly string[], options: ContainerOptions = {}): RuntimeConfig {
    return {
      ociVersion: "1.2.0",
      hostname: "box",
      root: { path: "/" },
      process: {
        user: { uid: 0, gid: 0 },
        args,
        env: ["PATH=/bin:/sbin:/usr/bin", "HOME=/root"],
        cwd: "/",
        capabilities: {
          bounding: dockerCapabilities,
          effective: dockerCapabilities,
          permitted: dockerCapabilities,
        },
        ...options.process,
      },
      mounts: [...usualMounts, ...(options.mounts ?? [])],
      linux: {
        namespaces: (["pid", "mount", "ipc", "uts", "network", "cgroup"] as const).map((type) => ({ type })),
        seccomp: "default",
        maskedPaths: ["/proc/kcore", "/proc/keys", "/proc/timer_list", "/proc/scsi", "/sys/firmware"],
        readonlyPaths: ["/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger"],
        ...options.linux,
      },
      ...options.config,
    };
  }

  /** Starts `args` in a container whose output is collected from its first byte. Its failures leave no cgroup. */
  async start(args: readonly string[], options: ContainerOptions = {}): Promise<TestContainer> {
    const {
      rootPath = this.rootPath,
      log = false,
      process: _p,
      linux: _l,
      mounts: _m,
      config: _c,
      ...rest
    } = options;
    const runDirectory = options.runDirectory ?? this.makeDirectory("run");
    const logDirectory = options.logDirectory ?? this.makeDirectory("log");
    const name = `c${++this.#count}`;
    this.#cgroups.push(name);
    const cgroup = this.parent.create(name, planCgroup({}, this.parent.layout));
    const output = new Output({ terminal: options.process?.terminal === true });
    const owned = [
      ...(options.runDirectory === undefined ? [runDirectory] : []),
      ...(options.logDirectory === undefined ? [logDirectory] : []),
    ];
    using root = cloneTree(rootPath);
    try {
      const started = await startContainer(this.program, {
        id: `0123456789abcdef${this.#count}`,
        config: this.configOf(args, options),
        root: root.fd,
        cgroup,
        cgroupLayout: this.parent.layout,
        ...rest,
        runDirectory,
        ...(log ? { logDirectory } : {}),
        beforeFirstInstruction: async (streams: EarlyStreams) => {
          output.collect(
            await streams.attach({ stdin: options.keepStdinOpen === true, stdout: true, stderr: true }),
          );
          await options.beforeFirstInstruction?.(streams);
        },
      });
      return new TestContainer({ started, cgroup, runDirectory, logDirectory, output, owned });
    } catch (thrown) {
      output.stream?.destroy();
      await cgroup.remove();
      for (const path of owned) removeTree(path);
      throw thrown;
    }
  }

  /** Starts, waits for the end, cleans up. */
  async run(
    args: readonly string[],
    options: ContainerOptions = {},
  ): Promise<{ readonly exit: Exit; readonly stdout: string; readonly stderr: string }> {
    await using container = await this.start(args, options);
    return await container.finish();
  }

  /** Runs one more process in a container to its end. */
  async exec(
    container: TestContainer,
    args: readonly string[],
    options: Partial<Omit<ExecOptions, "process">> & { readonly process?: Partial<RuntimeProcess> } = {},
  ): Promise<{ readonly exit: Exit; readonly stdout: string; readonly stderr: string }> {
    const runDirectory = this.makeDirectory("run");
    const output = new Output({ terminal: options.process?.terminal === true });
    const { process: changes, ...rest } = options;
    try {
      const { kept } = await execInContainer(this.program, {
        id: "exec",
        target: { pid: container.kept.pid, startTime: container.kept.startTime },
        cgroup: container.cgroup,
        seccomp: "default",
        ...rest,
        runDirectory,
        process: { ...this.configOf(args).process, ...changes },
        beforeFirstInstruction: async (streams) => {
          output.collect(
            await streams.attach({ stdin: options.keepStdinOpen === true, stdout: true, stderr: true }),
          );
          await options.beforeFirstInstruction?.(streams);
        },
      });
      const exit = await kept.exited;
      await output.ended;
      await kept[Symbol.asyncDispose]();
      return { exit, stdout: output.text(1), stderr: output.text(2) };
    } finally {
      output.stream?.destroy();
      removeTree(runDirectory);
    }
  }

  /** Containers of a test that was given up are ended, too. */
  async [Symbol.asyncDispose](): Promise<void> {
    for (const name of this.#cgroups) {
      const cgroup = this.parent.open(name);
      await cgroup.killAll();
      await cgroup.remove();
    }
    this.program[Symbol.dispose]();
    this.parent.removeEmpty();
    this.scratch[Symbol.dispose]();
  }
}
