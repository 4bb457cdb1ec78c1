import { Duplex } from "node:stream";
import { Failure, sentenceOf } from "../../base/failure.ts";
import type { RegistryCredentials } from "../../spec/registry/registry-credentials.ts";
import type { ClientSession } from "./client-session.ts";
import { codingsOf } from "./codings.ts";

const mostSecretBytes = 512 * 1024;

/** A secret of the client; undefined where it offers none of that id. Throws "invalid" for one that is too long. */
export async function readSecret(
  session: ClientSession,
  id: string,
  signal: AbortSignal,
): Promise<Uint8Array | undefined> {
  const method = "moby.buildkit.secrets.v1.Secrets/GetSecret";
  try {
    const { data } = await session.client.unary(`/${method}`, codingsOf(method), { ID: id }, { signal });
    if (data.length > mostSecretBytes)
      throw new Failure(
        "invalid",
        `cannot use the secret "${id}": it is longer than ${mostSecretBytes} bytes`,
      );
    return data;
  } catch (thrown) {
    if (isAbsent(thrown)) return undefined;
    throw thrown;
  }
}

/** The client's credentials for a registry; undefined where it has none. */
export async function findCredentials(
  session: ClientSession,
  registry: string,
  signal: AbortSignal,
): Promise<RegistryCredentials | undefined> {
  const method = "moby.filesync.v1.Auth/Credentials";
  if (!session.supports(`/${method}`)) return undefined;
  const host = registry === "docker.io" ? "registry-1.docker.io" : registry;
  try {
    const found = await session.client.unary(`/${method}`, codingsOf(method), { Host: host }, { signal });
    if (found.Secret === "") return undefined;
    return found.Username === ""
      ? { kind: "identity-token", token: found.Secret }
      : { kind: "password", username: found.Username, password: found.Secret };
  } catch (thrown) {
    if (isAbsent(thrown)) return undefined;
    throw thrown;
  }
}

function isAbsent(thrown: unknown): boolean {
  return thrown instanceof Failure && (thrown.kind === "not-found" || thrown.kind === "unsupported");
}

/** A connection to an agent of the client (`default` or another id). Throws "not-found" where it forwards none. */
export async function openAgent(session: ClientSession, id: string, signal: AbortSignal): Promise<Duplex> {
  const check = "moby.sshforward.v1.SSH/CheckAgent";
  try {
    await session.client.unary(`/${check}`, codingsOf(check), { ID: id }, { signal });
  } catch (thrown) {
    throw new Failure("not-found", `no SSH key "${id}" forwarded from the client: ${sentenceOf(thrown)}`, {
      cause: thrown,
    });
  }
  const method = "moby.sshforward.v1.SSH/ForwardAgent";
  const headers = { "buildkit.ssh.id": id };
  const stream = session.client.open(`/${method}`, codingsOf(method), { headers, signal });
  const duplex = new Duplex({
    read: () => {},
    write: (data: Uint8Array, _, done) => {
      stream.send({ data }).then(() => done(), done);
    },
    final: (done) => {
      stream.end();
      done();
    },
    destroy: (error, done) => {
      stream.cancel();
      done(error);
    },
  });
  duplex.on("error", () => {});
  const pump = async (): Promise<void> => {
    // An agent's answers are short: what is not read yet is bounded by the connection's window.
    for await (const { data } of stream) duplex.push(data);
    duplex.push(null);
  };
  pump().catch(() => void duplex.destroy());
  return duplex;
}

/** What a client uploads, under the path of the address that stands for it: `http://buildkit-session/ID`. */
export async function* receiveUpload(
  session: ClientSession,
  url: URL,
  signal: AbortSignal,
): AsyncGenerator<Uint8Array, void, undefined> {
  const method = "moby.upload.v1.Upload/Pull";
  const headers = { urlpath: url.pathname, urlhost: url.host };
  const stream = session.client.open(`/${method}`, codingsOf(method), { headers, signal });
  for await (const { data } of stream) if (data.length > 0) yield data;
}
