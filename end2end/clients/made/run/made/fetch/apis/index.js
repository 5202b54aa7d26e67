/* tslint:disable */
/* eslint-disable */
export * from './AccessApi.js';
export * from './CatalogueApi.js';
export * from './ChargesApi.js';
export * from './CourtesyCreditsApi.js';
export * from './CustomerAPIApi.js';
export * from './CustomersApi.js';
export * from './HoldsApi.js';
export * from './LedgerApi.js';
export * from './OperationsApi.js';
export * from './PurchasesApi.js';
export * from './StripeApi.js';
export * from './TestClockApi.js';
