import { sentenceOf } from "../base/failure.ts";
import { configureLog, log } from "../base/log.ts";
import { type DaemonConfiguration, reloadAttributes } from "../daemon/configuration.ts";
import { type DaemonOptions, parseDaemonOptions } from "./daemon-options.ts";

/** The daemon's configuration, which SIGHUP reads again from its file. */
export class CurrentConfiguration {
  readonly #argv: readonly string[];
  readonly #hostWarnings: readonly string[];
  #configuration: DaemonConfiguration;
  /** Reloads follow one another. */
  #last: Promise<void> = Promise.resolve();

  constructor({ configuration }: Pick<DaemonOptions, "configuration">, argv: readonly string[]) {
    this.#configuration = configuration;
    this.#hostWarnings = configuration.warnings;
    this.#argv = argv;
  }

  get configuration(): DaemonConfiguration {
    return this.#configuration;
  }

  /** Reports a file that is wrong, or that `check` refuses, and changes nothing then. Never rejects. */
  reload(
    onChange: (attributes: Readonly<Record<string, string>>) => void,
    check: (configuration: DaemonConfiguration) => Promise<void> = () => Promise.resolve(),
  ): Promise<void> {
    this.#last = this.#last.then(() => this.#reload(onChange, check));
    return this.#last;
  }

  async #reload(
    onChange: (attributes: Readonly<Record<string, string>>) => void,
    check: (configuration: DaemonConfiguration) => Promise<void>,
  ): Promise<void> {
    try {
      const { configuration } = await parseDaemonOptions(this.#argv);
      await check(configuration);
      // The sockets stay as they are until the daemon starts again.
      this.#configuration = { ...configuration, warnings: this.#hostWarnings };
      configureLog({ level: configuration.logLevel });
      const attributes = reloadAttributes(this.#configuration);
      onChange(attributes);
      log("info", `reloaded the configuration: ${JSON.stringify(attributes)}`);
    } catch (thrown) {
      log("error", `cannot reload the configuration, the old one stays: ${sentenceOf(thrown)}`);
    }
  }
}
