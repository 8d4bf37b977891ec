export { exitOf } from './exit-of.mjs';
