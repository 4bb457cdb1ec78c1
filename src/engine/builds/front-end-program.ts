import { Duplex, PassThrough } from "node:stream";
import { bytesOf } from "../../base/byte-stream.ts";
import { failureOf } from "../../base/failure.ts";
import type { BaseImage } from "../../build/graph/graph-types.ts";
import type { FrontEndProgram } from "../../model/builds.ts";
import type { ContainerSpec } from "../../model/container-spec.ts";
import type { ExitStatus } from "../../model/container-state.ts";
import { hostPlatform } from "../../spec/platform.ts";
import { FrameDecoder } from "../../spec/stream-frames.ts";
import { createContainer } from "../containers/lifecycle/create.ts";
import { startContainer } from "../containers/lifecycle/start.ts";
import { killContainer, removeContainer } from "../containers/lifecycle/stop.ts";
import { waitContainer } from "../containers/lifecycle/wait.ts";
import { attachContainer } from "../containers/streams/attach.ts";
import type { ContainerContext } from "../context.ts";

/** SPEC: moby/buildkit, frontend/gateway/gateway.go: such an image needs no network. */
const withoutNetworkLabel = "moby.buildkit.frontend.network.none";
const usualCommand = ["/run"];

/**
 * Starts an image as a front end, in a container as a step has it: hidden, with all limits and filters. Its layers are
 * there. Disposing ends it and removes the container.
 */
export async function startFrontEnd(
  context: ContainerContext,
  { config: image }: Pick<BaseImage, "config">,
  { env, onLog }: { readonly env: readonly string[]; readonly onLog: (text: string) => void },
): Promise<FrontEndProgram> {
  const { defaults } = image;
  const config = {
    ...image,
    platform: hostPlatform(),
    defaults: { ...defaults, env: [...defaults.env, ...env] },
  };
  const spec: ContainerSpec = {
    image: "",
    process: {
      entrypoint: [],
      command:
        defaults.entrypoint === undefined || defaults.entrypoint.length === 0
          ? usualCommand
          : defaults.entrypoint,
      openStdin: true,
      stdinOnce: true,
    },
    isolation: defaults.labels[withoutNetworkLabel] === "true" ? { namespaces: { network: "none" } } : {},
    storage: { log: "none" },
    // A build does not outlive its engine.
    lifecycle: { lifetime: "process" },
  };
  await using undo = new AsyncDisposableStack();
  const { id } = await createContainer(context, spec, { step: { config, mounts: [] }, startsNext: true });
  undo.defer(async () => await removeContainer(context, id, { force: true, volumes: true }));
  const { duplex } = await attachContainer(context, id, { stdin: true, stdout: true, stderr: true });
  undo.defer(() => void duplex.destroy());
  const ended = waitContainer(context, id, { until: "next-exit" });
  ended.catch(() => undefined);
  const output = new PassThrough();
  const read = async (): Promise<void> => {
    const decoder = new FrameDecoder();
    for await (const chunk of bytesOf(duplex)) {
      for (const { stream, bytes } of decoder.push(chunk)) {
        if (stream === "stderr") onLog(Buffer.from(bytes).toString());
        else if (!output.write(bytes)) await new Promise((resolve) => output.once("drain", resolve));
      }
    }
    output.end();
  };
  read().catch((thrown: unknown) => output.destroy(failureOf(thrown)));
  await startContainer(context, id);
  undo.defer(async () => await killContainer(context, id, { signal: "KILL" }).catch(() => undefined));
  const kept = undo.move();
  return {
    stream: Duplex.from({ readable: output, writable: duplex }),
    ended: ended.then(({ code }: ExitStatus) => code),
    [Symbol.asyncDispose]: async () => {
      output.destroy();
      await kept.disposeAsync();
    },
  };
}
