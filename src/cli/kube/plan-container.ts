import type { ContainerCreateRequest } from "../../api/types/container.ts";
import type { HostConfig, TareHostConfig } from "../../api/types/host-config.ts";
import { Failure } from "../../base/failure.ts";
import type { FieldReader } from "../../spec/kube/field-reader.ts";
import type { PodManifest } from "../../spec/kube/manifest.ts";
import { parseQuantity } from "../../spec/kube/quantity.ts";
import { expandVariables, planEnvironment, type Sources } from "./plan-environment.ts";
import { planMounts, type PodVolumes } from "./plan-mounts.ts";
import { planProbe } from "./plan-probe.ts";
import { planSecurity, type PodSecurity } from "./plan-security.ts";

export interface ContainerPlan {
  readonly name: string;
  readonly request: ContainerCreateRequest;
  readonly image: string;
  readonly pull: "always" | "missing" | "never";
  /** It must not run as root: the image's user decides, where the request has none. */
  readonly refusesRoot: boolean;
}

/** What the pod's settings mean for each of its containers. */
export interface PodContext {
  readonly pod: PodManifest;
  readonly sources: Sources;
  readonly volumes: PodVolumes;
  readonly security: PodSecurity;
  readonly restart: "always" | "on-failure" | "no";
  /** Seconds. */
  readonly grace?: number | undefined;
  readonly deadline?: number | undefined;
  readonly logConfig?: HostConfig["LogConfig"];
  readonly seccompRoot: string;
  /** Reads a seccomp profile. */
  readonly readFile: (path: string) => string;
}

/** `isInit`: it runs to its end before the others start. */
export function planContainer(
  container: FieldReader,
  context: PodContext,
  { isInit }: { readonly isInit: boolean },
): ContainerPlan {
  const { pod, restart, grace, deadline } = context;
  const name = container.required("name");
  const image = container.required("image");
  const { env, secrets, known } = planEnvironment(container, context);
  const mounts = planMounts(container, { volumes: context.volumes, known });
  const security = planSecurity(container, context);
  const limits = planResources(container);
  const expand = (words: readonly string[] | undefined): readonly string[] | undefined =>
    words?.map((word) => expandVariables(word, known));
  const command = expand(container.texts("command"));
  const args = expand(container.texts("args"));
  const probe = container.object("livenessProbe");
  const hasInput = container.boolean("stdin") ?? false;
  const tare: TareHostConfig = {
    Pod: pod.name,
    ...limits.tare,
    ...(secrets.length + mounts.secrets.length === 0 ? {} : { Secrets: [...secrets, ...mounts.secrets] }),
    ...(isInit ? { InitContainer: "always" } : {}),
    // A container that fails its probe is started again, as kubelet does it.
    ...(probe === undefined || isInit ? {} : { HealthOnFailure: restart === "no" ? "kill" : "restart" }),
    ...(deadline === undefined || isInit ? {} : { TimeoutSeconds: deadline }),
  };
  container.skip("terminationMessagePath", "terminationMessagePolicy", "resizePolicy");
  return {
    name: `${pod.name}-${name}`,
    image,
    pull: pullOf(container),
    refusesRoot: security.refusesRoot,
    request: {
      Image: image,
      ...(command === undefined ? {} : { Entrypoint: command }),
      ...(args === undefined ? {} : { Cmd: args }),
      Env: env,
      ...(security.user === undefined ? {} : { User: security.user }),
      WorkingDir: container.text("workingDir") ?? "",
      Tty: container.boolean("tty") ?? false,
      OpenStdin: hasInput,
      StdinOnce: container.boolean("stdinOnce") ?? false,
      Labels: pod.labels,
      ...(probe === undefined ? {} : { Healthcheck: planProbe(probe, portsOf(container)) }),
      ...(grace === undefined ? {} : { StopTimeout: grace }),
      HostConfig: {
        ...limits.host,
        ...security.host,
        Mounts: mounts.mounts,
        ...(mounts.devices.length === 0 ? {} : { Devices: mounts.devices }),
        ...(context.logConfig === undefined ? {} : { LogConfig: context.logConfig }),
        Annotations: pod.annotations,
        RestartPolicy: { Name: isInit ? "no" : restart },
        Tare: tare,
      },
    },
  };
}

