import { afterAll, beforeAll, describe } from "bun:test";
import { join } from "node:path";
import { DockerCli, findDockerCli } from "./docker-cli.ts";
import { busyboxArchive } from "./images.ts";
import { Installation, isRoot } from "./tare.ts";

/** An engine that has busybox, and Docker's client of it: there while tests run. */
export interface DockerHost {
  readonly tare: Installation;
  readonly docker: DockerCli;
}

/** Tests of Docker's client, with an engine of their own; skipped where there is no such client. */
export function describeDocker(name: string, define: (host: DockerHost) => void): void {
  const program = findDockerCli();
  if (program === undefined) console.log("skipped: docker-cli (apt-get install docker-cli)");
  describe.skipIf(!isRoot || program === undefined)(name, () => {
    const host: { tare?: Installation; docker?: DockerCli } = {};
    beforeAll(async () => {
      const tare = new Installation();
      host.tare = tare;
      await tare.must(["load", "-i", busyboxArchive()]);
      const config = join(tare.directory, "docker");
      host.docker = new DockerCli(program ?? "", { socket: tare.clientSocket, config });
    });
    afterAll(async () => await host.tare?.[Symbol.asyncDispose]());
    define(host as DockerHost);
  });
}
