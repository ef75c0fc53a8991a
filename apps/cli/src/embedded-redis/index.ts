export { thisMachine } from './machine.ts';
export { obtainServer } from './obtain-server.ts';
