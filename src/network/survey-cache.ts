import { forwardChainsOf } from "./find-forwarding-faults.ts";
import type { OpenedHost } from "./opened-host.ts";
import { type HostSurvey, surveyHost } from "./policy/survey-host.ts";

/** A survey of the host's firewall is used again for this time. */
const SURVEY_MS = 100;
const SHORT_SURVEY_MS = 5;

/** The last survey of the host's firewall: a list of many containers asks once for each of them. */
export class SurveyCache {
  readonly #open: () => Pick<OpenedHost, "host" | "netfilter" | "firewall">;
  #last:
    | { readonly at: number; readonly tookMs: number; readonly changes: number; readonly survey: HostSurvey }
    | undefined;

  constructor(open: () => Pick<OpenedHost, "host" | "netfilter" | "firewall">) {
    this.#open = open;
  }

  get(): HostSurvey {
    const { host, netfilter, firewall } = this.#open();
    const [at, changes, last] = [performance.now(), firewall.foreignChanges, this.#last];
    if (last?.changes === changes && at - last.at <= SURVEY_MS) return last.survey;
    const survey = surveyHost({ route: host.route, netfilter });
    this.#last = { at, tookMs: performance.now() - at, changes, survey };
    return survey;
  }

  /** These stay valid until the kernel reports a change; the rest of a survey does not. */
  forwardChains(): HostSurvey["chains"] {
    const last = this.#last;
    const isKnown = last !== undefined && last.changes === this.#open().firewall.foreignChanges;
    return forwardChainsOf(isKnown ? last.survey : this.get());
  }

  /**
   * Reads the forward chains after others changed them, so that the next creation need not. Long surveys are left to
   * the next user.
   */
  refresh(): void {
    const last = this.#last;
    if (last === undefined || last.tookMs > SHORT_SURVEY_MS || forwardChainsOf(last.survey).length === 0)
      return;
    try {
      this.forwardChains();
    } catch {
      // The next user of the survey reports the failure.
    }
  }
}
