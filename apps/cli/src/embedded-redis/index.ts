export { thisMachine } from '../embedded/machine.ts';
export { obtainServer } from './obtain-server.ts';
