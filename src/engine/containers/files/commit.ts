import { mergeDefined } from "../../../base/defined.ts";
import { canceled } from "../../../base/deadline.ts";
import { Failure } from "../../../base/failure.ts";
import { fault } from "../../../base/fault.ts";
import { commitLayer } from "../../../image/commit.ts";
import { stageInWorker } from "../../../image/stage-in-worker.ts";
import { applyConfigChanges } from "../../../spec/image/config-changes.ts";
import type { ImageDefaults } from "../../../spec/image/config.ts";
import { spellOutPorts } from "../../../spec/port-range.ts";
import { parseNewName } from "../../images/parse-new-name.ts";
import { StoringSink } from "../../images/load-sink.ts";
import { exposedPortsOf } from "../../networks/exposed-ports.ts";
import { mergeHealthcheck } from "../../../spec/image/healthcheck.ts";
import { mergeCommitted } from "../../resolve/committed-config.ts";
import { mergeEnvironment } from "../../resolve/environment.ts";
import type { ContainerRecord } from "../../state/records.ts";
import type { CommitSettings } from "../../../model/commits.ts";
import type { ContainerReference } from "../../../model/ids.ts";
import { cgroupOf, type ContainerContext } from "../../context.ts";
import { containerEvent } from "../../describe-event.ts";
import { getContainer } from "../../find-container.ts";

/** The container's image, and what it has changed as one more layer, as a new image. Returns its id. */
export async function commitContainer(
  context: ContainerContext,
  reference: ContainerReference,
  settings: CommitSettings = {},
): Promise<string> {
  const { author = "", message = "", changes = [], config = {}, pause = true } = settings;
  const found = getContainer(context.state, reference);
  const signal =
    settings.signal === undefined ? context.closing : AbortSignal.any([context.closing, settings.signal]);
  const references = settings.reference === undefined ? [] : [parseNewName(settings.reference)];
  const defaults = applyConfigChanges(mergeCommitted(defaultsOf(found), config), changes);
  using pinned = await context.pinImage(found.imageId);
  const baseManifest = pinned.record.blobs[1];
  if (baseManifest === undefined) throw new Failure("internal", "cannot commit: the image has no manifest");
  const { content: store, storage } = context.dependencies;
  const sink = new StoringSink(context.state, { storage, action: "create" });
  const tar = packUpper(context, found, { pause, signal });
  try {
    await using layer = await stageInWorker(tar, { store, inflates: false, signal });
    const created = new Date().toISOString();
    const about = {
      created,
      author: author || undefined,
      comment: message || undefined,
    };
    const base = pinned.record.config;
    const createdBy = [...(defaults.entrypoint ?? []), ...(defaults.cmd ?? [])].join(" ");
    const id = await commitLayer(layer, {
      store,
      sink,
      parent: pinned.record.id,
      baseManifest,
      config: {
        platform: base.platform,
        ...about,
        defaults,
        diffIds: base.diffIds,
        history: [...base.history, { ...about, createdBy, emptyLayer: false }],
      },
      references,
      signal,
    });
    const attributes = { comment: message, imageID: id, imageRef: settings.reference ?? "" };
    context.state.events.record(containerEvent(found, "commit", attributes));
    return id;
  } catch (thrown) {
    await tar.return();
    context.collectGarbage();
    throw signal.aborted ? canceled(signal, `commit ${found.name}`) : thrown;
  }
}

/**
 * Packs the container's changes as an image's layer; while it reads, the container neither starts nor ends nor (with
 * `pause`) runs.
 */
async function* packUpper(
  context: ContainerContext,
  { id, idMaps, spec }: ContainerRecord,
  { pause, signal }: { readonly pause: boolean; readonly signal: AbortSignal },
): AsyncGenerator<Uint8Array, void> {
  const options = { signal, idMaps };
  using _ = await context.locks.acquire(id, { signal });
  const { state } = getContainer(context.state, id);
  const cgroup = cgroupOf(context, { id, spec });
  const freezes =
    spec.resources?.cgroups !== "disabled" && pause && state.status === "running" && context.live.has(id);
  using _execs = freezes ? await context.execs.hold(id) : undefined;
  if (!freezes) return yield* context.dependencies.storage.packChanges(id, options);
  const intent = context.state.beginIntent({ kind: "freeze", containerId: id });
  fault("commit.intended");
  try {
    await cgroup.freeze();
    fault("commit.frozen");
    yield* context.dependencies.storage.packChanges(id, options);
    fault("commit.packed");
  } finally {
    cgroup.thaw();
    context.state.endIntent(intent);
  }
}

/** The defaults of the new image: the settings with which this container was started. */
function defaultsOf({ spec, imageConfig }: ContainerRecord): ImageDefaults {
  const image = imageConfig.defaults;
  const entrypoint = spec.process?.entrypoint ?? image.entrypoint;
  const cmd = spec.process?.command ?? (spec.process?.entrypoint === undefined ? image.cmd : []);
  return mergeDefined(image, {
    env: mergeEnvironment(spec.process?.env ?? [], image.env).filter((entry) => entry.includes("=")),
    labels: { ...image.labels, ...spec.labels },
    // SPEC: OCI image config, ExposedPorts: each port by itself.
    exposedPorts: [...new Set([...image.exposedPorts, ...exposedPortsOf(spec, []).flatMap(spellOutPorts)])],
    entrypoint,
    cmd,
    user: spec.process?.user,
    workingDirectory: spec.process?.workingDirectory,
    stopSignal: spec.lifecycle?.stopSignal,
    healthcheck: mergeHealthcheck(spec.lifecycle?.healthcheck, image.healthcheck),
  });
}
