import { endOfRun } from "../../../api/container/run-messages.ts";
import { formatTiming, startFailureStatus, showsTiming } from "../../../api/container/run-text.ts";
import type { ContainerCreateRequest, StartTiming } from "../../../api/types/container.ts";
import type { TareHostConfig } from "../../../api/types/host-config.ts";
import { Failure, isFailure } from "../../../base/failure.ts";
import type { LeanClient } from "../../../client/lean-client.ts";
import type { ConsoleSize } from "../../../api/container/fast-path-words.ts";
import type { CliContext } from "../../context.ts";
import type { Call } from "../../command.ts";
import { sizeOf } from "./follow.ts";
import { createContainer, type CreateValues, type MakeContainer, type Making } from "./create.ts";
import { type Joined, joinContainer, type JoinOptions, streamsOf } from "./join.ts";
import type { Attached } from "./to-request.ts";
import type { ContainerValues } from "../flags/container-flags.ts";
import type { AttachParameters, StartedRun, WaitCondition } from "../../../client/started-run.ts";

/** The options of run in addition to those of create. */
export interface OwnRunValues {
  readonly detach: boolean;
  readonly "detach-keys": string;
  readonly rmi: boolean;
  readonly "sig-proxy": boolean;
  readonly timing: boolean;
  readonly "record-profile": string;
}

/** The values that count once the request is planned. */
export type RunValues = CreateValues &
  OwnRunValues &
  Pick<ContainerValues, "publish" | "publish-all" | "rm" | "security-opt" | "tty">;

export interface RunRequest {
  readonly request: ContainerCreateRequest;
  /** As it was named. */
  readonly image: string;
  readonly attached: Attached;
  /** Descriptors of ours that the program gets. */
  readonly preserved: readonly number[];
  readonly makePod?: Making["makePod"] | undefined;
}

/** The size of the terminal that the program gets with `-t`. Throws Failure("invalid") when input is not typed. */
export function consoleSizeOf(
  { stdin, stdout }: CliContext,
  { tty, hasInput }: { readonly tty: boolean; readonly hasInput: boolean },
): ConsoleSize | undefined {
  if (!tty) return undefined;
  if (hasInput && stdin.isTTY !== true)
    throw new Failure("invalid", "the input device is not a TTY", { details: { exitStatus: 1 } });
  const size = sizeOf(stdout);
  return size && [size.rows, size.columns];
}

/** Creates the container, starts it and follows it as the flags request. Returns the exit status. */
export async function runContainer(
  call: Call<RunValues>,
  { request, image, attached, preserved, makePod }: RunRequest,
): Promise<number> {
  const { values, context } = call;
  const recording = values["record-profile"] === "" ? undefined : (await loadRecording()).openRecording(call);
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
  const id = await createContainer(call, recording?.change(wanted) ?? wanted, {
    makePod,
    make: isAtOnce ? make : undefined,
  });
  const client = await call.leanClient();
  const created = { client, id, image, preserved, started };
  if (recording !== undefined)
    return await recording.record({ client: await call.client(), id }, () =>
      runAttached(call, created, attached),
    );
  if (!values.detach) return await runAttached(call, created, attached);
  const printTiming = await start(call, created);
  call.out(`${id}\n`);
  printTiming?.();
  await printReach(call, created);
  return 0;
}

function withTareFields(request: ContainerCreateRequest, fields: TareHostConfig): ContainerCreateRequest {
  const { HostConfig } = request;
  return {
    ...request,
    HostConfig: { ...HostConfig, Tare: { ...HostConfig?.Tare, ...fields } },
  };
}

/** Seldom wanted, so not loaded. */
const loadRecording = (): Promise<typeof import("./record-profile.ts")> => import("./record-profile.ts");

interface Created {
  readonly client: LeanClient;
  readonly id: string;
  readonly image: string;
  readonly preserved: readonly number[];
  /** Where the creation has asked for that, too. */
  readonly started: Promise<StartedRun> | undefined;
}

/** From where what was published can be reached, on standard error. */
async function printReach(call: Call<RunValues>, { id }: Created): Promise<void> {
  const { publish, "publish-all": all } = call.values;
  if (publish.length === 0 && !all) return;
  const { findReach, isReachShown, reachLines } = await import("../../format/reach.ts");
  if (!isReachShown(call.context.stderr)) return;
  for (const line of reachLines(await findReach(await call.client(), call.signal), id)) call.err(`${line}\n`);
}

