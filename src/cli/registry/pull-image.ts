import type { Call } from "../command.ts";
import { displayProgress } from "../format/progress-display.ts";
import type { OutputStream } from "../context.ts";
import { registryAuthFor } from "./find-credentials.ts";

export interface PullSettings {
  /** `linux/arm64`; empty: the daemon's own. */
  readonly platform: string;
  readonly isQuiet: boolean;
  /** `KEY[:PASSPHRASE]` each, for layers that are encrypted. */
  readonly decryptionKeys: readonly string[];
  /** Where progress goes. */
  readonly out: OutputStream;
}

/** Has the daemon pull it, with what the user's configuration knows of its registry, and draws the progress. */
export async function pullImage(call: Call<unknown>, image: string, settings: PullSettings): Promise<void> {
  const { platform, isQuiet, out } = settings;
  const keys = await decryptionKeysOf(settings.decryptionKeys, call.context.cwd);
  const auth = await registryAuthFor(image, call.context.env);
  const client = await call.client();
  const messages = client.images.pull(image, {
    signal: call.signal,
    decryptionKeys: keys,
    ...(auth === undefined ? {} : { auth }),
    ...(platform === "" ? {} : { platform }),
  });
  await displayProgress(messages, out, { isQuiet });
}

/** As readDecryptionKeys(), which is seldom wanted, so not loaded. */
export async function decryptionKeysOf(texts: readonly string[], cwd: string): Promise<readonly string[]> {
  if (texts.length === 0) return [];
  const { readDecryptionKeys } = await import("./encryption-keys.ts");
  return readDecryptionKeys(texts, cwd);
}
