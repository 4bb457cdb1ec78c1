import type { VolumeCreateRequest } from "../../api/types/volume.ts";
import { kindOf } from "../../base/failure.ts";
import type { Client } from "../../client/client.ts";
import type { ConfigManifest, Manifest } from "../../spec/kube/manifest.ts";
import { podVolumeLabel } from "./plan-mounts.ts";
import { secretNameOf } from "./plan-environment.ts";

/** The label of a key's secret; its value is the name of the Secret or ConfigMap. */
const labels = { secret: "io.tare.kube.secret", configmap: "io.tare.kube.configmap" } as const;
type ConfigKind = keyof typeof labels;

/** Makes, or replaces, the engine's secrets of an object: one for each key that is not empty. Returns their names. */
export async function storeConfig(
  client: Client,
  kind: ConfigKind,
  { name, entries }: ConfigManifest,
): Promise<readonly string[]> {
  const made: string[] = [];
  for (const [key, value] of entries) {
    if (value.length === 0) continue;
    const secret = secretNameOf(kind, name, key);
    await client.secrets.create({
      Name: secret,
      Labels: { [labels[kind]]: name },
      Data: Buffer.from(value).toString("base64"),
      Replace: true,
    });
    made.push(secret);
  }
  return made;
}

/** The keys of the Secrets that the engine has, by their names. */
export async function findSecrets(client: Client): Promise<Map<string, readonly string[]>> {
  const found = new Map<string, readonly string[]>();
  for (const { Spec } of await client.secrets.list({ label: [labels.secret] })) {
    const name = Spec.Labels[labels.secret] ?? "";
    found.set(name, [...(found.get(name) ?? []), Spec.Name.slice(name.length + 1)]);
  }
  return found;
}

/** Removes what storeConfig() has made of the objects of a file. Returns their names. */
export async function removeConfigs(
  client: Client,
  { secrets, configMaps }: Manifest,
): Promise<readonly string[]> {
  const names = { secret: secrets, configmap: configMaps };
  const removed: string[] = [];
  for (const kind of ["secret", "configmap"] as const) {
    for (const { name } of names[kind]) {
      const found = await client.secrets.list({ label: [`${labels[kind]}=${name}`] });
      for (const { Spec } of found)
        if (await isRemoved(client.secrets.remove(Spec.Name))) removed.push(Spec.Name);
    }
  }
  return removed;
}

/** Removes a pod with its containers and the volumes that live as long as it. False: there was none. */
export async function removePod(client: Client, name: string): Promise<boolean> {
  const wasThere = await isRemoved(client.pods.remove(name, { force: true }));
  const { Volumes } = await client.volumes.list({ label: [`${podVolumeLabel}=${name}`] });
  for (const volume of Volumes ?? []) await isRemoved(client.volumes.remove(volume.Name));
  return wasThere;
}

/** Makes a volume that may be there already. */
export async function makeVolume(client: Client, request: VolumeCreateRequest): Promise<string> {
  return (await client.volumes.create(request)).Name;
}

/** Fine for what is not there: then false. */
export async function isRemoved(removing: Promise<unknown>): Promise<boolean> {
  try {
    await removing;
    return true;
  } catch (thrown) {
    if (kindOf(thrown) === "not-found") return false;
    throw thrown;
  }
}
