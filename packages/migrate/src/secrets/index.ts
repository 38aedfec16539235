export { type Envelope, type EnvelopeOptions, envelope, type Rotated, type SecretContext } from './envelope.ts';
export {
  clearPlain,
  type FieldReading,
  readField,
  type SealedField,
  sealField,
  unsealField,
} from './sealed-field.ts';
export { isEncrypted } from './secret-text.ts';
