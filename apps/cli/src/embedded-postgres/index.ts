export { databaseUrlOf, openCluster } from './cluster.ts';
export { obtainPostgres } from './postgres-program.ts';
export { runPostgres } from './postgres-process.ts';
