import { VERSION } from '../version.ts';
import { paths } from './paths.ts';
import { componentSchemas } from './schemas.ts';

/** The OpenAPI 3.1 document of this server. Its schemas are those that requests are checked with. */
export function openApiDocument() {
  return {
    openapi: '3.1.0',
    info: {
      title: 'LLM Engine',
      version: VERSION,
      description:
        "OpenAI's API for inference, files and batches, and native jobs and groups. Every inference becomes a durable job; errors have OpenAI's shape and a stable `code`.",
      license: { name: 'Apache-2.0', identifier: 'Apache-2.0' },
    },
    servers: [{ url: '/' }],
    security: [{ bearer: [] }, { basic: [] }, {}],
    components: {
      schemas: componentSchemas(),
      securitySchemes: {
        bearer: { type: 'http', scheme: 'bearer', description: 'Where the server has API keys.' },
        basic: { type: 'http', scheme: 'basic', description: 'The same key as the password, for browsers.' },
      },
    },
    paths: paths(),
  };
}
