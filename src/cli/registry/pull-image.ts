import type { Call } from "../command.ts";
import { displayProgress } from "../format/progress-display.ts";
import type { OutputStream } from "../context.ts";
import { registryAuthFor } from "./find-credentials.ts";

/** How registries are talked to: `--authfile` and `--tls-verify`. */
export interface RegistryAccess {
  readonly authfile: string;
  readonly "tls-verify": boolean;
}

export interface PullSettings {
  /** `linux/arm64`; empty: the daemon's own. */
  readonly platform: string;
  readonly isQuiet: boolean;
  /** `KEY[:PASSPHRASE]` each, for layers that are encrypted. */
  readonly decryptionKeys: readonly string[];
  readonly access: RegistryAccess;
  /** Where progress goes. */
  readonly out: OutputStream;
}

/** Lets the daemon pull it, with the user's credentials for its registry, and draws the progress. */
export async function pullImage(call: Call<unknown>, image: string, settings: PullSettings): Promise<void> {
  const { platform, isQuiet, out } = settings;
  const keys = await decryptionKeysOf(settings.decryptionKeys, call.context.cwd);
  const { env, cwd } = call.context;
  const { authfile, "tls-verify": verifiesTls } = settings.access;
  const auth = await registryAuthFor(image, { env, cwd, authFile: authfile });
  const client = await call.client();
  const messages = client.images.pull(image, {
    signal: call.signal,
    decryptionKeys: keys,
    insecure: !verifiesTls,
    auth,
    platform: platform || undefined,
  });
  await displayProgress(messages, out, { isQuiet });
}

/** As readDecryptionKeys(), which is seldom wanted, so not loaded. */
export async function decryptionKeysOf(texts: readonly string[], cwd: string): Promise<readonly string[]> {
  if (texts.length === 0) return [];
  const { readDecryptionKeys } = await import("./encryption-keys.ts");
  return readDecryptionKeys(texts, cwd);
}
