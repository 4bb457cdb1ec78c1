import { bytesOf } from "../../base/byte-stream.ts";
import { canceled } from "../../base/deadline.ts";
import { defined } from "../../base/defined.ts";
import { Failure } from "../../base/failure.ts";
import { O_NOFOLLOW, O_PATH } from "../../linux/constants/open.ts";
import type { RunOperation } from "../../build/graph/graph-types.ts";
import { resolvePath } from "../../build/solver/resolve-path.ts";
import type { Layers } from "../../build/solver/solver.ts";
import { openInRoot } from "../../linux/files/open.ts";
import type { Fd } from "../../linux/kernel/fd.ts";
import { isErrno } from "../../linux/kernel/syscall.ts";
import type { BuildRequest } from "../../model/builds.ts";
import type { ContainerSpec } from "../../model/container-spec.ts";
import type { ExitStatus } from "../../model/container-state.ts";
import type { DeviceRequestSpec } from "../../model/devices.ts";
import type { ContainerId } from "../../model/ids.ts";
import type { ContainerMount } from "../../model/mounts.ts";
import { type ImageConfig, noDefaults } from "../../spec/image/config.ts";
import { requireRunnable } from "./foreign-platform.ts";
import { hostPlatform } from "../../spec/platform.ts";
import { FrameDecoder } from "../../spec/stream-frames.ts";
import { startedPaths } from "../containers/files/changes.ts";
import { createContainer } from "../containers/lifecycle/create.ts";
import { startContainer } from "../containers/lifecycle/start.ts";
import { killContainer, removeContainer } from "../containers/lifecycle/stop.ts";
import { waitContainer } from "../containers/lifecycle/wait.ts";
import { attachContainer } from "../containers/streams/attach.ts";
import type { ContainerContext } from "../context.ts";

/** What all steps of a build have in common. */
export type StepSettings = Pick<
  BuildRequest,
  "extraHosts" | "shmBytes" | "ulimits" | "cgroupParent" | "limits" | "hostname"
>;

export interface StepOptions {
  readonly layers: Layers;
  readonly mounts: readonly ContainerMount[];
  /** `NAME=value` of secrets, in addition to those of the operation. */
  readonly secretVariables: readonly string[];
  readonly settings: StepSettings;
  readonly signal: AbortSignal;
  readonly onOutput: (stream: "stdout" | "stderr", bytes: Uint8Array) => void;
  /** Takes what the program has changed, as tar. */
  readonly store: (tar: AsyncIterable<Uint8Array>) => Promise<void>;
}

/**
 * Runs the program of a step in a container of its own, which is gone when this settles. Throws "invalid"
 * (details.exitCode) where the program fails.
 */
export async function runStep(
  context: ContainerContext,
  operation: RunOperation,
  { layers, mounts, secretVariables, settings, signal, onOutput, store }: StepOptions,
): Promise<void> {
  signal.throwIfAborted();
  if (operation.platform !== undefined) requireRunnable(operation.platform);
  const { storage } = context.dependencies;
  const diffIds = layers.map(({ diffId }) => diffId);
  const ignored = await findStubs(context, { layers, mounts });
  const config: ImageConfig = {
    platform: hostPlatform(),
    defaults: { ...noDefaults, env: operation.env },
    history: [],
    diffIds,
  };
  const { id } = await createContainer(context, specOf(operation, settings), {
    step: { config, mounts },
    startsNext: true,
  });
  // SAFETY: secrets, and proxies with passwords, are in no record.
  context.stepVariables.set(id, [...operation.proxyEnv, ...secretVariables]);
  try {
    const { code } = await runProgram(context, id, { signal, onOutput });
    const { validExitCodes = [0] } = operation;
    if (!validExitCodes.includes(code)) throw stepFailure(operation.words, code);
    await store(storage.packChanges(id, { signal, ignored }));
  } finally {
    context.stepVariables.delete(id);
    await removeContainer(context, id, { force: true, volumes: true });
  }
}

