import { formatFamiliar, parseReference, withDefaultTag } from "../../spec/reference.ts";
import type { Command } from "../command.ts";
import { optionFailure } from "../flags/flag.ts";
import { platformFlag, platformOf } from "../flags/platform.ts";
import { bool } from "../flags/kinds.ts";
import type { RegistryAccess } from "../registry/pull-image.ts";
import { authfileFlag, tlsVerifyFlag } from "../flags/registry-access.ts";
import { decryptionKeyFlag } from "../flags/decryption-key.ts";

interface Values extends RegistryAccess {
  readonly "all-tags": boolean;
  readonly "decryption-key": readonly string[];
  readonly "disable-content-trust": boolean;
  readonly platform: string;
  readonly quiet: boolean;
}

export const pull: Command<Values> = {
  usage: "[OPTIONS] NAME[:TAG|@DIGEST]",
  takes: [1, 1],
  flags: {
    "all-tags": bool("Download all tagged images in the repository", { short: "a" }),
    authfile: authfileFlag,
    "decryption-key": decryptionKeyFlag,
    "disable-content-trust": bool("Skip image verification", { initial: true, isHidden: true }),
    platform: platformFlag("Set platform if server is multi-platform capable"),
    quiet: bool("Suppress verbose output", { short: "q" }),
    "tls-verify": tlsVerifyFlag,
  },
  completes: ["image"],
  description:
    "Credentials come from ~/.docker/config.json, or the helper that it names. What was downloaded before a pull broke off is not downloaded again.",
  examples: [
    "tare pull --decryption-key key.pem localhost:5000/secret",
    "tare pull debian:trixie",
    "tare pull --platform linux/arm64 ghcr.io/acme/app@sha256:…",
  ],
  async run(call) {
    const { values, positional, context } = call;
    const [image = ""] = positional;
    const parsed = parseReference(image);
    const { pullImage } = await import("../registry/pull-image.ts");
    const settings = {
      platform: platformOf(call),
      isQuiet: values.quiet,
      out: context.stdout,
      decryptionKeys: values["decryption-key"],
      access: values,
    };
    if (values["all-tags"]) {
      if (parsed.tag !== undefined || parsed.digest !== undefined) {
        throw optionFailure("tag can't be used with --all-tags/-a");
      }
      await pullImage(call, formatFamiliar(parsed), settings);
      call.out(`${parsed.domain}/${parsed.path}\n`);
      return 0;
    }
    const reference = withDefaultTag(parsed);
    if (parsed !== reference && !values.quiet) call.out("Using default tag: latest\n");
    // As it was typed: a name without a registry may stand for others.
    const name = parsed === reference ? image : `${image}:latest`;
    await pullImage(call, name, settings);
    const whole = `${reference.domain}/${reference.path}${reference.digest === undefined ? `:${reference.tag}` : `@${reference.digest}`}`;
    call.out(`${whole}\n`);
    return 0;
  },
};
