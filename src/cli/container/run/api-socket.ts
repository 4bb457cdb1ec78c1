import type { ContainerCreateRequest } from "../../../api/types/container.ts";
import { Failure } from "../../../base/failure.ts";
import { encodeTarEnd, encodeTarMember, tarPadding } from "../../../spec/tar-writer.ts";
import type { Host } from "../../../client/host.ts";
import { readDockerConfig } from "../../registry/config-file.ts";
import { findCredentials } from "../../registry/find-credentials.ts";

const socketPath = "/var/run/docker.sock";
const configPath = "/run/secrets/docker";

export interface ApiSocketPlan {
  readonly request: ContainerCreateRequest;
  /** To be unpacked at / before the start; absent when nothing is known of any registry. */
  readonly archive?: Uint8Array | undefined;
}

/**
 * `--use-api-socket`: mounts the daemon's socket where Docker's clients look for it, with the registry credentials from
 * the user's configuration or its helpers. Throws "unsupported" for a daemon without a unix socket.
 */
export async function parseApiSocket(
  request: ContainerCreateRequest,
  { host, env }: { readonly host: Host; readonly env: Readonly<Record<string, string | undefined>> },
): Promise<ApiSocketPlan> {
  if (host.kind !== "unix") {
    throw new Failure(
      "unsupported",
      "cannot use the API socket in the container: the daemon is not behind a unix socket",
    );
  }
  const auths = await knownAuths(env);
  const mount = { Type: "bind" as const, Source: host.path, Target: socketPath };
  const hostConfig = request.HostConfig ?? {};
  const hasAuths = Object.keys(auths).length > 0;
  const asked: ContainerCreateRequest = {
    ...request,
    Env: hasAuths ? [...(request.Env ?? []), `DOCKER_CONFIG=${configPath}`] : request.Env,
    HostConfig: { ...hostConfig, Mounts: [...(hostConfig.Mounts ?? []), mount] },
  };
  return { request: asked, archive: hasAuths ? archiveOf(JSON.stringify({ auths })) : undefined };
}

/** All that is known of registries, in the form of a configuration without helpers. */
async function knownAuths(
  env: Readonly<Record<string, string | undefined>>,
): Promise<Readonly<Record<string, object>>> {
  const config = readDockerConfig(env);
  const servers = new Set([...Object.keys(config.auths), ...Object.keys(config.credHelpers)]);
  const auths: Record<string, object> = {};
  for (const server of servers) {
    const domain = server === "https://index.docker.io/v1/" ? "docker.io" : server;
    const found = await findCredentials(config, domain);
    if (found === undefined) continue;
    auths[server] =
      found.kind === "password"
        ? { auth: Buffer.from(`${found.username}:${found.password}`).toString("base64") }
        : found.kind === "identity-token"
          ? { identitytoken: found.token }
          : { registrytoken: found.token };
  }
  return auths;
}

function archiveOf(text: string): Uint8Array {
  const bytes = new TextEncoder().encode(text);
  const directory = (path: string): Uint8Array =>
    encodeTarMember({ path, type: "directory", size: 0, mode: 0o755 });
  return Buffer.concat([
    directory("run/"),
    directory("run/secrets/"),
    directory("run/secrets/docker/"),
    encodeTarMember({
      path: "run/secrets/docker/config.json",
      type: "file",
      size: bytes.length,
      mode: 0o600,
    }),
    bytes,
    new Uint8Array(tarPadding(bytes.length)),
    encodeTarEnd(),
  ]);
}
