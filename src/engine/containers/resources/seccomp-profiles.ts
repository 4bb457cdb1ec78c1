import { within } from "../../../base/failure.ts";
import { RecentMap } from "../../../base/recent-map.ts";
import { parseSeccompProfile, type SeccompProfile } from "../../../spec/seccomp.ts";
import type { ResolvedContainer } from "../../resolve/container.ts";

/** Profiles by their text: the same object for the same text, so that its program is compiled once. */
export class SeccompProfiles {
  readonly #profiles = new RecentMap<string, SeccompProfile>(32);

  /** Of a container's plan; undefined: no filter. */
  find(planned: ResolvedContainer["seccomp"]): "default" | SeccompProfile | undefined {
    if (planned === "unconfined") return undefined;
    return planned === "default" ? planned : this.get(planned.profile);
  }

  /** Throws "invalid" for a text that is no profile. */
  get(text: string): SeccompProfile {
    return this.#profiles.get(text, () => {
      try {
        return parseSeccompProfile(text);
      } catch (thrown) {
        throw within("cannot use the seccomp profile", thrown);
      }
    });
  }
}
