export type { Aml } from './bytes.js';
export { buffer, hardwareId, integer, packageOf, string, type Term, term, uuid } from './data.js';
export { path } from './names.js';
export {
  arg,
  call,
  device,
  dwordField,
  type FieldOptions,
  field,
  local,
  type MethodOptions,
  method,
  name,
  operationRegion,
  scope,
} from './objects.js';
export { resourceTemplate } from './resource-template.js';
export { and, equal, ifElse, not, notify, or, returns, store } from './statements.js';
