import { Failure } from "../../base/failure.ts";
import type { ContainerCreateRequest, StartTiming } from "../../api/types/container.ts";
import type { TareHostConfig } from "../../api/types/host-config.ts";
import type { Client } from "../../client/client.ts";
import type { AttachParameters, StartedRun, WaitCondition } from "../../client/containers.ts";
import type { Call, Command } from "../command.ts";
import { createContainer, type MakeContainer } from "../container/create.ts";
import { withContainerFlags } from "../container/flags.ts";
import { sizeOf } from "../container/follow.ts";
import { type Joined, joinContainer, type JoinOptions, streamsOf } from "../container/join.ts";
import { explainsDenials, listDenials } from "../container/print-denials.ts";
import { type Attached, planAttached, planContainer } from "../container/plan.ts";
import {
  findPreserved,
  passPreserved,
  preserveFlags,
  type PreserveValues,
} from "../container/preserve-flags.ts";
import { startFailureStatus } from "../container/start-failure.ts";
import { formatTiming } from "../container/timing.ts";
import type { ContainerValues } from "../container/values.ts";
import { optionFailure } from "../flags/flag.ts";
import { bool, string } from "../flags/kinds.ts";
import { parseDetachKeys } from "../terminal/detach-keys.ts";

interface OwnValues extends PreserveValues {
  readonly detach: boolean;
  readonly "detach-keys": string;
  readonly passwd: boolean;
  readonly rmi: boolean;
  readonly "sig-proxy": boolean;
  readonly timing: boolean;
  readonly "record-profile": string;
}
type Values = ContainerValues & OwnValues;

export const run: Command<Values> = {
  usage: "[OPTIONS] IMAGE [COMMAND] [ARG...]",
  takes: [1, Number.POSITIVE_INFINITY],
  flags: withContainerFlags<OwnValues>({
    ...preserveFlags,
    detach: bool("Run container in background and print container ID", { short: "d" }),
    "detach-keys": string("Override the key sequence for detaching a container"),
    "record-profile": string("Write the seccomp profile that the run needed to the file (slows it down)", {
      isFile: true,
    }),
    passwd: bool("Add what is asked for to /etc/passwd and /etc/group (Tare's own)", { initial: true }),
    rmi: bool("Remove the image after the run, unless something else uses it; implies --rm (Tare's own)"),
    "sig-proxy": bool("Proxy received signals to the process", { initial: true }),
    timing: bool("Print where the time of the start went (on standard error)"),
  }),
  optionsEnd: "first",
  completes: ["image", "none"],
  failureStatus: 125,
  examples: [
    "tare run --rm hello",
    "tare run -it --rm --memory 512m debian bash",
    "tare run --rm --security-opt explain-denials debian mount -t tmpfs none /mnt",
    "tare run --rm --record-profile small.json debian ls / && tare run --security-opt seccomp=small.json debian ls /",
    "tare run --rm --preserve-fds 1 debian cat /proc/self/fd/3 3<file",
    "tare run --rmi --tls-verify=false localhost:5000/once",
    "tare run -d --pidfile /run/web.pid --conmon-pidfile /run/web-keeper.pid nginx",
    "tare run -d --name web -v /srv/www:/www:ro busybox httpd -f -h /www",
  ],
  async run(asked) {
    const call = asked.values.rmi ? { ...asked, values: { ...asked.values, rm: true } } : asked;
    const { values, given, positional, context } = call;
    refuseAccounts(values);
    const preserved = findPreserved(values);
    const [image = "", ...command] = positional;
    if (values.detach && values.attach.length > 0) throw optionFailure("Conflicting options: -a and -d");
    const attached = planAttached(values, values.detach);
    if (values.tty && attached.stdin && context.stdin.isTTY !== true) {
      throw new Failure("invalid", "the input device is not a TTY", { details: { exitStatus: 1 } });
    }
    // Before anything is made: keys that can't be read are a mistake of the command line.
    if (values["detach-keys"] !== "") parseDetachKeys(values["detach-keys"]);
    const size = values.tty ? sizeOf(context.stdout) : undefined;
    const request = planContainer({
      values,
      given,
      image,
      command,
      isDetached: values.detach,
      ...(size === undefined ? {} : { consoleSize: [size.rows, size.columns] as const }),
      cwd: context.cwd,
      env: context.env,
    });
    const recording =
      values["record-profile"] === "" ? undefined : (await loadRecording()).openRecording(call);
    const wanted = values.rmi ? withTareFields(request, { RemoveImage: true }) : request;
    let started: Created["started"];
    const make: MakeContainer = async (client, body, options) => {
      if (client.daemonBuildId !== context.build.commit) return await client.containers.create(body, options);
      const run = { ...options, streams: streamsOf(joinOptions(values, attached)), until: untilOf(values) };
      const created = await client.containers.run(body, run);
      started = created.started;
      return created;
    };
    const isAtOnce =
      recording === undefined && !values.detach && !values["use-api-socket"] && preserved.length === 0;
    const id = await createContainer(call, recording?.change(wanted) ?? wanted, ...(isAtOnce ? [make] : []));
    const client = await call.client();
    const created = { client, id, image, preserved, started };
    if (recording !== undefined)
      return await recording.record(created, () => runAttached(call, created, attached));
    if (!values.detach) return await runAttached(call, created, attached);
    const printTiming = await start(call, created);
    call.out(`${id}\n`);
    printTiming?.();
    await printReach(call, created);
    return 0;
  },
};

