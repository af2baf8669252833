/** Tests run in one of two depths: `npm test` for each change, `npm run test:deep` (CROSSTALK_DEEP=1) for a release. */
export const DEEP = process.env.CROSSTALK_DEEP === "1";
