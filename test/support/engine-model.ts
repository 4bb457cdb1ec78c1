/** The expected state of an engine after each operation, as a pure model. */
import type { FailureKind } from "../../src/base/failure.ts";

export interface ModelContainer {
  readonly image: number;
  /** Its program ends by itself, at once, with code 7; else it sleeps. */
  readonly isShort: boolean;
  readonly state: string;
  readonly files: readonly string[];
}

export interface Model {
  readonly containers: Readonly<Record<string, ModelContainer>>;
  /** Reference → the image's number, which no other one has. */
  readonly images: Readonly<Record<string, number>>;
  readonly imageFiles: Readonly<Record<number, readonly string[]>>;
}

export const names = ["c-0", "c-1"] as const;
export const imageNames = ["i-0", "i-1"] as const;
export const fileNames = ["f-0", "f-1"] as const;

type Name = (typeof names)[number];
type ImageName = (typeof imageNames)[number];
type FileName = (typeof fileNames)[number];

/** An operation; with `name`, of that container. */
export type Operation =
  | {
      readonly kind: "create";
      readonly name: Name;
      readonly image: ImageName | "busybox";
      readonly isShort: boolean;
    }
  | {
      readonly kind: "start" | "stop" | "kill" | "restart" | "pause" | "unpause" | "remove" | "removeByForce";
      readonly name: Name;
    }
  | { readonly kind: "exec" | "copy"; readonly name: Name; readonly file: FileName }
  | { readonly kind: "rename"; readonly name: Name; readonly to: Name }
  | { readonly kind: "commit"; readonly name: Name; readonly image: ImageName }
  | { readonly kind: "removeImage"; readonly image: ImageName };

export type Step =
  | { readonly kind: "do"; readonly operation: Operation }
  /** The daemon is killed while it does it. */
  | { readonly kind: "crash"; readonly operation: Operation; readonly afterMs: number }
  | { readonly kind: "killDaemon" | "stopDaemon" }
  | { readonly kind: "killKeeper"; readonly name: Name };

export interface Outcome {
  readonly result: "done" | FailureKind;
  readonly model: Model;
}

export const emptyModel: Model = { containers: {}, images: { busybox: 0 }, imageFiles: { 0: [] } };

const exited = (code: number): string => `exited ${code}`;
const isLive = (state: string): boolean => state === "running" || state === "paused";

/** The result of the operation, and the state afterwards. */
export function applyOperation(model: Model, operation: Operation): Outcome {
  const refuse = (result: FailureKind): Outcome => ({ result, model });
  if (operation.kind === "removeImage") return removeImage(model, operation.image);
  const { name } = operation;
  const found = model.containers[name];
  if (operation.kind === "create") {
    const image = model.images[operation.image];
    if (found !== undefined) return refuse("conflict");
    if (image === undefined) return refuse("not-found");
    const files = model.imageFiles[image] ?? [];
    return done(model, name, { image, isShort: operation.isShort, state: "created", files });
  }
  if (found === undefined) return refuse("not-found");
  const { state, isShort } = found;
  const to = (next: string): Outcome => done(model, name, { ...found, state: next });
  const started = isShort ? exited(7) : "running";
  switch (operation.kind) {
    case "start":
      return isLive(state) ? refuse("conflict") : to(started);
    case "stop":
      return isLive(state) ? to(exited(137)) : to(state);
    case "kill":
      return isLive(state) ? to(exited(137)) : refuse("conflict");
    case "restart":
      return to(started);
    case "pause":
      return state === "running" ? to("paused") : refuse("conflict");
    case "unpause":
      return state === "paused" ? to("running") : refuse("conflict");
    case "remove":
      return isLive(state) ? refuse("conflict") : done(model, name, undefined);
    case "removeByForce":
      return done(model, name, undefined);
    case "exec":
      if (state !== "running") return refuse("conflict");
      return done(model, name, withFile(found, operation.file));
    case "copy":
      return done(model, name, withFile(found, operation.file));
    case "rename": {
      if (operation.to === name) return refuse("invalid");
      if (model.containers[operation.to] !== undefined) return refuse("conflict");
      return done(done(model, name, undefined).model, operation.to, found);
    }
    case "commit": {
      const image = Math.max(...Object.keys(model.imageFiles).map(Number)) + 1;
      return {
        result: "done",
        model: {
          ...model,
          images: { ...model.images, [operation.image]: image },
          imageFiles: { ...model.imageFiles, [image]: found.files },
        },
      };
    }
    default:
      return operation satisfies never;
  }
}

/** The possible states after the engine was killed during the operation: all of it, nothing, or a failed start. */
export function modelsAfterCrash(model: Model, operation: Operation): readonly Model[] {
  const models = [model, applyOperation(model, operation).model];
  if (operation.kind === "removeImage" || operation.kind === "create") return models;
  const found = model.containers[operation.name];
  const also = (state: string): void => {
    if (found !== undefined) models.push(done(model, operation.name, { ...found, state }).model);
  };
  if (operation.kind === "restart" || (operation.kind === "start" && !isLive(found?.state ?? ""))) {
    also(exited(125));
  }
  if (["restart", "removeByForce"].includes(operation.kind)) also(exited(137));
  if (["stop", "restart", "kill"].includes(operation.kind) && found?.state === "paused") also("running");
  return models;
}

/** The container's keeper is killed. */
export function loseKeeper(model: Model, name: Name): Model {
  const found = model.containers[name];
  if (found === undefined || !isLive(found.state)) return model;
  return done(model, name, { ...found, state: exited(137) }).model;
}

/** One line a container, sorted: what is compared with the engine. */
export function describeModel({ containers, images }: Model): readonly string[] {
  return [
    ...Object.entries(containers).map(([name, { state, files }]) => `${name} ${state} [${files.join(" ")}]`),
    ...imageNames.filter((name) => Object.hasOwn(images, name)),
  ].sort();
}

function done(model: Model, name: string, container: ModelContainer | undefined): Outcome {
  const { [name]: _, ...others } = model.containers;
  return {
    result: "done",
    model: { ...model, containers: container === undefined ? others : { ...others, [name]: container } },
  };
}

function withFile(container: ModelContainer, file: string): ModelContainer {
  return { ...container, files: [...new Set([...container.files, file])].sort() };
}

function removeImage(model: Model, name: ImageName): Outcome {
  const image = model.images[name];
  if (image === undefined) return { result: "not-found", model };
  const isUsed = Object.values(model.containers).some((each) => each.image === image);
  if (isUsed) return { result: "conflict", model };
  const { [name]: _, ...images } = model.images;
  return { result: "done", model: { ...model, images } };
}
