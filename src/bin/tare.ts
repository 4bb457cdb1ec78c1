import type { InputStream, OutputStream } from "../cli/context.ts";
import { build } from "./build.ts";

// The only place that constructs and wires. Each half is loaded only when it is used: a client command loads
// neither the engine nor the addon, the daemon no command until a launcher sends one.
const argv = process.argv.slice(2);
// The executable starts with a compiler that waits long (Makefile): most commands end before it has paid.
const patientMs = 100;
if (argv.includes("daemon") && (await import("./daemon-options.ts")).isDaemonCommand(argv)) {
  Bun.unsafe.setJITPolicy(1);
  const { runDaemon } = await import("./daemon.ts");
  process.exitCode = await runDaemon(argv);
} else {
  setTimeout(() => Bun.unsafe.setJITPolicy(1), patientMs).unref();
  const { main } = await import("../cli/main.ts");
  const { connect, widen } = await import("./connect.ts");
  const { openInput, openOutput } = await import("./standard-streams.ts");
  let stdin: InputStream | undefined;
  let stdout: OutputStream | undefined;
  let stderr: OutputStream | undefined;
  process.exitCode = await main(argv, {
    get stdin() {
      return (stdin ??= openInput());
    },
    get stdout() {
      return (stdout ??= openOutput(1));
    },
    get stderr() {
      return (stderr ??= openOutput(2));
    },
    env: process.env,
    cwd: process.cwd(),
    hasContent: (path) => Bun.file(path).size > 0,
    become: async (program, { argv: words, env }) => {
      process.execve?.(program, [program, ...words], env);
      throw new Error("the runtime cannot execute another program");
    },
    build,
    connect,
    widen,
    repair: async (options) => (await import("./repair.ts")).repair(options),
    confirmRepair: async (options) => (await import("./repair.ts")).confirmRepair(options),
    checkHost: async (options) => (await import("./check-host.ts")).checkHost(options),
    // Seldom wanted: it needs the addon.
    sendDescriptors: async (options, packet) =>
      (await import("./send-descriptors.ts")).sendDescriptors(options, packet),
  });
}
// Whatever is left open (a terminal that is read, connections at rest) must not hold the process.
process.exit();
