import type { ContainerCreateRequest, ContainerCreateResponse } from "../../../api/types/container.ts";
import { formatWarnings } from "../../../api/container/run-messages.ts";
import { sleep } from "../../../base/deadline.ts";
import { Failure, isFailure, kindOf, sentenceOf } from "../../../base/failure.ts";
import type { LeanClient } from "../../../client/lean-client.ts";
import type { Call } from "../../command.ts";
import { type IdFile, openIdFile } from "./id-file.ts";
import { platformOf } from "./platform-of.ts";
import type { parseApiSocket as PlanApiSocket } from "./api-socket.ts";
import { mayHaveConfig } from "../../may-have-config.ts";
import { optionFailure } from "../../flags/flag.ts";
import type { ContainerValues } from "../flags/container-flags.ts";

/** Our own platform as Docker names it; another can't run here. */
const ownPlatform = `linux/${process.arch === "x64" ? "amd64" : process.arch}`;

/** The values that count once the request is planned. */
export type CreateValues = Pick<
  ContainerValues,
  | "arch"
  | "authfile"
  | "cidfile"
  | "decryption-key"
  | "http-proxy"
  | "name"
  | "os"
  | "platform"
  | "pull"
  | "quiet"
  | "replace"
  | "retry"
  | "retry-delay"
  | "seccomp-policy"
  | "tls-verify"
  | "unsetenv-all"
  | "use-api-socket"
  | "variant"
>;

/** Asks the daemon for the container; what else it asks for is its own. */
export type MakeContainer = (
  client: LeanClient,
  request: ContainerCreateRequest,
  options: { readonly name: string | undefined },
) => Promise<ContainerCreateResponse>;

export interface Making {
  readonly make?: MakeContainer | undefined;
  /** Makes the pod that is for the container (makePodOf()). */
  readonly makePod?: (() => Promise<AsyncDisposable & { keep(): void }>) | undefined;
}

/**
 * Creates the container and prints the daemon's warnings. Returns its id, which it also writes to the `--cidfile`.
 * Pulls a missing image, unless `--pull never` forbids it.
 */
export async function createContainer(
  call: Call<CreateValues>,
  planned: ContainerCreateRequest,
  {
    make = async (client, request, options) => await client.containers.create(request, options),
    makePod,
  }: Making = {},
): Promise<string> {
  const { values, context } = call;
  checkPull(values.pull);
  const platform = platformOf(values, process.arch === "x64" ? "amd64" : process.arch);
  checkPlatform(platform);
  const proxied = await withProxies(call, planned);
  using idFile = openIdFile(values.cidfile, { what: "container", cwd: context.cwd });
  const client = await call.leanClient();
  if (makePod === undefined) return await createIn(call, proxied, { client, make, idFile });
  await using pod = await makePod();
  const id = await createIn(call, proxied, { client, make, idFile });
  pod.keep();
  return id;
}

/** In the pod that it is for, where that is there. */
async function createIn(
  call: Call<CreateValues>,
  planned: ContainerCreateRequest,
  {
    client,
    make,
    idFile,
  }: { readonly client: LeanClient; readonly make: MakeContainer; readonly idFile: IdFile },
): Promise<string> {
  const { values, context } = call;
  if (values.replace) {
    if (values.name === "") throw optionFailure("cannot replace a container without --name being set");
    await client.containers.remove(values.name, { force: true }).catch((thrown: unknown) => {
      if (kindOf(thrown) !== "not-found") throw thrown;
    });
  }
  const { request, archive } = values["use-api-socket"]
    ? await toSocket(planned, { host: client.host, env: context.env })
    : { request: planned };
  const options = { name: values.name === "" ? undefined : values.name };
  const image = request.Image ?? "";
  const policy = values["seccomp-policy"];
  if (values.pull === "always") await pull(call, image);
  if (values.pull === "newer") await pullNewer(call, image);
  const create = async () =>
    await make(client, policy === "image" ? await withImageProfile(call, request) : request, options);
  const { Id: id, Warnings: warnings } = await createPulling(call, create, [
    image,
    ...imagesMounted(request),
  ]);
  if (archive !== undefined) await putFiles(client, id, archive);
  if (warnings !== null && warnings.length > 0) call.err(formatWarnings(warnings));
  idFile.write(id);
  return id;
}

/**
 * Adds the proxies of Docker's client configuration, except for variables that the command line sets. As in Docker's
 * client, an unreadable configuration is a warning.
 */
async function withProxies(
  call: Call<CreateValues>,
  request: ContainerCreateRequest,
): Promise<ContainerCreateRequest> {
  const { values, given, context, globals } = call;
  const isRefused = given.has("http-proxy") && !values["http-proxy"];
  if (isRefused || values["unsetenv-all"] || !mayHaveConfig(context)) return request;
  const { readConfiguredProxies } = await import("./configured-proxies.ts");
  const asked = request.Env ?? [];
  const taken = new Set(asked.map((entry) => entry.split("=", 1)[0]));
  try {
    const proxies = readConfiguredProxies(context.env, globals.host);
    const free = proxies.filter((entry) => !taken.has(entry.split("=", 1)[0]));
    return { ...request, Env: [...free, ...asked] };
  } catch (thrown) {
    call.err(`WARNING: ${sentenceOf(thrown)}\n`);
    return request;
  }
}