/** Streams and the wait are there before the start, so nothing it prints and no exit is missed. */
async function runAttached(call: Call<RunValues>, created: Created, attached: Attached): Promise<number> {
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
    // Other builds do not support this.
    startAttached:
      created.client.daemonBuildId === call.context.build.commit
        ? async (streams) => {
            const { print, ...joined } = await startAttached(call, created, { streams, until: condition });
            started(print);
            return joined;
          }
        : undefined,
  });
  printTiming?.();
  if (values["security-opt"].length > 0) await printDenials(call, created);
  return status;
}

async function printDenials(call: Call<RunValues>, { id }: Created): Promise<void> {
  const { explainsDenials, listDenials } = await import("./print-denials.ts");
  if (!explainsDenials(call.values["security-opt"])) return;
  for (const line of await listDenials(await call.client(), id)) call.err(`${line}\n`);
}

function untilOf(values: RunValues): WaitCondition {
  return endOfRun({ rm: values.rm, isRecorded: values["record-profile"] !== "" });
}

function joinOptions(
  values: RunValues,
  { stdin, stdout, stderr }: Attached,
): Pick<JoinOptions, "hasInput" | "stdout" | "stderr" | "detachKeys"> {
  return { hasInput: stdin, stdout, stderr, detachKeys: values["detach-keys"] };
}

/** Most pass none: then nothing that does is loaded. */
async function pass(call: Call<RunValues>, preserved: readonly number[]): Promise<string | undefined> {
  if (preserved.length === 0) return undefined;
  return await (await import("./pass-preserved.ts")).passPreserved(call, preserved);
}

/** Starts it; returns what prints the timing, to be called when the program has printed its own. */
async function start(
  call: Call<RunValues>,
  { client, id, image, preserved }: Created,
): Promise<(() => void) | undefined> {
  const descriptors = await pass(call, preserved);
  const { timing } = await client.containers.start(id, { descriptors }).catch(async (thrown: unknown) => {
    await removeIfDenied(client, { id, thrown });
    throw withStartStatus(thrown);
  });
  return timingPrinter(call, image, timing);
}

/** As start(), with the streams and the end of it. */
async function startAttached(
  call: Call<RunValues>,
  { client, id, image, preserved, started }: Created,
  { streams, until }: { readonly streams: AttachParameters; readonly until: WaitCondition },
): Promise<Joined & { readonly print: (() => void) | undefined }> {
  const start = async (): Promise<StartedRun> => {
    const descriptors = await pass(call, preserved);
    return await client.containers.startAttached(id, { streams, until, descriptors });
  };
  const { timing, ...joined } = await (started ?? start()).catch(async (thrown: unknown) => {
    await removeIfDenied(client, { id, thrown });
    throw withStartStatus(thrown);
  });
  return { ...joined, print: timingPrinter(call, image, timing) };
}

/** A run whose second step an authorization plug-in denies leaves no container, unless the plug-in denies that, too. */
async function removeIfDenied(
  client: LeanClient,
  { id, thrown }: { readonly id: string; readonly thrown: unknown },
): Promise<void> {
  if (!isFailure(thrown, "not-permitted") || thrown.details.authorizationPlugin === undefined) return;
  await client.containers.remove(id, { force: true, volumes: true }).catch(() => {});
}

function timingPrinter(
  call: Call<RunValues>,
  image: string,
  timing: StartTiming | undefined,
): (() => void) | undefined {
  const isHello = showsTiming(image) && !call.values.detach;
  if (timing === undefined || (!isHello && !call.values.timing)) return undefined;
  return () => (isHello ? call.out(formatTiming(timing)) : call.err(formatTiming(timing)));
}

function withStartStatus(thrown: unknown): unknown {
  if (!(thrown instanceof Failure)) return thrown;
  const exitStatus = thrown.details.fromDaemon === true ? startFailureStatus(thrown) : 125;
  return new Failure(thrown.kind, thrown.message, {
    cause: thrown,
    details: { ...thrown.details, exitStatus },
  });
}
