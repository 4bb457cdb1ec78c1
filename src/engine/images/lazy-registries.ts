import type { Registries, RegistriesOptions } from "../../image/registries.ts";

/** An engine that never pulls loads nothing of TLS and HTTP. */
export class LazyRegistries {
  readonly #options: RegistriesOptions | undefined;
  #opened: Promise<Registries> | undefined;

  constructor(options: RegistriesOptions | undefined) {
    this.#options = options;
  }

  open(): Promise<Registries> {
    this.#opened ??= import("../../image/registries.ts").then(
      (module) => new module.Registries(this.#options),
    );
    return this.#opened;
  }

  async close(): Promise<void> {
    (await this.#opened)?.[Symbol.dispose]();
  }
}