/** Images that are missing are pulled, each once. */
async function createPulling<T>(
  call: Call<CreateValues>,
  create: () => Promise<T>,
  images: readonly string[],
): Promise<T> {
  try {
    return await create();
  } catch (thrown) {
    const { values } = call;
    const { image: reported } = isFailure(thrown, "not-found") ? thrown.details : {};
    if (reported === undefined) throw thrown;
    const missing = images.find((name) => withTag(name) === withTag(reported)) ?? images[0] ?? "";
    await checkReference(missing);
    if (values.pull === "never") throw thrown;
    if (!values.quiet) call.err(`Unable to find image '${withTag(missing)}' locally\n`);
    await pull(call, missing);
    const left = images.filter((name) => name !== missing);
    return left.length === 0 ? await create() : await createPulling(call, create, left);
  }
}

const profileLabel = "io.containers.seccomp.profile";

/**
 * The profile that the image itself brings, by the caller's wish; one that is asked for by --security-opt comes before
 * it.
 */
async function withImageProfile(
  call: Call<CreateValues>,
  request: ContainerCreateRequest,
): Promise<ContainerCreateRequest> {
  const { HostConfig = {} } = request;
  const options = HostConfig?.SecurityOpt ?? [];
  if (options.some((option) => /^seccomp[=:]/.test(option))) return request;
  const { images } = await call.client();
  const { Config } = await images.inspect(request.Image ?? "");
  const profile = Config?.Labels?.[profileLabel];
  if (profile === undefined || profile === "") return request;
  return { ...request, HostConfig: { ...HostConfig, SecurityOpt: [...options, `seccomp=${profile}`] } };
}

function imagesMounted({ HostConfig }: ContainerCreateRequest): readonly string[] {
  return HostConfig?.Mounts?.flatMap(({ Type, Source = "" }) => (Type === "image" ? [Source] : [])) ?? [];
}

async function toSocket(...args: Parameters<typeof PlanApiSocket>): ReturnType<typeof PlanApiSocket> {
  const { parseApiSocket } = await import("./api-socket.ts"); // Loaded only when the option is used.
  return await parseApiSocket(...args);
}

/** A container that lacks them is not what was asked for. */
async function putFiles(client: LeanClient, id: string, archive: Uint8Array): Promise<void> {
  const pieces = (async function* () {
    yield archive;
  })();
  await client.containers.copyInto(id, "/", { archive: pieces }).catch(async (thrown: unknown) => {
    await client.containers.remove(id, { force: true }).catch(() => undefined);
    throw thrown;
  });
}

function checkPull(pull: string): void {
  if (!["always", "missing", "never", "newer", ""].includes(pull)) {
    throw optionFailure(
      `invalid pull option: '${pull}': must be one of "always", "missing", "never" or "newer"`,
    );
  }
}

function checkPlatform(platform: string): void {
  if (
    platform === "" ||
    platform === ownPlatform ||
    platform === "linux" ||
    platform.startsWith(`${ownPlatform}/`)
  )
    return;
  if (!/^[a-z0-9_]+(?:\/[a-z0-9_]+){0,2}$/i.test(platform)) {
    throw optionFailure(`cannot use platform "${platform}": want os/architecture, as ${ownPlatform}`);
  }
  throw new Failure("unsupported", `cannot use platform "${platform}": this machine runs ${ownPlatform}`, {
    details: { exitStatus: 125 },
  });
}

/** Progress goes to standard error, as what the container prints goes to standard output. */
async function pull(call: Call<CreateValues>, image: string): Promise<void> {
  const { pullImage } = await import("../../registry/pull-image.ts"); // not loaded where all goes well
  const { quiet, retry = 0, "retry-delay": delayMs = 2_000 } = call.values;
  const platform = platformOf(call.values, process.arch === "x64" ? "amd64" : process.arch);
  try {
    for (let left = retry; ; left--) {
      try {
        await pullImage(call, withTag(image), {
          platform,
          isQuiet: quiet,
          out: call.context.stderr,
          decryptionKeys: call.values["decryption-key"],
          access: call.values,
        });
        return;
      } catch (thrown) {
        // A missing or forbidden path will not appear a moment later.
        if (left <= 0 || kindOf(thrown) !== "unavailable") throw thrown;
        call.err(`${sentenceOf(thrown)}: trying again\n`);
        await sleep(delayMs, { signal: call.signal });
      }
    }
  } catch (thrown) {
    if (!(thrown instanceof Failure)) throw thrown;
    throw new Failure(thrown.kind, thrown.message, {
      cause: thrown,
      details: { ...thrown.details, exitStatus: 125 },
    });
  }
}

/**
 * An image in the registry has precedence over the local one; the local one is used when the registry cannot supply
 * any.
 */
async function pullNewer(call: Call<CreateValues>, image: string): Promise<void> {
  try {
    await pull(call, image);
  } catch (thrown) {
    const { images } = await call.client();
    const isHere = await images.inspect(image).then(
      () => true,
      () => false,
    );
    if (!isHere) throw thrown;
    call.err(`WARNING: using the local image: ${sentenceOf(thrown)}\n`);
  }
}

/** Throws "invalid" for text that is not a reference. */
async function checkReference(image: string): Promise<void> {
  const { parseReference } = await import("../../../spec/reference.ts"); // not loaded when all images exist
  parseReference(image);
}

/** As Docker prints it: with the implicit tag. */
export function withTag(reference: string): string {
  const last = reference.slice(reference.lastIndexOf("/") + 1);
  return last.includes(":") || last.includes("@") ? reference : `${reference}:latest`;
}
