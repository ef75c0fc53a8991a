import { createRequire } from 'node:module';
import type * as Orm from 'drizzle-orm';
import type * as NodePostgres from 'drizzle-orm/node-postgres';
import type * as PgCore from 'drizzle-orm/pg-core';

/**
 * Drizzle as CommonJS. As ES modules it is some 200 files, and for each of them Node reads Drizzle's package.json of 180 KB
 * anew: more than half a second and 200 MB of every process.
 */
const require = createRequire(import.meta.url);

export const {
  and,
  asc,
  count,
  desc,
  eq,
  gt,
  inArray,
  isNotNull,
  isNull,
  lt,
  lte,
  ne,
  notExists,
  notInArray,
  or,
  sql,
} = require('drizzle-orm') as typeof Orm;

export const {
  bigint,
  customType,
  doublePrecision,
  foreignKey,
  index,
  integer,
  json,
  pgTable,
  primaryKey,
  text,
  timestamp,
  uniqueIndex,
} = require('drizzle-orm/pg-core') as typeof PgCore;

export const { drizzle } = require('drizzle-orm/node-postgres') as typeof NodePostgres;
