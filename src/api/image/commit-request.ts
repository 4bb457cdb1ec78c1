import { defined } from "../../base/defined.ts";
import { configSchemas } from "../container/create-schemas.ts";
import { readFields } from "../http/field-schemas.ts";
import type { CommittedConfig } from "../../model/commits.ts";
import type { ContainerConfig } from "../types/container-config.ts";

/**
 * The body of `POST /commit`: a container's configuration, of which an image uses the applicable fields. As in Docker,
 * an empty field changes nothing. Throws Failure("invalid") naming the wrong field.
 */
export function parseCommitConfig(body: unknown): CommittedConfig {
  const config = readFields(body ?? {}, configSchemas, "");
  const fields = {
    user: config.User,
    env: config.Env,
    entrypoint: config.Entrypoint,
    cmd: config.Cmd,
    workingDirectory: config.WorkingDir,
    labels: config.Labels,
    exposedPorts: Object.keys(config.ExposedPorts ?? {}),
    volumes: Object.keys(config.Volumes ?? {}),
    stopSignal: config.StopSignal,
    onBuild: config.OnBuild,
    shell: config.Shell,
  };
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => !isEmpty(value)));
}

function isEmpty(value: string | object | null | undefined): boolean {
  return value === undefined || value === null || Object.keys(value).length === 0;
}

/** The way back: the body for what is set; undefined where that is nothing. */
export function formatCommitConfig(config: CommittedConfig): ContainerConfig | undefined {
  const { exposedPorts, volumes } = config;
  const fields = defined<ContainerConfig>({
    User: config.user,
    Env: config.env,
    Entrypoint: config.entrypoint,
    Cmd: config.cmd,
    WorkingDir: config.workingDirectory,
    Labels: config.labels,
    ExposedPorts: exposedPorts && setOf(exposedPorts),
    Volumes: volumes && setOf(volumes),
    StopSignal: config.stopSignal,
    OnBuild: config.onBuild,
    Shell: config.shell,
  });
  return Object.keys(fields).length === 0 ? undefined : fields;
}

function setOf(names: readonly string[]): Readonly<Record<string, object>> {
  return Object.fromEntries(names.map((name) => [name, {}]));
}
