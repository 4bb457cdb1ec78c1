import { Failure } from "../../base/failure.ts";
import { layerCompressions, parseLayerCompression } from "../../spec/image/layer-compression.ts";
import { formatFamiliar, parseReference, repositoryOf, withDefaultTag } from "../../spec/reference.ts";
import type { Command } from "../command.ts";
import { optionFailure } from "../flags/flag.ts";
import { bool, list, string } from "../flags/kinds.ts";
import type { RegistryAccess } from "../registry/pull-image.ts";
import { authfileFlag, tlsVerifyFlag } from "../flags/registry-access.ts";
import { platformFlag } from "../flags/platform.ts";
import { displayProgress } from "../format/progress-display.ts";

interface Values extends RegistryAccess {
  readonly "all-tags": boolean;
  readonly "compression-format": string;
  readonly "disable-content-trust": boolean;
  readonly "encrypt-layer": readonly string[];
  readonly "encryption-key": readonly string[];
  readonly platform: string;
  readonly quiet: boolean;
}

export const push: Command<Values> = {
  usage: "[OPTIONS] NAME[:TAG]",
  takes: [1, 1],
  flags: {
    "all-tags": bool("Push all tags of an image to the repository", { short: "a" }),
    authfile: authfileFlag,
    "compression-format": string(
      "Compress layers that are not compressed by gzip (default) or zstd (not in Docker)",
      {
        check: (text) => parseLayerCompression(text),
        words: layerCompressions,
      },
    ),
    "disable-content-trust": bool("Skip image signing", { initial: true, isHidden: true }),
    "encrypt-layer": list("Layer to encrypt: 0 is the first, -1 the last (default all) (not in Docker)", {
      check: checkLayer,
    }),
    "encryption-key": list("Encrypt layers with this public key, jwe:FILE (not in Docker)", {
      words: ["jwe:"],
    }),
    platform: platformFlag("Push a platform-specific manifest as a single-platform image"),
    quiet: bool("Suppress verbose output", { short: "q" }),
    "tls-verify": tlsVerifyFlag,
  },
  completes: ["image"],
  description:
    "Only what the registry lacks is sent; what another of its repositories has is taken from there. Layers that are not compressed are compressed once, and the result is kept.",
  examples: [
    "tare push --compression-format zstd localhost:5000/app:1",
    "tare push --encryption-key jwe:public.pem localhost:5000/app:1",
    "tare tag app localhost:5000/app:1",
    "tare push localhost:5000/app:1",
  ],
  async run(call) {
    const { values, positional, context, signal } = call;
    const [image = ""] = positional;
    const parsed = parseReference(image);
    if (parsed.digest !== undefined) {
      throw new Failure("invalid", "cannot push a digest reference: name the image by a tag");
    }
    const { "all-tags": isAll, platform, quiet: isQuiet } = values;
    if (isAll && parsed.tag !== undefined) throw optionFailure("tag can't be used with --all-tags/-a");
    const reference = isAll ? parsed : withDefaultTag(parsed);
    if (reference !== parsed && !isQuiet) call.out("Using default tag: latest\n");
    const keys = await readKeys(values["encryption-key"], context.cwd);
    if (keys.length === 0 && values["encrypt-layer"].length > 0) {
      throw optionFailure("--encrypt-layer needs an --encryption-key");
    }
    const { registryAuthFor } = await import("../registry/find-credentials.ts");
    const auth = await registryAuthFor(image, {
      env: context.env,
      cwd: context.cwd,
      authFile: values.authfile,
    });
    const client = await call.client();
    const name = formatFamiliar(repositoryOf(reference));
    const messages = client.images.push(name, {
      tag: reference.tag,
      auth,
      signal,
      encryptionKeys: keys,
      insecure: !values["tls-verify"],
      compression: values["compression-format"] || undefined,
      encryptLayers: values["encrypt-layer"].map(Number),
      platform: platform || undefined,
    });
    await displayProgress(messages, context.stdout, { isQuiet });
    const suffix = reference.tag === undefined ? "" : `:${reference.tag}`;
    if (isQuiet) call.out(`${reference.domain}/${reference.path}${suffix}\n`);
    return 0;
  },
};

function checkLayer(text: string): string {
  if (/^-?\d{1,4}$/.test(text)) return text;
  throw new Failure("invalid", "want a whole number");
}

/** Seldom wanted, so not loaded. */
async function readKeys(texts: readonly string[], cwd: string): Promise<readonly string[]> {
  if (texts.length === 0) return [];
  const { readEncryptionKeys } = await import("../registry/encryption-keys.ts");
  return readEncryptionKeys(texts, cwd);
}
