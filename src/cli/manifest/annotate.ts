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
      Os: given.has("os") ? values.os : undefined,
      Architecture: given.has("arch") ? values.arch : undefined,
      Variant: given.has("variant") ? values.variant : undefined,
      OsVersion: given.has("os-version") ? values["os-version"] : undefined,
      OsFeatures: given.has("os-features")
        ? values["os-features"].flatMap((features) => features.split(","))
        : undefined,
    });
    return 0;
  },
};
