import { join } from "node:path";
import { Failure } from "../../base/failure.ts";
import type { ContainerSpec, NamespaceModes } from "../../model/container-spec.ts";
import type { CriObject } from "../../engine/cri-engine.ts";
import type { CriNamespaces, CriSandboxSettings } from "../../model/cri.ts";
import type { DeviceRequestSpec } from "../../model/devices.ts";
import type { Message } from "../codings.ts";
import { namespaceModes, signalName } from "./enums.ts";
import { mountOf, recordedMount } from "./mounts.ts";
import { nameOf } from "./names.ts";
import { limitsOf, oomScoreAdjOf } from "./resources.ts";
import { appArmorOf, capabilitiesOf, type SeccompChoice, seccompOf, selinuxOf, userOf } from "./security.ts";

type ContainerConfig = Message<"ContainerConfig">;
type SecurityContext = Message<"LinuxContainerSecurityContext">;

/** Annotations with this prefix name CDI devices. SPEC: container-device-interface, "Kubernetes annotations" */
const cdiAnnotation = "cdi.k8s.io/";

/** Which seccomp profile the container asks for: that of a file is an argument of containerSpec(). */
export function seccompChoiceOf({ linux }: ContainerConfig): SeccompChoice {
  const context = linux?.security_context ?? null;
  return seccompOf(context?.seccomp ?? null, context?.seccomp_profile_path ?? "");
}

/** The engine's specification of a container in a sandbox. Throws "invalid" or "unsupported". */
export function containerSpec(
  config: ContainerConfig,
  {
    sandbox,
    seccompProfile,
  }: {
    readonly sandbox: CriObject<CriSandboxSettings>;
    /** Text of the file that seccompChoiceOf() names. */
    readonly seccompProfile: string | undefined;
  },
): ContainerSpec {
  const { metadata, image, linux } = config;
  if (metadata === null || metadata.name === "") throw refuse("its metadata has no name");
  if (image === null || image.image === "") throw refuse("it has no image");
  const context = linux?.security_context ?? null;
  const resources = linux?.resources ?? null;
  const isPrivileged = context?.privileged ?? false;
  if (isPrivileged && !sandbox.settings.isPrivileged)
    throw refuse("it is privileged, and its pod sandbox is not");
  const { name, uid, namespace, logDirectory } = sandbox.settings;
  return {
    image: image.image,
    name: nameOf([metadata.name, name, namespace, uid, metadata.attempt]),
    labels: config.labels,
    annotations: config.annotations,
    pod: sandbox.id,
    cri: {
      kind: "container",
      name: metadata.name,
      attempt: metadata.attempt,
      logFile: logFileOf(logDirectory, config.log_path),
      image: {
        image: image.image,
        userSpecifiedImage: image.user_specified_image,
        annotations: image.annotations,
      },
      mounts: config.mounts.map(recordedMount),
    },
    process: {
      ...userOf(context),
      entrypoint: config.command.length === 0 ? undefined : config.command,
      command: config.args.length === 0 ? undefined : config.args,
      env: config.envs.map(({ key, value }) => `${key}=${Buffer.from(value).toString()}`),
      workingDirectory: config.working_dir === "" ? undefined : config.working_dir,
      terminal: config.tty,
      openStdin: config.stdin,
      stdinOnce: config.stdin && config.stdin_once,
    },
    isolation: {
      namespaces: namespacesOf(context, sandbox.settings.namespaces),
      privileged: isPrivileged,
      capabilities: isPrivileged ? undefined : capabilitiesOf(context?.capabilities ?? null),
      noNewPrivileges: context?.no_new_privs,
      seccomp: seccompFor(config, { isPrivileged, seccompProfile }),
      appArmor: isPrivileged
        ? undefined
        : appArmorOf(context?.apparmor ?? null, context?.apparmor_profile ?? ""),
      selinux: selinuxOf(context?.selinux_options ?? null),
      maskedPaths: nonEmpty(context?.masked_paths),
      readonlyPaths: nonEmpty(context?.readonly_paths),
    },
    resources: {
      limits: limitsOf(resources),
      cgroupParent: sandbox.spec.resources?.cgroupParent,
      oomScoreAdj: oomScoreAdjOf(resources),
      devices: config.devices.map(({ host_path, container_path, permissions }) => ({
        source: host_path,
        target: container_path === "" ? host_path : container_path,
        access: permissions === "" ? "rwm" : permissions,
      })),
      deviceRequests: cdiRequests(config),
    },
    storage: {
      readOnlyRoot: context?.readonly_rootfs,
      mounts: config.mounts.map(mountOf),
    },
    lifecycle: { stopSignal: signalName(config.stop_signal) },
  };
}

/** Absolute; "" without a log. The log stays below the pod's directory. */
function logFileOf(directory: string, path: string): string {
  if (directory === "" || path === "") return "";
  if (!directory.startsWith("/") || path.split("/").includes("..") || path.includes("\0"))
    throw refuse(`its log path "${path.slice(0, 200)}" is not below an absolute log directory`);
  return join(directory, path);
}

function seccompFor(
  config: ContainerConfig,
  {
    isPrivileged,
    seccompProfile,
  }: { readonly isPrivileged: boolean; readonly seccompProfile: string | undefined },
): "builtin" | "unconfined" | { readonly profile: string } {
  const choice = seccompChoiceOf(config);
  if (isPrivileged) return "unconfined";
  return typeof choice === "string" ? choice : { profile: seccompProfile ?? "" };
}

/** What is shared with the sandbox comes from its pod; the rest is chosen by name. */
function namespacesOf(context: SecurityContext | null, pod: CriNamespaces): NamespaceModes {
  const options = context?.namespace_options ?? null;
  const pid = options === null ? pod.pid : namespaceModes[options.pid];
  const target = options?.target_id ?? "";
  if (pid === "target" && target === "")
    throw refuse("its PID namespace is the one of a target container, and target_id is empty");
  return {
    pid:
      pid === "node"
        ? "host"
        : pid === "target"
          ? { container: target }
          : pid === "container"
            ? "private"
            : undefined,
    ipc: pod.ipc === "node" ? "host" : undefined,
  };
}

function cdiRequests({
  CDI_devices: devices,
  annotations,
}: ContainerConfig): readonly DeviceRequestSpec[] | undefined {
  const annotated = Object.entries(annotations).flatMap(([key, value]) =>
    key.startsWith(cdiAnnotation) ? value.split(",").filter((id) => id !== "") : [],
  );
  const ids = [...new Set([...devices.map(({ name }) => name), ...annotated])];
  return ids.length === 0 ? undefined : [{ driver: "cdi", count: 0, ids, capabilities: [], options: {} }];
}

/** SPEC: an empty list is one that was not sent: the engine's default applies. */
function nonEmpty(list: readonly string[] | undefined): readonly string[] | undefined {
  return list === undefined || list.length === 0 ? undefined : list;
}

function refuse(reason: string): Failure {
  return new Failure("invalid", `cannot create the container: ${reason}`);
}
