import { writeFile } from "node:fs/promises";
import { resolve } from "node:path";
import type {
  BuildMessage,
  BuildOptionsLine,
  BuiltExportReply,
  BuiltImageReply,
} from "../../api/types/build.ts";
import { Failure, failureOf } from "../../base/failure.ts";
import type { OpenAgent } from "../../client/agent-relays.ts";
import { failureOfBuild } from "../../client/builds.ts";
import { parseReference, formatReference, withDefaultTag } from "../../spec/reference.ts";
import type { Call, Command } from "../command.ts";
import { optionFailure, silentFailure } from "../flags/flag.ts";
import { mayHaveConfig } from "../may-have-config.ts";
import { onEndingSignals, statusOfSignal } from "../terminal/signals.ts";
import { type ChosenContext, chooseContext } from "./build-context.ts";
import { openDisplay, type ProgressMode } from "./build-display.ts";
import { buildFlags, type BuildValues, checkProgress } from "./build-flags.ts";
import { type BuildOutput, parseAnnotation, parseOutput } from "./build-output.ts";
import { formatBuildFailure, formatBuildWarnings, formatFailedSteps } from "./format-end.ts";
import { formatCheck } from "./format-check.ts";
import type { NamedRequest } from "./named-contexts.ts";
import { optionsLineOf } from "./options-line.ts";
import { type OutputPiece, receiveOutputs } from "./receive-outputs.ts";
import { parseSsh } from "./parse-ssh.ts";
import { parseSecret, readSecrets } from "./secrets.ts";

export const build: Command<BuildValues> = {
  usage: "[OPTIONS] PATH | URL | -",
  takes: [1, 1],
  flags: buildFlags,
  completes: ["file"],
  description:
    "The files of PATH are read where they are if the daemon sees the same directory, and are sent to it otherwise. The daemon brings the files of a URL: an archive, a Dockerfile or a git repository (https://host/repo.git#ref:directory). With - an archive or a Dockerfile is read from STDIN.",
  examples: [
    "tare build -t app .",
    "tare build -f Dockerfile.dev --target test --build-arg VERSION=1.2 .",
    "tare build --secret id=token,src=token.txt .",
    "tare build -o type=local,dest=out .",
    "tare build --check .",
  ],
  async run(call) {
    const outputs = outputsOf(call.values);
    const mode = progressOf(call);
    using stack = new DisposableStack();
    const stop = new AbortController();
    let status = 1;
    stack.use(
      onEndingSignals((name) => {
        status = statusOfSignal(name);
        stop.abort(new Failure("canceled", "context canceled"));
      }),
    );
    const signal = AbortSignal.any([stop.signal, call.signal]);
    try {
      return await runBuild(call, { outputs, mode, signal });
    } catch (thrown) {
      const failure = failureOf(thrown);
      if (failure.details.exitStatus !== undefined || failure.details.silent === true) throw thrown;
      call.err(
        stop.signal.aborted
          ? formatBuildFailure("Canceled: context canceled", { fromDaemon: true })
          : formatBuildFailure(failure.message, failure.details),
      );
      throw silentFailure(status);
    }
  },
};

interface Run {
  readonly outputs: readonly BuildOutput[];
  readonly mode: ProgressMode;
  readonly signal: AbortSignal;
}

async function runBuild(call: Call<BuildValues>, { outputs, mode, signal }: Run): Promise<number> {
  const { values, context } = call;
  const [path = ""] = call.positional;
  const { env } = context;
  const secrets = await readSecrets(values.secret.map(parseSecret), context);
  const chosen = await chooseContext(path, values.file, context);
  const proxies = await proxiesOf(call);
  const line: BuildOptionsLine = {
    ...optionsLineOf(values, { env, outputs, proxies }),
    ...chosen.line,
    ...(Object.keys(secrets).length === 0 ? {} : { Secrets: secrets }),
    ...(values.ssh.length === 0 ? {} : { Agents: values.ssh.map((text) => parseSsh(text).id) }),
  };
  const request = await requestOf(line, chosen, call);
  const end = await follow(call, request, { outputs, mode, signal });
  if (end.Report !== undefined) return reportOf(call, end.Report);
  const images = end.Result?.Images ?? [];
  const [image] = images;
  if (image === undefined) throw new Failure("corrupt", "the daemon's reply has no result");
  if (values.iidfile !== "") await writeResult(call, values.iidfile, image.Id);
  if (values["metadata-file"] !== "") {
    await writeResult(
      call,
      values["metadata-file"],
      formatMetadata(image, end.Result?.Exported ?? image, line.Tags ?? []),
    );
  }
  if (mode === "quiet" && outputs.some(({ kind }) => kind === "image")) call.out(`${image.Id}\n`);
  return 0;
}

async function requestOf(
  line: BuildOptionsLine,
  chosen: ChosenContext,
  { values, context }: Call<BuildValues>,
): Promise<NamedRequest> {
  const flags = values["build-context"];
  if (flags.length === 0) return { line, openContext: () => chosen.open() };
  const { withNamedContexts } = await import("./named-contexts.ts");
  return await withNamedContexts(line, {
    flags,
    directory: chosen.directory,
    open: chosen.open,
    cwd: context.cwd,
  });
}

