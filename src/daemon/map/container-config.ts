import { mergeDefined } from "../../base/defined.ts";
import type { ContainerConfig } from "../../api/types/container-config.ts";
import type { ContainerDetails } from "../../model/containers.ts";
import { formatHealthcheck } from "../../api/container/healthcheck.ts";
import { mergeHealthcheck } from "../../spec/image/healthcheck.ts";
import { spellOutPorts } from "../../spec/port-range.ts";

const nothingSaid: ContainerConfig = {
  Hostname: "",
  Domainname: "",
  User: "",
  AttachStdin: false,
  AttachStdout: false,
  AttachStderr: false,
  Tty: false,
  OpenStdin: false,
  StdinOnce: false,
  Env: [],
  Cmd: null,
  Image: "",
  Volumes: null,
  WorkingDir: "",
  Entrypoint: null,
  OnBuild: null,
  Labels: {},
};

/** `Config` of inspect: what the client sent, completed by the image and by what came into force. */
export function configOf(details: ContainerDetails): ContainerConfig {
  const { spec, process, imageConfig, effective, networkMode } = details;
  const { defaults } = imageConfig;
  const received = (spec.received?.config ?? {}) as ContainerConfig;
  const entrypoint = spec.process?.entrypoint ?? defaults.entrypoint;
  // SPEC: Docker's rule that an entrypoint of one's own drops the image's command.
  const command =
    spec.process?.command ?? (spec.process?.entrypoint === undefined ? defaults.cmd : undefined);
  const check = mergeHealthcheck(spec.lifecycle?.healthcheck, defaults.healthcheck);
  const exposed = [...new Set(details.exposedPorts.flatMap(spellOutPorts))];
  const volumes = [
    ...defaults.volumes,
    ...Object.keys(received.Volumes ?? {}),
    ...(spec.storage?.volumes ?? []),
  ];
  // SPEC: dockerd leaves these out, or shows null, where they are empty.
  const { ExposedPorts: _, Volumes: __, StopSignal: ___, ...sent } = received;
  return mergeDefined<ContainerConfig>(nothingSaid, sent, {
    Hostname: effective.hostname,
    Domainname: effective.domainname,
    User: process.user,
    Tty: spec.process?.terminal ?? false,
    OpenStdin: spec.process?.openStdin ?? false,
    StdinOnce: spec.process?.stdinOnce ?? false,
    MacAddress: details.endpoints.find((end) => end.networkName === networkMode)?.settings.macAddress,
    Env: process.env,
    Cmd: command ?? null,
    Image: spec.image,
    WorkingDir: (spec.process?.workingDirectory || defaults.workingDirectory) && process.workingDirectory,
    Entrypoint: entrypoint === undefined || entrypoint.join("") === "" ? null : entrypoint,
    Labels: details.labels,
    ExposedPorts: exposed.length === 0 ? undefined : Object.fromEntries(exposed.map((port) => [port, {}])),
    Volumes: volumes.length === 0 ? undefined : Object.fromEntries(volumes.map((path) => [path, {}])),
    Healthcheck: check && formatHealthcheck(check),
    // As it was written: `9`, `sigterm`.
    StopSignal: (spec.lifecycle?.stopSignal ?? defaults.stopSignal) || undefined,
  });
}
