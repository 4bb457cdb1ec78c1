import { within } from "../../base/failure.ts";
import { parseSeccompProfile, type SeccompProfile } from "../../spec/seccomp.ts";

/** Beyond this the oldest is forgotten, and read again when it comes back. */
const MOST_KEPT = 32;

/** Profiles by their text: the same object for the same text, so that its program is compiled once. */
export class SeccompProfiles {
  readonly #profiles = new Map<string, SeccompProfile>();

  /** Throws "invalid" for a text that is no profile. */
  get(text: string): SeccompProfile {
    let profile = this.#profiles.get(text);
    if (profile === undefined) {
      try {
        profile = parseSeccompProfile(text);
      } catch (thrown) {
        throw within("cannot use the seccomp profile", thrown);
      }
      const [oldest] = this.#profiles.keys();
      if (this.#profiles.size >= MOST_KEPT) this.#profiles.delete(oldest as string);
      this.#profiles.set(text, profile);
    }
    return profile;
  }
}
