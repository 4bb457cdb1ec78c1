// Files that the executable embeds: imported with { type: "file" }, each is the path to read it from.
declare module "*.node" {
  const path: string;
  export default path;
}
declare module "*.elf" {
  const path: string;
  export default path;
}
/** Set by the build. */
declare const TARE_BUILD_ID: string | undefined;
