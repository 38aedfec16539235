export { TheseusProvider, type TheseusProviderOptions } from './theseus-provider.ts';
