import { existsSync, writeFileSync } from "node:fs";
import { resolve } from "node:path";
import { Failure, kindOf, sentenceOf } from "../../base/failure.ts";
import type { Client } from "../../client/client.ts";
import { formatYamlDocuments } from "../../spec/yaml.ts";
import type { Command } from "../command.ts";
import { bool, int, string } from "../flags/kinds.ts";
import { type DescribedPod, describePod, type Member } from "./describe-pod.ts";

interface Values {
  readonly filename: string;
  readonly replicas: number | undefined;
  readonly service: boolean;
  readonly type: string;
}

const types = ["pod", "deployment", "daemonset", "job"];

export const kubeGenerate: Command<Values> = {
  usage: "[OPTIONS] CONTAINER|POD|VOLUME...",
  takes: [1, Number.POSITIVE_INFINITY],
  flags: {
    filename: string("Write to this file, which must not be there", { short: "f", isFile: true }),
    replicas: int("Number of pods of a deployment", { short: "r", initialText: "1" }),
    service: bool("Add a Service for the published ports", { short: "s" }),
    type: string("Kind of the object that has the pod", {
      short: "t",
      initial: "pod",
      words: types,
      check: checkType,
    }),
  },
  completes: ["container", "pod", "volume"],
  description: `Prints a file of Kubernetes that "kube play" makes the same containers, pods and volumes of.`,
  examples: [
    "tare kube generate web > web.yaml",
    "tare kube generate --type deployment --service -f web.yaml web",
    "tare kube generate web data",
  ],
  async run(call) {
    const { values, positional, context } = call;
    const { replicas = 1 } = values;
    if (replicas < 1 || (replicas > 1 && values.type !== "deployment"))
      throw new Failure("invalid", "--replicas is for --type deployment, and at least 1");
    const client = await call.client();
    const documents: object[] = [];
    for (const name of positional) {
      const found = await describeName(client, name);
      documents.push(
        ...(found.kind === "volume" ? [claimOf(found.name)] : objectsOf(found.pod, { ...values, replicas })),
      );
      for (const warning of found.kind === "volume" ? [] : found.pod.warnings)
        call.err(`WARNING: ${warning}\n`);
    }
    const text = formatYamlDocuments(documents);
    if (values.filename === "") call.out(text);
    else writeNew(resolve(context.cwd, values.filename), text);
    return 0;
  },
};

function checkType(text: string): string {
  if (types.includes(text)) return text;
  throw new Failure("invalid", `"${text}" is none of ${types.join(", ")}`);
}

type Found =
  | { readonly kind: "volume"; readonly name: string }
  | { readonly kind: "pod"; readonly pod: DescribedPod };

async function describeName(client: Client, name: string): Promise<Found> {
  const pod = await found(client.pods.inspect(name));
  if (pod !== undefined) {
    const others = pod.Containers.filter(({ Id }) => Id !== pod.InfraContainerID);
    const members = await Promise.all(others.map(async ({ Id }) => await memberOf(client, Id)));
    return {
      kind: "pod",
      pod: describePod({ name: pod.Name, pod, members, volumeLabels: await labelsOf(client) }),
    };
  }
  const container = await found(client.containers.inspect(name));
  if (container !== undefined) {
    const member = await memberOf(client, container.Id);
    const plain = container.Name.replace(/^\//, "");
    const facts = { name: `${plain}-pod`, members: [member], volumeLabels: await labelsOf(client) };
    return { kind: "pod", pod: describePod(facts) };
  }
  const volume = await found(client.volumes.inspect(name));
  if (volume !== undefined) return { kind: "volume", name: volume.Name };
  throw new Failure("not-found", `there is no container, pod or volume "${name}"`);
}

async function memberOf(client: Client, id: string): Promise<Member> {
  const container = await client.containers.inspect(id);
  return { container, image: await client.images.inspect(container.Image) };
}

async function labelsOf(client: Client): Promise<ReadonlyMap<string, Readonly<Record<string, string>>>> {
  const { Volumes } = await client.volumes.list();
  return new Map((Volumes ?? []).map(({ Name, Labels }) => [Name, Labels ?? {}]));
}

async function found<T>(finding: Promise<T>): Promise<T | undefined> {
  try {
    return await finding;
  } catch (thrown) {
    if (kindOf(thrown) === "not-found") return undefined;
    throw thrown;
  }
}

/** The claims, the object with the pod, and its Service. */
function objectsOf(
  pod: DescribedPod,
  { type, replicas, service }: Pick<Values, "type" | "service"> & { readonly replicas: number },
): readonly object[] {
  const { metadata, spec, claims, ports } = pod;
  const { name } = metadata;
  const labels = { app: name, ...metadata.labels };
  const template = { metadata: { ...metadata, labels }, spec };
  const selector = { matchLabels: { app: name } };
  const kinds: Readonly<Record<string, () => object>> = {
    pod: () => ({ apiVersion: "v1", kind: "Pod", ...template }),
    deployment: () => ({
      apiVersion: "apps/v1",
      kind: "Deployment",
      metadata: { name, labels },
      spec: { replicas, selector, template },
    }),
    daemonset: () => ({
      apiVersion: "apps/v1",
      kind: "DaemonSet",
      metadata: { name, labels },
      spec: { selector, template },
    }),
    job: () => ({ apiVersion: "batch/v1", kind: "Job", metadata: { name, labels }, spec: { template } }),
  };
  const made = kinds[type]?.();
  const published = ports.map(({ containerPort, protocol = "TCP" }) => ({
    name: String(containerPort),
    port: containerPort,
    targetPort: containerPort,
    protocol,
  }));
  const own = {
    apiVersion: "v1",
    kind: "Service",
    metadata: { name, labels },
    spec: { type: "NodePort", selector: { app: name }, ports: published },
  };
  return [...claims.map(claimOf), ...(made === undefined ? [] : [made]), ...(service ? [own] : [])];
}

function claimOf(name: string): object {
  return {
    apiVersion: "v1",
    kind: "PersistentVolumeClaim",
    metadata: { name },
    spec: { accessModes: ["ReadWriteOnce"], resources: { requests: { storage: "1Gi" } } },
  };
}

function writeNew(path: string, text: string): void {
  try {
    writeFileSync(path, text, { flag: "wx" });
  } catch (thrown) {
    if (!existsSync(path)) throw new Failure("invalid", `cannot write ${path}: ${sentenceOf(thrown)}`);
    throw new Failure("conflict", `cannot write ${path}: there is such a file`);
  }
}
