import { defineConfig } from 'drizzle-kit';

/** How `npm run migration` compares the schema with the last snapshot, and writes the next migration. */
export default defineConfig({
  dialect: 'postgresql',
  schema: './src/database/schema.ts',
  out: './migrations',
  casing: 'snake_case',
});
