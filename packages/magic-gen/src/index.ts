export { MagicGenError, NotConstantError, type SourceLocation } from './errors.js';
export { type FindOptions, findHeaders, type HeaderSet } from './headers/find.js';
export { buildModel, kvmRoots } from './model/build.js';
export type * from './model/model.js';
export { MODEL_SCHEMA } from './model/model.js';
export { findTarget, type TargetDescription, targets } from './targets/index.js';
export { formatReport, type Mismatch, type VerifyReport } from './verify/report.js';
export { verify } from './verify/verify.js';
