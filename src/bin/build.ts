/** What this build is. The id is a hash of its sources: clients and daemons of one build have the same. */
export const build: { readonly version: string; readonly commit: string; readonly id: string } = {
  version: "0.1.0",
  commit: typeof TARE_BUILD_ID === "string" ? TARE_BUILD_ID : "from-source",
  id: typeof TARE_BUILD_ID === "string" ? TARE_BUILD_ID : "from-source",
};