function withTareFields(request: ContainerCreateRequest, fields: TareHostConfig): ContainerCreateRequest {
  const { HostConfig } = request;
  return { ...request, HostConfig: { ...HostConfig, Tare: { ...HostConfig?.Tare, ...fields } } };
}

function refuseAccounts(values: Values): void {
  const { hostuser, "passwd-entry": user, "group-entry": group } = values;
  if (!values.passwd && (hostuser.length > 0 || user !== "" || group !== ""))
    throw optionFailure("--passwd=false goes with no --passwd-entry, --group-entry and --hostuser");
}

/** Seldom wanted, so not loaded. */
const loadRecording = (): Promise<typeof import("../container/record-profile.ts")> =>
  import("../container/record-profile.ts");

interface Created {
  readonly client: Client;
  readonly id: string;
  readonly image: string;
  readonly preserved: readonly number[];
  /** Where the creation has asked for that, too. */
  readonly started: Promise<StartedRun> | undefined;
}

/** From where what was published can be reached, on standard error. */
async function printReach(call: Call<Values>, { client, id }: Created): Promise<void> {
  const { publish, "publish-all": all } = call.values;
  if (publish.length === 0 && !all) return;
  const { findReach, isReachShown, reachLines } = await import("../format/reach.ts");
  if (!isReachShown(call.context.stderr)) return;
  for (const line of reachLines(await findReach(client, call.signal), id)) call.err(`${line}\n`);
}

/** Streams and the wait are there before the start, so nothing it prints and no exit is missed. */
async function runAttached(call: Call<Values>, created: Created, attached: Attached): Promise<number> {
  const { values } = call;
  let printTiming: (() => void) | undefined;
  const condition = untilOf(values);
  const started = (print: typeof printTiming): void => {
    printTiming = print;
    if (!attached.stdout && !attached.stderr) call.out(`${created.id}\n`);
  };
  const status = await joinContainer(call, {
    ...joinOptions(values, attached),
    id: created.id,
    isTerminal: values.tty,
    proxiesSignals: values["sig-proxy"],
    condition,
    start: async () => started(await start(call, created)),
    // Others don't know this.
    ...(created.client.daemonBuildId === call.context.build.commit
      ? {
          startAttached: async (streams) => {
            const { print, ...joined } = await startAttached(call, created, { streams, until: condition });
            started(print);
            return joined;
          },
        }
      : {}),
  });
  printTiming?.();
  if (explainsDenials(values["security-opt"]))
    for (const line of await listDenials(created.client, created.id)) call.err(`${line}\n`);
  return status;
}

/** Till when the daemon follows it; what is recorded is read after the end. */
function untilOf(values: Values): WaitCondition {
  return values.rm && values["record-profile"] === "" ? "removed" : "next-exit";
}

function joinOptions(
  values: Values,
  { stdin, stdout, stderr }: Attached,
): Pick<JoinOptions, "hasInput" | "stdout" | "stderr" | "detachKeys"> {
  return { hasInput: stdin, stdout, stderr, detachKeys: values["detach-keys"] };
}

/** Starts it; gives what prints the timing, to be called when the program has printed its own. */
async function start(
  call: Call<Values>,
  { client, id, image, preserved }: Created,
): Promise<(() => void) | undefined> {
  const descriptors = await passPreserved(call, preserved);
  const { timing } = await client.containers.start(id, { descriptors }).catch(async (thrown: unknown) => {
    throw await withStartStatus(thrown, client, id);
  });
  return timingPrinter(call, image, timing);
}

/** As start(), with the streams and the end of it. */
async function startAttached(
  call: Call<Values>,
  { client, id, image, preserved, started }: Created,
  { streams, until }: { readonly streams: AttachParameters; readonly until: WaitCondition },
): Promise<Joined & { readonly print: (() => void) | undefined }> {
  const start = async (): Promise<StartedRun> => {
    const descriptors = await passPreserved(call, preserved);
    return await client.containers.startAttached(id, { streams, until, descriptors });
  };
  const { timing, ...joined } = await (started ?? start()).catch(async (thrown: unknown) => {
    throw await withStartStatus(thrown, client, id);
  });
  return { ...joined, print: timingPrinter(call, image, timing) };
}

function timingPrinter(
  call: Call<Values>,
  image: string,
  timing: StartTiming | undefined,
): (() => void) | undefined {
  // The hello image tells of itself where the time went: it is part of what it prints.
  const isHello = (image === "hello" || image === "hello:latest") && !call.values.detach;
  if (timing === undefined || (!isHello && !call.values.timing)) return undefined;
  return () => (isHello ? call.out(formatTiming(timing)) : call.err(formatTiming(timing)));
}

async function withStartStatus(thrown: unknown, client: Client, id: string): Promise<unknown> {
  if (!(thrown instanceof Failure)) return thrown;
  const exitStatus = await startFailureStatus(thrown, client, id);
  return new Failure(thrown.kind, thrown.message, {
    cause: thrown,
    details: { ...thrown.details, exitStatus },
  });
}
