import { adaptCreateRequest, warningsOfVersion } from "../../api/container/adapt-request.ts";
import { applyRecordedDefaults, applyUnrecordedDefaults, type CreateDefaults } from "../create-defaults.ts";
import { parseContainerSpec } from "../../api/container/parse-spec.ts";
import { parseCreateRequest } from "../../api/container/create-request.ts";
import type { ApiVersion } from "../../api/http/version.ts";
import type { ContainerCreateResponse } from "../../api/types/container.ts";
import { noSuchContainer, noSuchImage } from "../../api/docker-errors.ts";
import { Failure, isFailure } from "../../base/failure.ts";
import type { Engine } from "../../model/engine.ts";
import type { ContainerSpec } from "../../model/container-spec.ts";
import type { CreateOptions } from "../../model/containers.ts";
import { formatPlatform, parsePlatform } from "../../spec/platform.ts";
import { describeOtherPlatform } from "../map/other-platform.ts";

/** Of the body of `POST /containers/create`. What is not found is named as Docker names it. */
export async function createContainer(
  engine: Engine,
  body: unknown,
  {
    name,
    platform,
    version,
    startsNext = false,
    defaults,
  }: CreateOptions & {
    readonly name: string | undefined;
    readonly platform?: string | undefined;
    readonly version: ApiVersion;
    /** Of the daemon's configuration. */
    readonly defaults: CreateDefaults;
  },
): Promise<ContainerCreateResponse> {
  const received = parseCreateRequest(body);
  const isCgroupV1 = version < 1041 && (await engine.info()).cgroups.controllers["memory"] === "v1";
  const request = applyRecordedDefaults(adaptCreateRequest(received, { version, isCgroupV1 }), defaults);
  const spec: ContainerSpec = applyUnrecordedDefaults(parseContainerSpec(request, name), defaults);
  await requirePlatform(engine, spec.image, platform);
  const { id, warnings } = await engine.containers.create(spec, { startsNext }).catch((thrown: unknown) => {
    throw toDockerCreateFailure(thrown, spec);
  });
  return { Id: id, Warnings: [...warnings, ...warningsOfVersion(request, version)] };
}

async function requirePlatform(engine: Engine, image: string, platform: string | undefined): Promise<void> {
  if (platform === undefined) return;
  parsePlatform(platform); // a wrong one is refused before the image is looked for
  const found = await engine.images.inspect(image).catch((thrown: unknown) => {
    throw toDockerCreateFailure(thrown, { image });
  });
  const mismatch = describeOtherPlatform(found, { image, platform });
  if (mismatch !== undefined)
    throw new Failure("not-found", mismatch, {
      details: { image, platform: formatPlatform(parsePlatform(platform)) },
    });
}

/** "Not found" of a create request means its image, unless the failure names another object. */
function toDockerCreateFailure(thrown: unknown, { image }: { readonly image: string }): unknown {
  if (isFailure(thrown, "invalid")) {
    const { container } = thrown.details;
    const words = { cause: thrown, details: thrown.details };
    return container === undefined ? thrown : new Failure("invalid", noSuchContainer(container), words);
  }
  if (!isFailure(thrown, "not-found")) return thrown;
  const { driver, secret, pod, image: missing = image } = thrown.details; // of the container or of a mount
  if ([driver, secret, pod].some((named) => named !== undefined)) return thrown;
  const details = { ...thrown.details, image: missing };
  return new Failure("not-found", noSuchImage(missing), { cause: thrown, details });
}