/** SPEC: BuildKit's words, which clients look for. */
function stepFailure(words: readonly string[], code: number): Failure {
  return new Failure(
    "invalid",
    `process "${words.join(" ")}" did not complete successfully: exit code: ${code}`,
    { details: { exitCode: code, command: words.join(" ") } },
  );
}

async function runProgram(
  context: ContainerContext,
  id: ContainerId,
  { signal, onOutput }: Pick<StepOptions, "signal" | "onOutput">,
): Promise<ExitStatus> {
  const { duplex } = await attachContainer(context, id, { stdout: true, stderr: true });
  const ended = waitContainer(context, id, { until: "next-exit" });
  ended.catch(() => undefined);
  const kill = (): void => void killContainer(context, id, { signal: "KILL" }).catch(() => undefined);
  signal.addEventListener("abort", kill, { once: true });
  try {
    const decoder = new FrameDecoder();
    const read = (async () => {
      for await (const chunk of bytesOf(duplex)) {
        for (const { stream, bytes } of decoder.push(chunk)) {
          onOutput(stream === "stderr" ? "stderr" : "stdout", bytes);
        }
      }
    })();
    read.catch(() => undefined);
    await startContainer(context, id);
    if (signal.aborted) kill();
    const status = await ended;
    await read;
    if (signal.aborted) throw canceled(signal, "build");
    return status;
  } finally {
    signal.removeEventListener("abort", kill);
    duplex.destroy();
  }
}

function specOf(operation: RunOperation, settings: StepSettings): ContainerSpec {
  const { words, workingDirectory, user, network, security, devices = [] } = operation;
  const { shmBytes, limits } = settings;
  const own = operation.settings ?? {};
  const extraHosts = [...settings.extraHosts, ...(own.extraHosts ?? [])];
  const { ulimits = settings.ulimits, cgroupParent = settings.cgroupParent } = own;
  const hostname = own.hostname ?? settings.hostname ?? "buildkitsandbox";
  return {
    image: "",
    process: {
      entrypoint: [],
      command: words,
      user: user === "" ? undefined : user,
      workingDirectory,
    },
    isolation: {
      namespaces: network === "default" ? undefined : { network },
      privileged: security === "insecure" ? true : undefined,
    },
    resources: defined({
      cgroupParent,
      limits,
      rlimits: ulimits.length === 0 ? undefined : ulimits,
      deviceRequests: devices.length === 0 ? undefined : [cdiRequest(devices)],
    }),
    storage: { log: "none", shmBytes, readOnlyRoot: operation.isReadOnly },
    network: network === "host" ? undefined : { hostname, extraHosts },
    // A build does not outlive its engine.
    lifecycle: { lifetime: "process" },
  };
}

function cdiRequest(ids: readonly string[]): DeviceRequestSpec {
  return { driver: "cdi", count: 0, ids, capabilities: [], options: {} };
}

const kernelPaths: ReadonlySet<string> = new Set(["dev", "proc", "sys"]);

/** The targets of mounts that the layers do not have: a start makes them, and the step's layer is without them. */
async function findStubs(
  { dependencies }: ContainerContext,
  { layers, mounts }: Pick<StepOptions, "layers" | "mounts">,
): Promise<ReadonlySet<string>> {
  using view = await dependencies.storage.viewLayers(layers.map(({ diffId }) => diffId));
  const found = new Set<string>();
  // SPEC: BuildKit leaves the directories of the kernel's file systems in the layer.
  for (const path of startedPaths) if (!kernelPaths.has(path) && !exists(view.fd, path)) found.add(path);
  for (const { target } of mounts) {
    const { path } = resolvePath(view.fd, target);
    const parts = path.split("/");
    for (let length = 1; length <= parts.length; length++) {
      const above = parts.slice(0, length).join("/");
      if (!exists(view.fd, above)) found.add(above);
    }
  }
  return found;
}

function exists(root: Fd, path: string): boolean {
  try {
    openInRoot(root, path, O_PATH | O_NOFOLLOW)[Symbol.dispose]();
    return true;
  } catch (thrown) {
    if (isErrno(thrown, "ENOENT", "ENOTDIR")) return false;
    throw thrown;
  }
}
