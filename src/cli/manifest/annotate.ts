import type { Command } from "../command.ts";
import { list, string } from "../flags/kinds.ts";

interface Values {
  readonly arch: string;
  readonly os: string;
  readonly "os-features": readonly string[];
  readonly "os-version": string;
  readonly variant: string;
}

export const manifestAnnotate: Command<Values> = {
  usage: "[OPTIONS] MANIFEST_LIST MANIFEST",
  takes: [2, 2],
  flags: {
    arch: string("Set architecture"),
    os: string("Set operating system"),
    "os-features": { ...list("Set operating system feature"), type: "strings" },
    "os-version": string("Set operating system version"),
    variant: string("Set architecture variant"),
  },
  completes: ["image"],
  examples: [
    "tare manifest annotate --arch arm --variant v7 localhost:5000/app:1 localhost:5000/app:1-armhf",
  ],
  async run(call) {
    const { values, given, positional } = call;
    const [name = "", manifest = ""] = positional;
    const client = await call.client();
    await client.manifests.annotate(name, {
      Manifest: manifest,
      ...(given.has("os") ? { Os: values.os } : {}),
      ...(given.has("arch") ? { Architecture: values.arch } : {}),
      ...(given.has("variant") ? { Variant: values.variant } : {}),
      ...(given.has("os-version") ? { OsVersion: values["os-version"] } : {}),
      ...(given.has("os-features")
        ? { OsFeatures: values["os-features"].flatMap((features) => features.split(",")) }
        : {}),
    });
    return 0;
  },
};