/** Shows the progress until the end of the build, and gives the last message. Throws the build's failure. */
async function follow(
  call: Call<BuildValues>,
  { line, sentOptions, openContext }: NamedRequest,
  { outputs, mode, signal }: Run,
): Promise<BuildMessage> {
  const client = await call.client();
  const registryConfig = await registryConfigOf(call);
  const openAgent = await openAgentOf(call);
  const messages = client.builds.build(line, { sentOptions, openContext, registryConfig, openAgent, signal });
  let end: BuildMessage | undefined;
  const display = openDisplay(mode, call.context.stderr);
  const progress = async function* (): AsyncGenerator<OutputPiece, void> {
    for await (const message of messages) {
      if (message.Output !== undefined) yield message.Output;
      else if (message.Result ?? message.Report ?? message.Failure) end = message;
      else display.take(message);
      if (message.Failure !== undefined) throw failureOfBuild(message.Failure);
    }
  };
  try {
    const isMultiPlatform = (line.Platforms ?? []).length > 1;
    await receiveOutputs(progress(), outputs, { context: call.context, isMultiPlatform });
  } catch (thrown) {
    display[Symbol.dispose]();
    if (mode !== "quiet" && mode !== "rawjson" && !signal.aborted) call.err(formatFailedSteps(display.trace));
    throw thrown;
  }
  display[Symbol.dispose]();
  if (mode !== "quiet" && mode !== "rawjson") call.err(formatBuildWarnings(display.trace.warnings));
  if (end === undefined) throw new Failure("unavailable", "the daemon ended before the build");
  return end;
}

function outputsOf(values: BuildValues): readonly BuildOutput[] {
  const chosen: readonly BuildOutput[] =
    values.output.length === 0
      ? [{ kind: "image", names: [], attributes: {} }]
      : values.output.map((text) => parseOutput(text));
  const hasImage = chosen.some(({ kind }) => kind === "image");
  if (values.load && !hasImage) throw optionFailure("load and output can't be used together");
  if (values.push && !hasImage) throw optionFailure("push and output can't be used together");
  const annotations = Object.fromEntries(values.annotation.map(parseAnnotation));
  const outputs = chosen.map((output): BuildOutput => {
    if (!("attributes" in output)) return output;
    const push = values.push && output.kind === "image" ? { push: "true" } : {};
    return { ...output, attributes: { ...output.attributes, ...annotations, ...push } };
  });
  const names = [...values.tag, ...outputs.flatMap((output) => ("names" in output ? output.names : []))];
  const isPushed = outputs.some((output) => output.kind === "image" && output.attributes["push"] === "true");
  if (isPushed && names.length === 0) throw optionFailure("tag is needed when pushing to registry");
  if (outputs.filter(toStandardOutput).length > 1)
    throw optionFailure("standard output takes one output: give the others a dest");
  return outputs;
}

function progressOf({ values, given, context }: Call<BuildValues>): ProgressMode {
  const { env, stderr, stdout } = context;
  if (values.output.some((text) => toStandardOutput(parseOutput(text))) && stdout.isTTY === true)
    throw optionFailure("dest file is required for an archive: refusing to write to a terminal");
  if (values.quiet) return "quiet";
  const fromEnv = env["BUILDKIT_PROGRESS"] ?? "";
  const word = given.has("progress") || fromEnv === "" ? values.progress : checkProgress(fromEnv);
  switch (word) {
    case "plain":
    case "rawjson":
    case "quiet":
      return word;
    case "tty":
      if (stderr.isTTY !== true) throw optionFailure("failed to get console: standard error is no terminal");
      return word;
    default:
      return stderr.isTTY === true ? "tty" : "plain";
  }
}

function toStandardOutput(output: BuildOutput): boolean {
  return "file" in output && output.file === "-";
}

/** As in Docker's client, an unreadable configuration is a warning. */
async function proxiesOf(call: Call<BuildValues>): Promise<readonly string[]> {
  const { context, globals } = call;
  if (!mayHaveConfig(context)) return [];
  const { readConfiguredProxies } = await import("../container/run/configured-proxies.ts");
  try {
    return readConfiguredProxies(context.env, globals.host);
  } catch (thrown) {
    call.err(`WARNING: ${failureOf(thrown).message}\n`);
    return [];
  }
}

async function openAgentOf({ values, context }: Call<BuildValues>): Promise<OpenAgent | undefined> {
  if (values.ssh.length === 0) return undefined;
  const { findAgents } = await import("./find-agents.ts");
  const { agentsAt } = await import("../../client/agent-relays.ts");
  return agentsAt(await findAgents(values.ssh.map(parseSsh), context));
}

async function registryConfigOf({ context }: Call<BuildValues>): Promise<string | undefined> {
  if (!mayHaveConfig(context)) return undefined;
  const { allRegistryConfig } = await import("../registry/find-credentials.ts");
  return await allRegistryConfig(context.env);
}

async function writeResult({ context }: Call<BuildValues>, path: string, text: string): Promise<void> {
  await writeFile(resolve(context.cwd, path), text).catch((cause: unknown) => {
    throw new Failure("invalid", `cannot write "${path}": ${failureOf(cause).message}`, { cause });
  });
}

/** SPEC: the metadata of BuildKit's exporters. */
function formatMetadata(
  image: BuiltImageReply,
  { MediaType, Digest, Size }: BuiltExportReply,
  tags: readonly string[],
): string {
  const names = tags.map((tag) => formatReference(withDefaultTag(parseReference(tag))));
  const metadata = {
    "containerimage.config.digest": image.Id,
    "containerimage.descriptor": { mediaType: MediaType, digest: Digest, size: Size },
    "containerimage.digest": Digest,
    ...(names.length === 0 ? {} : { "image.name": names.join(",") }),
  };
  return `${JSON.stringify(metadata, undefined, 2)}\n`;
}

function reportOf(
  call: Call<BuildValues>,
  { Json, Text, StatusCode = 0 }: NonNullable<BuildMessage["Report"]>,
): number {
  const { values } = call;
  const isJson = values.call.endsWith(",format=json");
  const isCheck = values.check || values.call.startsWith("check");
  call.out(isJson ? `${Json.trimEnd()}\n` : isCheck ? formatCheck(Json, Text) : `${Text.trimEnd()}\n`);
  return StatusCode;
}
