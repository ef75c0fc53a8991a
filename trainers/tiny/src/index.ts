export { startTinyServer } from './server/tiny-server.ts';
export type { TinyServer, TinyServerOptions } from './server/tiny-server.ts';
