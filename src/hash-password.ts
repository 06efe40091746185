// For `engawa aaa hash`: the hash is made where it is checked. Part of the wiring; adapters are seen from here alone.
export { hashPassword } from './adapters/aaa/radius/passwords.ts';
