import { detachKeysFlag } from "../flags/detach-keys.ts";
import { poll } from "../../base/deadline.ts";
import { Failure } from "../../base/failure.ts";
import type { Call, Command } from "../command.ts";
import { endOnSignals, followSize, oneByOne, sizeOf } from "./run/follow.ts";
import { reportDetached } from "./run/join.ts";
import { parseEnv } from "./flags/environment-flags.ts";
import { findPreserved, preserveFlags, type PreserveValues } from "./flags/preserve-flags.ts";
import { passPreserved } from "./run/pass-preserved.ts";
import { startFailureStatus } from "../../api/container/run-text.ts";
import { bool, list, string } from "../flags/kinds.ts";
import { parseDetachKeys } from "../../api/container/detach-keys.ts";
import { runSession } from "../terminal/session.ts";

interface Values extends PreserveValues {
  readonly detach: boolean;
  readonly "detach-keys": string;
  readonly env: readonly string[];
  readonly "env-file": readonly string[];
  readonly interactive: boolean;
  readonly privileged: boolean;
  readonly tty: boolean;
  readonly user: string;
  readonly workdir: string;
}

export const exec: Command<Values> = {
  usage: "[OPTIONS] CONTAINER COMMAND [ARG...]",
  takes: [2, Number.POSITIVE_INFINITY],
  flags: {
    detach: bool("Detached mode: run command in the background", { short: "d" }),
    "detach-keys": detachKeysFlag,
    env: list("Set environment variables", { short: "e" }),
    "env-file": list("Read in a file of environment variables", { isFile: true }),
    interactive: bool("Keep STDIN open even if not attached", { short: "i" }),
    ...preserveFlags,
    privileged: bool("Give extended privileges to the command"),
    tty: bool("Allocate a pseudo-TTY", { short: "t" }),
    user: string('Username or UID (format: "<name|uid>[:<group|gid>]")', { short: "u" }),
    workdir: string("Working directory inside the container", { short: "w" }),
  },
  optionsEnd: "first",
  completes: ["running", "none"],
  examples: ["tare exec -it web sh", "tare exec -u nobody -w /tmp web id"],
  async run(call) {
    const { values, positional, context } = call;
    const preserved = findPreserved(values);
    const [reference = "", ...command] = positional;
    const isAttached = !values.detach;
    const hasInput = isAttached && values.interactive;
    if (values.tty && hasInput && context.stdin.isTTY !== true) {
      throw new Failure("invalid", "the input device is not a TTY");
    }
    const keys = parseDetachKeys(values["detach-keys"]);
    const size = values.tty ? sizeOf(context.stdout) : undefined;
    const client = await call.client();
    const { Id: id } = await client.containers.createExec(reference, {
      AttachStdin: hasInput,
      AttachStdout: isAttached,
      AttachStderr: isAttached,
      Cmd: command,
      Env: parseEnv(values, context),
      Privileged: values.privileged,
      Tty: values.tty,
      User: values.user || undefined,
      WorkingDir: values.workdir || undefined,
      DetachKeys: values["detach-keys"] || undefined,
      ConsoleSize: size && [size.rows, size.columns],
    });
    const descriptors = await passPreserved(call, preserved);
    if (isAttached) return await runAttached(call, id, { hasInput, keys, descriptors });
    await client.executions.startDetached(id, { terminal: values.tty, descriptors });
    return 0;
  },
};

async function runAttached(
  call: Call<Values>,
  id: string,
  {
    hasInput,
    keys,
    descriptors,
  }: { readonly hasInput: boolean; readonly keys: Uint8Array; readonly descriptors: string | undefined },
): Promise<number> {
  const { values, context } = call;
  const { executions } = await call.client();
  const connection = await executions
    .start(id, { terminal: values.tty, descriptors, ...(values.tty ? sizeOf(context.stdout) : {}) })
    .catch((thrown: unknown) => {
      throw withStatus(thrown);
    });
  using stack = new DisposableStack();
  stack.defer(() => connection.duplex.destroy());
  const ending = values.tty ? stack.use(endOnSignals()) : undefined;
  if (values.tty)
    stack.use(
      followSize(
        context.stdout,
        oneByOne((size) => executions.resize(id, size)),
      ),
    );
  const end = await runSession(context, {
    duplex: connection.duplex,
    isTerminal: connection.terminal ?? values.tty,
    hasInput,
    detachKeys: keys,
    signal: ending === undefined ? call.signal : AbortSignal.any([call.signal, ending.signal]),
  });
  if (end === "detached") return reportDetached(call);
  // The streams may end a moment before the record of the end is there.
  return await poll(
    async () => {
      const { ExitCode: status, Running: isRunning } = await executions.inspect(id);
      return isRunning ? undefined : (status ?? undefined);
    },
    { timeoutMs: 5000, what: "learn how the command ended" },
  );
}

/** 127 for a command that is not there, 126 for one that can't be executed. */
function withStatus(thrown: unknown): unknown {
  if (!(thrown instanceof Failure) || thrown.details.fromDaemon !== true) return thrown;
  const exitStatus = startFailureStatus(thrown);
  if (exitStatus === 125) return thrown;
  return new Failure(thrown.kind, thrown.message, {
    cause: thrown,
    details: { ...thrown.details, exitStatus },
  });
}