/** As podman, an image that is there is enough where nothing is said, also `latest`: it may have been built here. */
function pullOf(container: FieldReader): ContainerPlan["pull"] {
  const policy = container.word("imagePullPolicy", ["Always", "IfNotPresent", "Never"]);
  if (policy === "Never") return "never";
  return policy === "Always" ? "always" : "missing";
}

/** The numbers of the ports that have names. */
function portsOf(container: FieldReader): ReadonlyMap<string, number> {
  const named = container.objects("ports").flatMap((port): readonly (readonly [string, number])[] => {
    const [name, number] = [port.text("name"), port.integer("containerPort")];
    return name === undefined || number === undefined ? [] : [[name, number]];
  });
  return new Map(named);
}

interface PlannedResources {
  readonly host: HostConfig;
  readonly tare: TareHostConfig;
}

/** SPEC: Kubernetes: a request of CPU is a weight, its limit a quota. */
function planResources(container: FieldReader): PlannedResources {
  const resources = container.object("resources");
  if (resources === undefined) return { host: {}, tare: {} };
  const limits = resources.map("limits", { takesNumbers: true });
  const requests = resources.map("requests", { takesNumbers: true });
  resources.skip("claims");
  const amount = (group: "limits" | "requests", name: string): number | undefined => {
    const text = (group === "limits" ? limits : requests)[name];
    return text === undefined ? undefined : parseQuantity(text, `${resources.path}.${group}.${name}`);
  };
  const known = /^(cpu|memory|ephemeral-storage|hugepages-\d+[KMG]i)$/;
  const unknown = Object.keys(limits).find((name) => !known.test(name));
  if (unknown !== undefined)
    throw resources.refused(`limits.${unknown}`, "is not a resource of this machine");
  const [memory, cpus] = [amount("limits", "memory"), amount("limits", "cpu")];
  const [reservation, weight] = [amount("requests", "memory"), amount("requests", "cpu")];
  const pages = Object.entries(limits).flatMap(([name, text]): readonly (readonly [string, string])[] => {
    const [, size] = /^hugepages-(\d+[KMG])i$/.exec(name) ?? [];
    return size === undefined
      ? []
      : [[`${size}B`, String(parseQuantity(text, `${resources.path}.limits.${name}`))]];
  });
  if (reservation !== undefined && memory !== undefined && reservation > memory) {
    throw resources.refused("requests.memory", "is more than the limit");
  }
  return {
    host: {
      ...(memory === undefined ? {} : { Memory: Math.ceil(memory) }),
      ...(cpus === undefined ? {} : { NanoCpus: Math.round(cpus * 1e9) }),
      ...(reservation === undefined ? {} : { MemoryReservation: Math.ceil(reservation) }),
      ...(weight === undefined ? {} : { CpuShares: Math.max(2, Math.round(weight * 1024)) }),
    },
    tare: pages.length === 0 ? {} : { HugePageLimits: Object.fromEntries(pages) },
  };
}

/** Throws for an image that would run as root where the pod forbids that. `imageUser`: of its configuration. */
export function checkUser({ name, request, refusesRoot }: ContainerPlan, imageUser: string): void {
  if (!refusesRoot) return;
  const [user = ""] = ((request.User ?? "") === "" ? imageUser : (request.User ?? "")).split(":");
  if (user !== "" && user !== "root" && user !== "0") return;
  throw new Failure(
    "invalid",
    `container ${name} must not run as root (runAsNonRoot), and its image has no other user: set runAsUser`,
  );
}
