/** Whether tests run for their full length, as `npm run full` asks for: long attacks, many random cases. */
export const isFullRun: boolean = process.env["TARE_TEST_FULL"] === "1";
