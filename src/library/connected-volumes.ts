import { Failure } from "../base/failure.ts";
import type { Client } from "../client/client.ts";
import type { VolumeDetails, Volumes, VolumeSpec, VolumeUsage } from "../model/volumes.ts";
import { volumeDetailsOf, volumeUsageOf } from "./usage-reply.ts";

type Filters = Readonly<Record<string, readonly string[]>>;

/** The volumes of an engine behind a socket. */
export class ConnectedVolumes implements Volumes {
  readonly #client: Client;

  constructor(client: Client) {
    this.#client = client;
  }

  async create({ name, driver, options, labels }: VolumeSpec = {}): Promise<VolumeDetails> {
    const made = await this.#client.volumes.create({
      Name: name,
      Driver: driver,
      DriverOpts: options,
      Labels: labels,
    });
    return volumeDetailsOf(made);
  }

  async list({
    filters,
  }: {
    readonly filters?: Filters | undefined;
  } = {}): Promise<readonly VolumeDetails[]> {
    return (await this.#client.volumes.list(filters)).Volumes.map(volumeDetailsOf);
  }

  async inspect(name: string): Promise<VolumeDetails> {
    return volumeDetailsOf(await this.#client.volumes.inspect(name));
  }

  remove(name: string, options: { readonly force?: boolean | undefined } = {}): Promise<void> {
    return this.#client.volumes.remove(name, options);
  }

  async prune({
    all = false,
    filters = {},
  }: {
    readonly all?: boolean | undefined;
    readonly filters?: Filters | undefined;
  } = {}): Promise<{
    readonly removed: readonly string[];
    readonly freedBytes: number;
  }> {
    const reply = await this.#client.volumes.prune(all ? { ...filters, all: ["true"] } : filters);
    return { removed: reply.VolumesDeleted ?? [], freedBytes: reply.SpaceReclaimed };
  }

  async usage(
    name: string,
    { signal }: { readonly signal?: AbortSignal | undefined } = {},
  ): Promise<VolumeUsage> {
    const [{ Volumes: volumes }, containers] = await Promise.all([
      this.#client.system.usage({ types: ["volume"], signal }),
      this.#client.containers.list({ all: true, filters: { volume: [name] }, signal }),
    ]);
    const found = volumes?.find((volume) => volume.Name === name);
    if (found === undefined) throw new Failure("not-found", `cannot find volume "${name}"`);
    return volumeUsageOf(found, containers);
  }
}
