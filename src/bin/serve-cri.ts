import { mkdirSync } from "node:fs";
import { createServer } from "node:net";
import { dirname, join } from "node:path";
import { Failure } from "../base/failure.ts";
import { CriServer } from "../cri/cri-server.ts";
import { listen } from "../daemon/http/listen.ts";
import type { LocalEngine } from "../engine/local-engine.ts";

/** Serves Kubernetes' CRI on a Unix socket of its own (0660, root). Disposing ends it; pods run on. */
export async function serveCri(
  engine: LocalEngine,
  {
    path,
    version,
    ...cniDirectories
  }: {
    readonly path: string;
    readonly version: string;
    readonly configDirectory: string;
    readonly binaryDirectories: readonly string[];
  },
): Promise<AsyncDisposable> {
  const cri = await CriServer.open(engine, await engine.openCri(), {
    version,
    cni: { ...cniDirectories, stateDirectory: join((await engine.info()).dataRoot, "cni") },
  });
  const server = createServer({ allowHalfOpen: true }, (connection) => cri.accept(connection));
  try {
    mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
  } catch (cause) {
    throw new Failure("invalid", `cannot serve the CRI at "${path}": its folder can't be created`, { cause });
  }
  const socket = await listen(server, path);
  return {
    [Symbol.asyncDispose]: async () => {
      socket[Symbol.dispose]();
      const stopped = new Promise<void>((resolve) => server.close(() => resolve()));
      cri.close();
      await stopped;
    },
  };
}
