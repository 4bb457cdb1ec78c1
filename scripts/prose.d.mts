export interface RetiredSection {
  readonly name: string;
  readonly except: readonly string[];
  readonly phrases: readonly { readonly expression: RegExp; readonly replacement: string }[];
}

export function parseRetired(text: string): readonly RetiredSection[];

export function checkPage(
  path: string,
  text: string,
  options: {
    readonly retired: readonly RetiredSection[];
    read(path: string): string | undefined;
  },
): readonly string[];

export interface CodeToken {
  readonly kind: "comment" | "string" | "identifier";
  readonly text: string;
  readonly offset: number;
}

export function readTokens(code: string, options: { readonly isTypeScript: boolean }): readonly CodeToken[];

export function checkCode(
  path: string,
  code: string,
  options: { readonly retired: readonly RetiredSection[] },
): readonly string[];
